//! Does a WebSocket pass? Both ways, whatever it says, until either side ends it.

use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

use crate::replica::Replica;
use crate::world::{Gateway, soon, web};

/// Says back what it hears, until it hears `bye`.
async fn echo(stream: TcpStream) {
    let Ok(mut socket) = accept_async(stream).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        let answer = match message {
            Message::Text(text) if text == "bye" => {
                let code = CloseCode::Normal;
                Message::Close(Some(CloseFrame { code, reason: "bye".into() }))
            }
            Message::Text(_) | Message::Binary(_) => message,
            _ => continue,
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}

async fn open(gateway: &Gateway) -> Result<WebSocketStream<TcpStream>, Error> {
    let stream = TcpStream::connect(gateway.address).await.expect("a gateway that accepts");
    let opening = client_async("ws://example.com/chat", stream);
    Ok(soon("the upgrade", opening).await?.0)
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Message {
    soon("a message", socket.next()).await.expect("a socket that is open").expect("a message")
}

#[tokio::test]
async fn every_kind_of_message_passes_both_ways() {
    let replica = Replica::raw(echo).await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut socket = open(&gateway).await.expect("an upgrade");
    let large = vec![7_u8; 1 << 20];
    for message in [
        Message::text("hello"),
        Message::binary(vec![0, 1, 255]),
        Message::text(""),
        Message::binary(large),
        // What looks like HTTP to whoever still looks.
        Message::text("GET / HTTP/1.1\nContent-Length: 5\nContent-Length: 6\n\n"),
    ] {
        socket.send(message.clone()).await.expect("a socket that is open");
        assert_eq!(next(&mut socket).await, message);
    }
    socket.send(Message::Ping("anybody?".into())).await.expect("a socket that is open");
    assert_eq!(next(&mut socket).await, Message::Pong("anybody?".into()));
}

#[tokio::test]
async fn either_side_ends_it() {
    let replica = Replica::raw(echo).await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut socket = open(&gateway).await.expect("an upgrade");
    socket.close(None).await.expect("a socket that is open");
    assert!(matches!(next(&mut socket).await, Message::Close(_)));
    assert!(soon("the end", socket.next()).await.is_none());

    let mut socket = open(&gateway).await.expect("an upgrade");
    socket.send(Message::text("bye")).await.expect("a socket that is open");
    let Message::Close(Some(frame)) = next(&mut socket).await else { panic!("not closed") };
    assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Normal, "bye"));
    assert!(soon("the end", socket.next()).await.is_none());
}

#[tokio::test]
async fn a_replica_that_dies_ends_it() {
    let replica = Replica::raw(echo).await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut socket = open(&gateway).await.expect("an upgrade");
    drop(replica);
    let end = soon("the end", socket.next()).await;
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
}

#[tokio::test]
async fn a_replica_may_decline() {
    let (replica, mut told) = Replica::telling().await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let Err(Error::Http(response)) = open(&gateway).await else { panic!("not declined") };
    assert_eq!(response.status(), 200);
    let seen = told.next().await;
    assert_eq!(seen.header("upgrade"), Some("websocket"));
    assert_eq!(seen.header("connection"), Some("upgrade"));
}
