//! Who may ask, and for how long? Operators and their probes: few, small questions, no bodies.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::tasks::Tasks;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MOST: usize = 128;
/// From one answer to the end of the next head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// A head longer than this is refused.
const HEAD_MOST: usize = 16 << 10;
/// A connection lives so long, so that whoever does not read its answer gives its place back.
const LIFE: Duration = Duration::from_secs(300);
/// What is being answered at the end has so long.
const LAST: Duration = Duration::from_secs(5);
/// Between two attempts to accept, when the process has no more files to open.
const BREATH: Duration = Duration::from_millis(100);

impl Admin {
    /// Answers whoever connects, until `stop`.
    pub async fn serve(self, listener: TcpListener, tasks: Tasks, stop: CancellationToken) {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MOST));
        loop {
            let next = accept(&listener, &room);
            let Some((stream, place)) = stop.run_until_cancelled(next).await else { return };
            let (admin, stop) = (self.clone(), stop.clone());
            tasks.spawn(async move {
                admin.connection(stream, stop).await;
                drop(place);
            });
        }
    }

    async fn connection(self, stream: TcpStream, stop: CancellationToken) {
        let answer = |request: http::Request<hyper::body::Incoming>| {
            let answer = self.answer(request.method(), request.uri(), request.headers());
            std::future::ready(Ok::<_, Infallible>(answer))
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(HEAD_MOST)
            .serve_connection(TokioIo::new(stream), service_fn(answer));
        let mut connection = pin!(connection);
        let ended = timeout(LIFE, stop.run_until_cancelled(connection.as_mut())).await;
        if matches!(ended, Ok(Some(_))) {
            // Done, or broken off by who asked: either way there is nobody left to tell.
            return;
        }
        connection.as_mut().graceful_shutdown();
        timeout(LAST, connection).await.ok();
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, tokio::sync::OwnedSemaphorePermit) {
    let place = Arc::clone(room).acquire_owned().await.expect("nobody closes it");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(_) => sleep(BREATH).await,
        }
    }
}
