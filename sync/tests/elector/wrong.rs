//! What if clients send nonsense? They are told so in JSON, and nobody else notices.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{Elector, Manual, Shared};

async fn elector() -> Elector {
    Elector::start(&Shared::default(), Manual::default(), "one", false).await
}

fn post(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /locks HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn odd_names_are_names() {
    let elector = elector().await;
    let long = format!("/locks/{}", "x".repeat(4000));
    for path in [
        "/locks/%00",
        "/locks/..",
        "/locks/../../etc",
        "/locks/%F0%9F%94%92",
        "/locks/%ff%fe",
        "/locks/%",
        "/locks/a b".replace(' ', "%20").as_str(),
        "/locks//",
        "/locks/UPPER",
        "/locks/-",
        &long,
    ] {
        let (status, lock) = elector.ask(&format!("PUT {path}")).await;
        assert_eq!((status, &lock["kind"]), (200, &Value::from("Lock")), "{path}");
        assert_eq!(elector.status(&format!("GET {path}")).await, 200, "{path}");
        assert_eq!(elector.status(&format!("DELETE {path}")).await, 204, "{path}");
    }
}

#[tokio::test]
async fn wrong_bodies_are_refused_in_json() {
    let elector = elector().await;
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("[]", 400),
        (r#"{"metadata":{}}"#, 400),
        (r#"{"metadata":{"name":""}}"#, 400),
        (r#"{"metadata":{"name":7}}"#, 400),
        (r#"{"metadata":{"name":"x"}}"#, 200),
        (r#"{"metadata":{"name":"x"}}"#, 409),
        (&format!(r#"{{"metadata":{{"name":"{}"}}}}"#, "y".repeat(100_000)), 413),
    ] {
        let (answered, said) = elector.say(&post(body)).await;
        assert_eq!(answered, status, "{:.60}", body);
        assert!(said.is_object(), "{said}");
    }
    assert_eq!(elector.status("PUT /locks/x").await, 200, "and it goes on");
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_huge_bodies_do_not_matter() {
    let elector = elector().await;
    assert_eq!(elector.say("nonsense\r\n\r\n").await.0, 400);
    let head = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(60_000));
    assert!([414, 431].contains(&elector.say(&head).await.0));
    let body = "z".repeat(3 << 20);
    let put = format!(
        "PUT /locks/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(elector.address).await.expect("it listens");
    stream.write_all(put.as_bytes()).await.expect("it reads");
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.expect("an answer before the body was read");
    assert_eq!(answer, b"HTTP/1.1 200");
}

#[tokio::test]
async fn clients_that_dawdle_hold_up_nobody() {
    let elector = elector().await;
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(elector.address).await.expect("it listens");
        stream.write_all(b"PUT /locks/a HT").await.expect("it reads");
        slow.push(stream);
    }
    let asked = tokio::time::timeout(Duration::from_secs(2), elector.status("PUT /locks/a")).await;
    assert_eq!(asked.expect("it answers others"), 200);
}
