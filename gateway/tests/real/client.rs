//! Who is before the gateway? A socket that says exactly what it is told, and hyper's clients.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::replica::Body;
use crate::world::soon;

/// A connection on which every byte is ours.
#[derive(Debug)]
pub(crate) struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer, as it came.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.expect("a gateway that accepts")
    }

    pub(crate) async fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new() })
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("a gateway that reads");
    }

    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        soon("an answer", self.try_answer(false)).await.expect("an answer that is whole")
    }

    /// The next answer's head, after which nothing comes (an interim one, or one to `HEAD`).
    pub(crate) async fn head(&mut self) -> Answer {
        soon("an answer's head", self.try_answer(true)).await.expect("an answer")
    }

    /// The next answer, or why there is none.
    pub(crate) async fn try_answer(&mut self, only_head: bool) -> io::Result<Answer> {
        let head = self.until(b"\r\n\r\n").await?;
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status = status.and_then(|status| status.parse().ok()).expect("a status line");
        let mut answer = Answer { status, headers: fields(lines), ..Answer::default() };
        if only_head || matches!(status, 100..=199 | 204 | 304) {
            return Ok(answer);
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = self.until(b"\r\n").await?;
                let size = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
                if size == 0 {
                    break;
                }
                let chunk = self.exactly(size + 2).await?;
                answer.body.extend_from_slice(&chunk[..size]);
            }
            loop {
                let line = self.until(b"\r\n").await?;
                if line == "\r\n" {
                    return Ok(answer);
                }
                answer.trailers.extend(fields(line.lines()));
            }
        }
        let size = answer.header("content-length").and_then(|size| size.parse().ok());
        answer.body = match size {
            Some(size) => self.exactly(size).await?,
            None => self.rest().await?,
        };
        Ok(answer)
    }

    /// Until the gateway closes; what it still says.
    pub(crate) async fn closed(&mut self) -> Vec<u8> {
        match soon("the connection's end", self.rest()).await {
            Ok(rest) => rest,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Vec::new(),
            Err(error) => panic!("not closed: {error}"),
        }
    }

    async fn rest(&mut self) -> io::Result<Vec<u8>> {
        self.stream.read_to_end(&mut self.read).await?;
        Ok(std::mem::take(&mut self.read))
    }

    async fn until(&mut self, end: &[u8]) -> io::Result<String> {
        loop {
            if let Some(found) = memchr::memmem::find(&self.read, end) {
                let rest = self.read.split_off(found + end.len());
                let head = std::mem::replace(&mut self.read, rest);
                return Ok(String::from_utf8(head).expect("a head of text"));
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, size: usize) -> io::Result<Vec<u8>> {
        while self.read.len() < size {
            self.more().await?;
        }
        let rest = self.read.split_off(size);
        Ok(std::mem::replace(&mut self.read, rest))
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn fields<'l>(lines: impl Iterator<Item = &'l str>) -> Vec<(String, String)> {
    let split = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    lines.filter_map(split).collect()
}

/// hyper's client, on one connection.
#[derive(Debug)]
pub(crate) struct Client {
    sender: Sender,
    _connection: JoinSet<()>,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Client {
    pub(crate) async fn http1(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a gateway that accepts");
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.expect("a connection");
        let mut tasks = JoinSet::new();
        tasks.spawn(async {
            connection.await.ok();
        });
        Self { sender: Sender::Http1(sender), _connection: tasks }
    }

    /// With prior knowledge.
    pub(crate) async fn http2(address: SocketAddr) -> Self {
        Self::http2_over(TcpStream::connect(address).await.expect("a gateway that accepts")).await
    }

    pub(crate) async fn http2_over<S>(stream: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TokioIo::new(stream);
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), stream).await.expect("a connection");
        let mut tasks = JoinSet::new();
        tasks.spawn(async {
            connection.await.ok();
        });
        Self { sender: Sender::Http2(sender), _connection: tasks }
    }

    /// Sends `request`; its answer, once its head is there.
    pub(crate) async fn try_send(
        &mut self,
        request: Request<Body>,
    ) -> hyper::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    pub(crate) async fn send(&mut self, request: Request<Body>) -> Response<Incoming> {
        soon("an answer", self.try_send(request)).await.expect("an answer")
    }

    /// Sends `request`; its status and all of its answer's body.
    pub(crate) async fn whole(&mut self, request: Request<Body>) -> (http::StatusCode, Bytes) {
        let (head, body) = self.send(request).await.into_parts();
        let body = soon("an answer's body", body.collect()).await.expect("a body that is whole");
        (head.status, body.to_bytes())
    }
}

/// A request for `path`, for either protocol.
pub(crate) fn ask(method: &str, path: &str, body: Body) -> Request<Body> {
    let request = Request::builder().method(method).header("host", "example.com");
    request.uri(format!("http://example.com{path}")).body(body).expect("a request")
}

/// The next piece of `body`, which is not its end.
pub(crate) async fn piece(body: &mut Incoming) -> Bytes {
    let frame = soon("a piece of a body", body.frame()).await;
    frame.expect("more of the body").expect("a whole body").into_data().expect("data")
}

/// Until `body` ends, without more in it and without fault.
pub(crate) async fn end(body: &mut Incoming) {
    // HTTP/2 may say that it ends with a frame that is empty.
    while let Some(frame) = soon("the end of a body", body.frame()).await {
        let frame = frame.expect("a body that ends well");
        assert!(frame.data_ref().is_some_and(Bytes::is_empty), "more of the body: {frame:?}");
    }
}
