//! Does gRPC pass? tonic on both sides, with messages that are plain bytes.

use std::net::SocketAddr;
use std::pin::Pin;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures::channel::mpsc;
use futures::{SinkExt as _, Stream, StreamExt as _, stream};
use http::uri::PathAndQuery;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use crate::replica::{Body, Replica};
use crate::world::{Gateway, soon, web};

/// Messages as they are.
#[derive(Debug, Clone, Copy, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

type Messages = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

async fn unary(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    let message = request.into_inner();
    if message == "fail" {
        return Err(Status::failed_precondition("100% of it, said the replica"));
    }
    let mut response = Response::new(message);
    response.metadata_mut().insert("x-own", "mine".parse().expect("a value"));
    Ok(response)
}

/// Says it three times, and fails after that if it is told to.
async fn three(request: Request<Bytes>) -> Result<Response<Messages>, Status> {
    let message = request.into_inner();
    let end = (message == "fail").then(|| Err(Status::aborted("in the middle")));
    let messages = std::iter::repeat_n(Ok(message), 3).chain(end);
    Ok(Response::new(Box::pin(stream::iter(messages.collect::<Vec<_>>()))))
}

async fn echo(request: Request<Streaming<Bytes>>) -> Result<Response<Messages>, Status> {
    Ok(Response::new(Box::pin(request.into_inner())))
}

async fn serve(request: http::Request<Incoming>) -> http::Response<Body> {
    let mut server = tonic::server::Grpc::new(Plain);
    let response = match request.uri().path() {
        "/Test/Unary" => server.unary(tower::service_fn(unary), request).await,
        "/Test/Three" => server.server_streaming(tower::service_fn(three), request).await,
        _ => server.streaming(tower::service_fn(echo), request).await,
    };
    response.map(|body| body.map_err(Into::into).boxed_unsync())
}

/// tonic's client, and the replica and the gateway that it speaks to.
struct Call {
    client: tonic::client::Grpc<Channel>,
    gateway: Gateway,
    _replica: Replica,
}

impl Call {
    async fn open() -> Self {
        let replica = Replica::start(serve).await;
        let gateway = Gateway::serve(&web("protocol: h2c", &[replica.address])).await;
        let client = connect(gateway.address).await;
        Self { client, gateway, _replica: replica }
    }
}

async fn connect(address: SocketAddr) -> tonic::client::Grpc<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let channel = soon("a connection", endpoint.connect()).await.expect("a gateway that accepts");
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.expect("a connection");
    client
}

async fn ask(
    client: &mut tonic::client::Grpc<Channel>,
    message: &'static str,
) -> Result<Response<Bytes>, Status> {
    let path = PathAndQuery::from_static("/Test/Unary");
    client.ready().await.expect("a connection");
    soon("an answer", client.unary(Request::new(message.into()), path, Plain)).await
}

#[tokio::test]
async fn one_message_is_answered_with_one() {
    let mut call = Call::open().await;
    let response = ask(&mut call.client, "hello").await.expect("an answer");
    assert_eq!(response.get_ref(), "hello");
    let own = response.metadata().get("x-own").expect("what the replica says");
    assert_eq!(own, "mine");
}

#[tokio::test]
async fn a_replicas_own_error_passes_unchanged() {
    let mut call = Call::open().await;
    let status = ask(&mut call.client, "fail").await.expect_err("an error");
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "100% of it, said the replica");
}

#[tokio::test]
async fn one_message_is_answered_with_many_and_a_status_in_trailers() {
    let mut call = Call::open().await;
    for (message, code) in [("hello", None), ("fail", Some(Code::Aborted))] {
        let path = PathAndQuery::from_static("/Test/Three");
        call.client.ready().await.expect("a connection");
        let answers = call.client.server_streaming(Request::new(message.into()), path, Plain);
        let answers = soon("an answer", answers).await.expect("an answer");
        let answers = answers.into_inner();
        let answers: Vec<Result<Bytes, Status>> = soon("all messages", answers.collect()).await;
        let (errors, messages): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_err);
        assert_eq!(messages.len(), 3);
        assert_eq!(errors.first().and_then(|e| e.as_ref().err()).map(Status::code), code);
    }
}

#[tokio::test]
async fn both_sides_speak_in_turn() {
    let mut call = Call::open().await;
    let (mut speaker, messages) = mpsc::channel::<Bytes>(0);
    let path = PathAndQuery::from_static("/Test/Echo");
    let answers = call.client.streaming(Request::new(messages), path, Plain);
    let answers = soon("an answer", answers).await.expect("an answer");
    let mut answers = answers.into_inner();
    for word in ["how", "are", "you"] {
        speaker.send(word.into()).await.expect("somebody who listens");
        let answer = soon("an answer", answers.message()).await.expect("a message");
        assert_eq!(answer.expect("a message"), word);
    }
    drop(speaker);
    assert!(soon("the end", answers.message()).await.expect("no error").is_none());
}

#[tokio::test]
async fn refusals_are_told_as_grpc_tells_them() {
    let mut call = Call::open().await;
    assert!(ask(&mut call.client, "hello").await.is_ok());
    call.gateway.edit(&web("protocol: h2c", &[]));
    call.gateway.says("the file was read again").await;
    let status = ask(&mut call.client, "hello").await.expect_err("a refusal");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    call.gateway.edit("services: {}\nroutes: []\n");
    call.gateway.says("the file was read again").await;
    let status = ask(&mut call.client, "hello").await.expect_err("a refusal");
    assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
}

#[tokio::test]
async fn a_replica_that_is_gone_is_unavailable() {
    let replica = Replica::start(serve).await;
    let gateway = Gateway::serve(&web("protocol: h2c", &[replica.address])).await;
    let mut client = connect(gateway.address).await;
    assert!(ask(&mut client, "hello").await.is_ok());
    drop(replica);
    let status = ask(&mut client, "hello").await.expect_err("a refusal");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}
