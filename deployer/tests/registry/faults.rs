//! What goes well the next time, and what does not go well at all?

use std::time::Duration;

use http::StatusCode;
use metaparticle::registry::{Options, Progress};

use crate::fake::{Fails, Fake};
use crate::world::{BLOBS, push, pushed, quick, reference, refused};

const NOW: &[(&str, &str)] = &[("retry-after", "0")];

#[tokio::test]
async fn what_is_transient_is_tried_again() {
    let transient = [
        ("PUT /v2/upload/", Fails::With(StatusCode::TOO_MANY_REQUESTS, NOW, "")),
        ("PUT /v2/upload/", Fails::With(StatusCode::SERVICE_UNAVAILABLE, &[], "")),
        ("PUT /v2/upload/", Fails::Breaks),
        ("HEAD /v2/hello/blobs/", Fails::Breaks),
        ("POST /v2/hello/", Fails::With(StatusCode::BAD_GATEWAY, &[], "")),
        ("PUT /v2/hello/manifests/", Fails::With(StatusCode::INTERNAL_SERVER_ERROR, &[], "")),
        ("HEAD /v2/hello/manifests/", Fails::With(StatusCode::GATEWAY_TIMEOUT, &[], "")),
    ];
    let fake = Fake::start(|state| state.fails = transient.into()).await;
    let (made, told) =
        push(&reference(fake.address, "hello"), &Options { attempts: 9, ..quick() }).await;
    made.expect("a push");
    assert_eq!(fake.look(|state| (state.blobs.len(), state.fails.len())), (BLOBS, 0));
    let again = told.iter().filter(|told| matches!(told, Progress::Again { .. })).count();
    assert!(again >= 6, "{again} times: {told:?}");
}

#[tokio::test]
async fn a_registry_that_says_when_is_asked_then() {
    let busy = Fails::With(StatusCode::TOO_MANY_REQUESTS, &[("retry-after", "1")], "");
    let fake = Fake::start(|state| state.fails = [("POST", busy)].into()).await;
    let (_, told) = push(&reference(fake.address, "hello"), &quick()).await;
    let waits = told.iter().filter_map(|told| match told {
        Progress::Again { after, because } => Some((*after, because.contains("429"))),
        _ => None,
    });
    assert_eq!(waits.collect::<Vec<_>>(), [(Duration::from_secs(1), true)]);
}

#[tokio::test]
async fn what_never_gets_better_ends_after_so_many_times() {
    let broken = || ("POST", Fails::With(StatusCode::SERVICE_UNAVAILABLE, &[], "<html>down"));
    let fails = std::iter::repeat_with(broken).take(99).collect();
    let fake = Fake::start(|state| state.fails = fails).await;
    let options = Options { attempts: 3, parallel: 1, ..quick() };
    let said = refused(&reference(fake.address, "hello"), &options).await;
    assert!(said.contains("refuses with 503 Service Unavailable"), "{said}");
    assert!(!said.contains("html"), "{said}");
    assert_eq!(fake.asked("POST"), 3);
}

#[tokio::test]
async fn what_the_registry_decides_is_told_at_once_in_its_words_and_with_what_helps() {
    let check = async |on, status, body, wanted: &str| {
        let fake =
            Fake::start(|state| state.fails = [(on, Fails::With(status, &[], body))].into()).await;
        let options = Options { parallel: 1, ..quick() };
        let said = refused(&reference(fake.address, "hello"), &options).await;
        assert!(said.ends_with(wanted), "{said}");
        assert!(
            said.contains(&format!("http://{}/v2/hello/", fake.address)) || on.contains("upload"),
            "{said}"
        );
    };
    check("POST", StatusCode::FORBIDDEN,
        r#"{"errors":[{"code":"DENIED","message":"quota is used up","detail":"10 GiB"}]}"#,
        "refuses with 403 Forbidden: DENIED quota is used up (10 GiB); ask for the right to push there, or push elsewhere").await;
    check("POST", StatusCode::NOT_FOUND, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#,
        "404 Not Found: NAME_UNKNOWN; does the repository exist? some registries want it made first").await;
    check(
        "PUT /v2/upload",
        StatusCode::PAYLOAD_TOO_LARGE,
        "<html>nginx</html>",
        "413 Payload Too Large; a proxy before it limits bodies: raise its limit",
    )
    .await;
    check(
        "PUT /v2/hello/manifests",
        StatusCode::BAD_REQUEST,
        "no such kind",
        "400 Bad Request: no such kind",
    )
    .await;
}

#[tokio::test]
async fn a_registry_that_calls_the_image_otherwise_is_not_believed() {
    let fake = Fake::start(|state| state.lies = true).await;
    let said = refused(&reference(fake.address, "hello"), &quick()).await;
    assert!(
        said.contains("the registry's answer cannot be right: it calls the image sha256:"),
        "{said}"
    );
}

#[tokio::test]
async fn nobody_at_the_address_is_said_to_be_nobody() {
    let gone = Fake::start(|_| {}).await.address;
    let options = Options { attempts: 2, ..quick() };
    let said = refused(&reference(gone, "hello"), &options).await;
    let wanted = format!("cannot reach the registry {gone}: is it started, and is this its port?");
    assert_eq!(said, wanted);
}

#[tokio::test]
async fn a_registry_that_falls_silent_is_not_waited_for_without_end() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let options = Options { silence: Duration::from_millis(50), attempts: 1, ..quick() };
    let said = refused(&reference(address, "hello"), &options).await;
    assert!(said.contains("the registry was silent for"), "{said}");
}

#[tokio::test]
async fn a_second_push_after_a_broken_one_sends_only_what_is_missing() {
    let broken = Fails::With(StatusCode::FORBIDDEN, &[], "");
    let fake =
        Fake::start(|state| state.fails = [("PUT /v2/hello/manifests", broken)].into()).await;
    let to = reference(fake.address, "hello");
    refused(&to, &quick()).await;
    let again = pushed(&to, &quick()).await;
    assert_eq!(again.skipped_blobs, BLOBS);
}
