//! What does curl see?

use std::process::Stdio;

use tokio::process::Command;

use crate::replica::Replica;
use crate::world::{Gateway, soon, web};

/// What `curl` prints with these arguments; it must end well.
pub(crate) async fn curl(arguments: &[&str]) -> String {
    let mut command = Command::new("curl");
    // Nothing that is set up on this machine: `--disable`, which must be first, reads no `.curlrc`.
    command.args(["--disable", "--noproxy", "*"]);
    command.args(["--silent", "--show-error", "--max-time", "20"]).args(arguments);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = soon("curl's end", output).await.expect("curl, which these tests need");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn curl_is_answered_over_both_protocols() {
    let (replica, _told) = Replica::telling().await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let url = format!("http://{}/x", gateway.address);
    let shown = ["--write-out", "%{http_version} %{http_code}", &url];
    assert_eq!(curl(&shown).await, "ok\n1.1 200");
    // A server says the version that it speaks itself (RFC 9110 §2.5).
    assert_eq!(curl(&[&["--http1.0"][..], &shown].concat()).await, "ok\n1.1 200");
    assert_eq!(curl(&[&["--http2-prior-knowledge"][..], &shown].concat()).await, "ok\n2 200");
}

#[tokio::test]
async fn curl_that_expects_to_be_told_to_go_on_is() {
    let (replica, mut told) = Replica::telling().await;
    let gateway = Gateway::serve(&web("max-body: 1KiB", &[replica.address])).await;
    let url = format!("http://{}/x", gateway.address);
    let expect = ["--header", "Expect: 100-continue", "--expect100-timeout", "15", "--verbose"];
    let shown = ["--write-out", "%{http_code}", "--output", "/dev/null", &url];
    let small = [&expect[..], &["--data-binary", "hello"], &shown].concat();
    assert_eq!(curl(&small).await, "200");
    assert_eq!(told.next().await.body.expect("whole"), "hello");
    let large = "x".repeat(2048);
    let large = [&expect[..], &["--data-binary", &large], &shown].concat();
    assert_eq!(curl(&large).await, "413");
    told.nothing_more();
}
