//! Is what `curl` sends read as people mean it?

use std::sync::{Arc, Mutex};

use http::StatusCode;
use http_body_util::BodyExt;
use serde::Deserialize;

use super::{Error, Result, answer, read, refuse, says_json};

#[derive(Debug, Deserialize, PartialEq)]
struct Visit {
    user: String,
    #[serde(default)]
    times: u32,
}

fn asked<T: serde::de::DeserializeOwned>(target: &str, body: &str) -> Result<T> {
    read(&target.parse().unwrap(), false, body.as_bytes())
}

fn visit(user: &str, times: u32) -> Visit {
    Visit { user: user.to_owned(), times }
}

#[test]
fn a_body_is_json() {
    assert_eq!(asked::<Visit>("/", r#"{"user":"jim"}"#).unwrap(), visit("jim", 0));
    assert_eq!(asked::<Vec<u32>>("/", "[1,2]").unwrap(), [1, 2]);
}

#[test]
fn a_body_that_is_no_json_is_a_text_unless_it_is_said_to_be() {
    assert_eq!(asked::<String>("/", "jim\n").unwrap(), "jim");
    assert_eq!(asked::<String>("/", "\"jim\"").unwrap(), "jim");
    assert_eq!(asked::<String>("/", "42").unwrap(), "42");
    let said = read::<String>(&"/".parse().unwrap(), true, b"jim");
    assert_eq!(said.unwrap_err().status(), StatusCode::BAD_REQUEST);
}

#[test]
fn without_a_body_the_query_is_asked() {
    assert_eq!(asked::<Visit>("/?user=jim&times=3", "").unwrap(), visit("jim", 3));
    let wrong = asked::<Visit>("/?times=3", "").unwrap_err();
    assert!(wrong.to_string().contains("missing field `user`"), "{wrong}");
}

#[test]
fn nothing_is_asked_of_who_wants_nothing() {
    asked::<()>("/", "").unwrap();
    assert_eq!(asked::<Option<Visit>>("/", "").unwrap(), None);
    assert!(asked::<std::collections::BTreeMap<String, u32>>("/", "").unwrap().is_empty());
    let wrong = asked::<Visit>("/", "").unwrap_err();
    assert!(wrong.to_string().contains("curl -d"), "{wrong}");
}

#[tokio::test]
async fn an_answer_is_a_line_of_json() {
    let response = answer(Ok([1, 2]));
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "[1,2]\n");
}

#[tokio::test]
async fn a_cause_is_for_the_log_and_not_for_who_asked() {
    let error = Error::from(std::io::Error::other("password of db-7"));
    assert_eq!(error.in_full(), "the service failed; its log says why: password of db-7");
    let response = refuse(&error);
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let text = response.into_body().collect().await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&text).contains("password"), "{text:?}");
}

/// A log that is looked at.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_is_for_the_log_alone_is_in_the_log_whatever_the_status() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        drop(refuse(&Error::unavailable("not now").because("db-7 is away")));
        drop(refuse(&Error::bad_request("not so")));
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("db-7 is away") && !text.contains("not so"), "{text}");
}

#[test]
fn json_is_json_with_whatever_is_said_besides() {
    for kind in ["application/json", "Application/JSON", "application/json; charset=utf-8"] {
        assert!(says_json(kind.as_bytes()), "{kind}");
    }
    for kind in ["", "text/plain", "application/json-seq", "application/problem+json"] {
        assert!(!says_json(kind.as_bytes()), "{kind}");
    }
}

#[test]
fn a_refusal_is_kept_by_nobody() {
    assert_eq!(refuse(&Error::not_found("no")).headers()["cache-control"], "no-store");
}
