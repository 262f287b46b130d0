//! What if clients send nonsense? They are told so in JSON, and nobody else notices.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::world::{Elector, Manual, Shared, read_until};

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
    let head = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000));
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
    let asked = timeout(Duration::from_secs(2), elector.status("PUT /locks/a")).await;
    assert_eq!(asked.expect("it answers others"), 200);
}

#[tokio::test]
async fn names_that_are_too_long_are_refused_in_json() {
    let elector = elector().await;
    let long = "y".repeat(5000);
    for method in ["GET", "PUT", "POST", "DELETE"] {
        let (status, said) = elector.ask(&format!("{method} /locks/{long}")).await;
        assert_eq!(status, 414, "{method}");
        assert!(said["message"].as_str().is_some_and(|said| said.contains("4096")), "{said}");
    }
    let (status, said) =
        elector.say(&post(&format!(r#"{{"metadata":{{"name":"{long}"}}}}"#))).await;
    assert!(status == 400 && said["message"].is_string(), "{status} {said}");
    assert_eq!(
        elector.ask("GET /locks").await.1["items"],
        Value::Array(Vec::new()),
        "nothing is left"
    );
}

#[tokio::test]
async fn whoever_only_reads_events_takes_no_place_of_those_who_ask() {
    let elector = elector().await;
    let mut readers = Vec::new();
    // As many as there are places for those who ask, and as there are for readers.
    for _ in 0..256 {
        let mut reader = elector.watch("a").await;
        read_until(&mut reader, "text/event-stream").await;
        readers.push(reader);
    }
    let asked = timeout(Duration::from_secs(2), elector.status("PUT /locks/a")).await;
    assert_eq!(asked.expect("it answers others"), 200);
    for reader in &mut readers {
        read_until(reader, "\"owner\":\"one\"").await;
    }
    let (status, said) = elector.ask("GET /locks/a?watch").await;
    assert!(status == 503 && said["message"].is_string(), "{status} {said}");
    drop(readers);
    // That a client went away is heard of when it is.
    let mut first = [0; 12];
    while first != *b"HTTP/1.1 200" {
        let mut reader = elector.watch("a").await;
        reader.read_exact(&mut first).await.expect("an answer");
    }
}

#[tokio::test]
async fn nonsense_leaves_nothing_behind() {
    let elector = elector().await;
    for nonsense in
        ["nonsense\r\n\r\n", "PUT /locks/a HT", "\r\n\r\n", "GET /locks/b HTTP/9.9\r\n\r\n"]
    {
        for _ in 0..100 {
            let mut stream = TcpStream::connect(elector.address).await.expect("it listens");
            stream.write_all(nonsense.as_bytes()).await.expect("it reads");
        }
    }
    // More of it came than there are places.
    let asked = timeout(Duration::from_secs(5), elector.ask("GET /locks")).await;
    let (status, listed) = asked.expect("it answers others");
    assert_eq!((status, &listed["items"]), (200, &Value::Array(Vec::new())));
}
