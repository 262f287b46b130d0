//! How does a worker listen, and how does it stop without losing who is already in the queue?

use std::io;
use std::net::SocketAddr;
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

/// Stops listening, and gives those whom the kernel had already accepted.
///
/// A listener that is closed resets the connections in its queue. So nobody is let in any more, by a
/// filter that drops every packet to the listener itself, then the queue is emptied, and only then
/// is it closed.
pub(super) fn retire(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    if let Err(error) = shut(&SockRef::from(&listener)) {
        tracing::debug!(%error, "the listener cannot be shut before it is closed");
    }
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let queued = std::iter::from_fn(|| listener.accept().ok());
    let adopt = |(stream, address): (std::net::TcpStream, SocketAddr)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, address))
    };
    queued.filter_map(adopt).collect()
}

/// Lets no packet through to the listener: a classic BPF program of one instruction, `ret 0`.
#[cfg(target_os = "linux")]
fn shut(listener: &SockRef<'_>) -> io::Result<()> {
    const RETURN_CONSTANT: u16 = 0x06;
    listener.attach_filter(&[socket2::SockFilter::new(RETURN_CONSTANT, 0, 0, 0)])
}

#[cfg(not(target_os = "linux"))]
fn shut(_: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}
