//! How does a worker listen, and how does it stop without losing who is already in the queue?

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

/// How many connections the kernel keeps for a worker that is busy (nginx's 511, doubled; the kernel
/// caps it at `net.core.somaxconn`).
const BACKLOG: i32 = 1024;
/// After how much silence a client is asked whether it lives, and how long sent bytes may stay
/// unacknowledged.
const KEEPALIVE: Duration = Duration::from_secs(30);
const UNACKNOWLEDGED_MOST: Duration = Duration::from_secs(30);

/// One listening socket for each worker, all at one address.
#[derive(Debug)]
pub struct Listeners {
    /// Where they listen; with port 0 asked, the one that was given.
    pub address: SocketAddr,
    /// The sockets, one a worker.
    pub sockets: Vec<std::net::TcpListener>,
}

/// An address that cannot be listened at.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at {address}; give another address, or end what listens there")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

/// Listens at `address`, once for each of `workers`.
///
/// # Errors
/// When the address cannot be had, or somebody else listens there.
pub fn bind(address: SocketAddr, workers: usize) -> Result<Listeners, BindError> {
    let address = usable(address, has_v6());
    let failed = |address| move |source| BindError { address, source };
    // With `SO_REUSEPORT` a second gateway would silently take half of the first one's connections:
    // the address must be free for one without it first.
    drop(listen(address, false).map_err(failed(address))?);
    let first = listen(address, true).map_err(failed(address))?;
    let address = first.local_addr().map_err(failed(address))?;
    let others = (1..workers).map(|_| listen(address, true).map_err(failed(address)));
    let sockets = std::iter::once(Ok(first)).chain(others).collect::<Result<_, _>>()?;
    Ok(Listeners { address, sockets })
}

/// `[::]` is all addresses of both families, and where there is no IPv6 those of the other one.
fn usable(address: SocketAddr, has_v6: bool) -> SocketAddr {
    match address {
        SocketAddr::V6(all) if all.ip().is_unspecified() && !has_v6 => {
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, all.port()))
        }
        other => other,
    }
}

fn has_v6() -> bool {
    Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).is_ok()
}

fn listen(address: SocketAddr, shared: bool) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Sets what every connection of a client has.
pub(super) fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MOST))
}

/// How long handshakes that have begun may take when nobody else is let in.
const HANDSHAKE: Duration = Duration::from_millis(200);

/// Stops listening, and gives those whom the kernel had already accepted.
///
/// A listener that is closed resets the connections in its queue, and the handshakes that are under
/// way. So no new one is let in, by a filter that drops SYN packets to the listener alone; those that
/// have begun may end; then the queue is emptied, and only then is it closed.
pub(super) async fn retire(listener: TcpListener, mut take: impl FnMut(TcpStream, SocketAddr)) {
    if let Err(error) = shut(&SockRef::from(&listener)) {
        tracing::debug!(%error, "the listener cannot be shut before it is closed");
    }
    let last = tokio::time::Instant::now() + HANDSHAKE;
    while let Ok(accepted) = tokio::time::timeout_at(last, listener.accept()).await {
        if let Ok((stream, address)) = accepted {
            take(stream, address);
        }
    }
}

/// Lets no SYN packet through to the listener: a classic BPF program over the TCP header.
fn shut(listener: &SockRef<'_>) -> io::Result<()> {
    use socket2::SockFilter;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    listener.attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_those_that_there_are() {
        let check = |address: &str, has_v6, expected: &str| {
            assert_eq!(usable(address.parse().unwrap(), has_v6), expected.parse().unwrap());
        };
        check("[::]:80", true, "[::]:80");
        check("[::]:80", false, "0.0.0.0:80");
        check("[::1]:80", false, "[::1]:80");
        check("0.0.0.0:80", true, "0.0.0.0:80");
    }
}
