//! How does a replica answer over the network? As any small HTTP/1.1 server, until it is told to stop.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metaparticle_gateway::model::ShardName;
use metaparticle_gateway::tasks::Tasks;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::pattern::Answering;
use crate::wire::{BUILD, Error, Request, Response, SHARD, refuse};

/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MOST: usize = 1024;
/// Between two attempts to accept, when the process has no more files to open.
const BREATH: Duration = Duration::from_millis(100);

/// A replica that answers over the network.
#[derive(Clone)]
pub(crate) struct Leaf {
    /// What it is called: it answers for its own kind only. None answers for whatever it is asked.
    pub(crate) replica: Option<Arc<str>>,
    /// Which build of the program it is.
    pub(crate) build: HeaderValue,
    /// What answers.
    pub(crate) answering: Answering,
    /// When to accept no more, and finish what has begun.
    pub(crate) end: CancellationToken,
    /// When to fall silent at once, as if it had been killed.
    pub(crate) kill: CancellationToken,
}

impl Leaf {
    /// Answers whoever connects.
    pub(crate) async fn serve(self, listener: TcpListener, tasks: Tasks) {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MOST));
        loop {
            let place = Arc::clone(&room).acquire_owned().await.expect("nobody closes it");
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.end.cancelled() => return,
                () = self.kill.cancelled() => return,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(BREATH).await;
                    continue;
                }
            };
            // An answer is one small write: there is nothing to wait for. Without it all still works.
            stream.set_nodelay(true).ok();
            let leaf = self.clone();
            tasks.spawn(async move {
                leaf.connection(stream).await;
                drop(place);
            });
        }
    }

    async fn connection(self, stream: TcpStream) {
        let answer = service_fn(|request: http::Request<Incoming>| async {
            let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
            Ok::<_, Infallible>(self.answer(request).await)
        });
        // Whoever asks keeps connections for as long as it likes: who is idle is not sent away.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), answer)
            .with_upgrades();
        let mut connection = pin!(connection);
        tokio::select! {
            // Broken off by who asked: nobody is left to tell.
            _ = connection.as_mut() => return,
            () = self.kill.cancelled() => return,
            () = self.end.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = self.kill.cancelled() => {}
        }
    }

    async fn answer(&self, request: Request) -> Response {
        let mut response = match self.is_meant(&request) {
            true => (self.answering)(request).await,
            false => {
                refuse(&Error::new(StatusCode::MISDIRECTED_REQUEST, "this is another replica"))
            }
        };
        response.headers_mut().insert(BUILD, self.build.clone());
        response
    }

    /// Whether it is asked as what it is. An address may belong to another pod by now, or a build may have
    /// other parts: then nothing was done, and whoever asks goes elsewhere. The number may be another one:
    /// a shard stands in for its neighbour where that is allowed.
    fn is_meant(&self, request: &Request) -> bool {
        let asked = request.headers().get(&SHARD).and_then(|asked| asked.to_str().ok());
        let (Some(asked), Some(replica)) = (asked, &self.replica) else { return true };
        let (asked, mine) = (ShardName::new(asked), ShardName::new(replica));
        let stem = |name: &ShardName| name.numbered().map(|name| name.stem.to_owned());
        stem(&asked) == stem(&mine)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;

    use super::*;
    use crate::wire::{answer, whole};

    /// What the replica `users-shard-1` answers to whoever asks for `shard`.
    async fn asked_as(shard: &str) -> StatusCode {
        let leaf = Leaf {
            replica: Some("users-shard-1".into()),
            build: HeaderValue::from_static("b1"),
            answering: Arc::new(|_| async { answer(Ok("right")) }.boxed()),
            end: CancellationToken::new(),
            kill: CancellationToken::new(),
        };
        let mut request = http::Request::new(whole(""));
        if !shard.is_empty() {
            request.headers_mut().insert(SHARD, HeaderValue::from_str(shard).unwrap());
        }
        let response = leaf.answer(request).await;
        assert_eq!(response.headers()[BUILD], "b1");
        response.status()
    }

    /// A leaf that was asked, and answers when it is told to: its address, its ends, and who asks.
    async fn asked() -> (Leaf, Arc<Notify>, TcpStream, SocketAddr) {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (began, gone) = (Arc::clone(&begun), Arc::clone(&go));
        let answering: Answering = Arc::new(move |_| {
            let (began, gone) = (Arc::clone(&began), Arc::clone(&gone));
            async move {
                began.notify_one();
                gone.notified().await;
                answer(Ok("right"))
            }
            .boxed()
        });
        let (end, kill) = (CancellationToken::new(), CancellationToken::new());
        let build = HeaderValue::from_static("b1");
        let leaf = Leaf { replica: None, build, answering, end, kill };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, tasks) = (listener.local_addr().unwrap(), Tasks::default());
        tasks.spawn(leaf.clone().serve(listener, tasks.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        begun.notified().await;
        (leaf, go, stream, address)
    }

    /// All that is heard until the connection ends.
    async fn heard(mut stream: TcpStream) -> String {
        let mut text = String::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut text));
        read.await.expect("it ends").ok();
        text
    }

    #[tokio::test]
    async fn who_ends_finishes_what_it_has_and_takes_no_more() {
        let (leaf, go, stream, address) = asked().await;
        leaf.end.cancel();
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        go.notify_one();
        assert!(heard(stream).await.contains("200 OK"));
    }

    #[tokio::test]
    async fn who_is_killed_falls_silent() {
        let (leaf, _go, stream, _) = asked().await;
        leaf.kill.cancel();
        assert_eq!(heard(stream).await, "");
    }

    #[tokio::test]
    async fn a_replica_answers_for_its_own_kind_only() {
        for meant in ["", "users-shard-1", "users-shard-0"] {
            assert_eq!(asked_as(meant).await, StatusCode::OK, "{meant}");
        }
        for other in ["carts-shard-1", "users-1", "users-shard"] {
            assert_eq!(asked_as(other).await, StatusCode::MISDIRECTED_REQUEST, "{other}");
        }
    }
}
