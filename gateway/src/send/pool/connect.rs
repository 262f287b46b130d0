//! How is a connection to a replica made?

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::request::{Body, causes};
use crate::tasks::Tasks;

/// A replica that does not answer in a second is not there (Envoy waits 5, nginx 60).
const CONNECT_MOST: Duration = Duration::from_secs(1);
/// After how much silence the other end is asked whether it lives, and how long sent bytes may
/// stay unacknowledged.
const KEEPALIVE: Duration = Duration::from_secs(10);
const UNACKNOWLEDGED_MOST: Duration = Duration::from_secs(20);
/// HTTP/2 flow control: enough for a fast network, in one stream and in all.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

type Cause = Box<dyn Error + Send + Sync>;

pub(super) async fn http2(
    address: SocketAddr,
    tasks: &Tasks,
) -> Result<http2::SendRequest<Body>, Cause> {
    let stream = tcp(address).await?;
    let mut builder = http2::Builder::new(tasks.clone());
    builder.initial_stream_window_size(STREAM_WINDOW);
    builder.initial_connection_window_size(CONNECTION_WINDOW);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    tasks.spawn(async {
        connection.await.ok();
    });
    sender.ready().await?;
    Ok(sender)
}

pub(super) async fn tcp(address: SocketAddr) -> Result<TcpStream, io::Error> {
    let stream = match tokio::time::timeout(CONNECT_MOST, TcpStream::connect(address)).await {
        Ok(stream) => stream?,
        Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in 1 s")),
    };
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MOST))?;
    Ok(stream)
}

/// Whether the replica refused the stream before it did anything (RFC 9113 §8.7).
pub(super) fn is_refused(error: &hyper::Error) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<h2::Error>()).any(|error| {
        let refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
        // Streams above the last one that a GOAWAY names were not touched (RFC 9113 §6.8).
        refused || error.is_go_away() && error.is_remote()
    })
}
