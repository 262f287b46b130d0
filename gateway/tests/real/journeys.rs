//! Is it a pleasure? What newcomers type, and what they are told when they mistype.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use crate::client::Raw;
use crate::curl::curl;
use crate::world::{Demo, Folder, run, signal, web};

#[tokio::test]
async fn every_line_of_the_demo_works() {
    let demo = Demo::start().await;
    let lines = demo.introduction.lines().filter_map(|line| line.trim().strip_prefix("curl -i "));
    let urls: Vec<_> = lines.filter_map(|line| line.split(' ').next()).collect();
    assert!(urls.len() >= 8, "{}", demo.introduction);
    for url in urls {
        let said = curl(&["-i", url]).await;
        let status = said.split(' ').nth(1);
        let expected = if url.ends_with("/scatter/strict") { "502" } else { "200" };
        assert_eq!(status, Some(expected), "curl -i {url}\n{said}");
        if url.ends_with("/scatter/partial") {
            assert!(said.contains("metaparticle-coverage: total=10, ok=9, failed=1"), "{said}");
            assert!(said.contains("cache-control: no-store"), "{said}");
        }
        if url.ends_with("/scatter/strict") {
            assert!(said.contains("content-type: application/problem+json"), "{said}");
            assert!(said.contains("samples-7"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_thousand_users_are_dealt_evenly_to_five_shards() {
    let demo = Demo::start().await;
    let line = demo.introduction.lines().find_map(|line| line.strip_prefix("gateway"));
    let address = line.and_then(|line| line.trim().strip_prefix("http://localhost:"));
    let port = address.and_then(|port| port.parse().ok()).expect("the gateway's port");
    let mut raw = Raw::connect((Ipv4Addr::LOCALHOST, port).into()).await;
    let mut users = BTreeMap::new();
    let mut shard = async |user: usize| {
        raw.send(format!("GET /shard/users/user-{user} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, 200);
        answer.header("metaparticle-shard").expect("a shard").to_owned()
    };
    for user in 0..1000 {
        *users.entry(shard(user).await).or_insert(0) += 1;
    }
    assert_eq!(users.len(), 5, "{users:?}");
    assert!(users.values().all(|count| *count <= 250), "{users:?}");
    let alice = shard(7).await;
    for _ in 0..10 {
        assert_eq!(shard(7).await, alice);
    }
}

#[tokio::test]
async fn ctrl_c_ends_the_demo() {
    let mut demo = Demo::start().await;
    signal(demo.child.id().expect("a child"), "INT").await;
    let ended = crate::world::soon("the demo's end", demo.child.wait()).await.expect("a child");
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn a_signal_that_a_wrapper_passes_on_as_well_is_one() {
    let mut demo = Demo::start().await;
    let child = demo.child.id().expect("a child");
    signal(child, "INT").await;
    signal(child, "TERM").await;
    let ended = crate::world::soon("the demo's end", demo.child.wait()).await.expect("a child");
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn who_asks_again_later_ends_it_at_once() {
    let mut demo = Demo::start_with("5m").await;
    let child = demo.child.id().expect("a child");
    let asks = async {
        loop {
            signal(child, "INT").await;
            let wait = tokio::time::timeout(Duration::from_millis(200), demo.child.wait());
            if let Ok(ended) = wait.await {
                return ended.expect("a child");
            }
        }
    };
    assert_eq!(crate::world::soon("the demo's end", asks).await.code(), Some(1));
}

const MISTAKEN: &str = "\
services:
  web:
    pattern: shart
    timeout: 30
    retires: 2
    replicas: [ localhost ]
routes:
  - { path: /, service: wbe }
";

/// What `check` and `serve` say of a file with five mistakes.
fn check_mistakes(path: &str, code: Option<i32>, said: &[u8]) {
    let said = String::from_utf8_lossy(said);
    assert_eq!(code, Some(3), "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 6, "{said}");
    for (line, place) in lines.iter().zip([
        "3:14: services.web.pattern: found `shart`",
        "4:14: services.web.timeout: found `30`",
        "5:5: services.web: found `retires`",
        "6:17: services.web.replicas[0]",
        "8:25: routes[0].service: found `wbe`",
    ]) {
        assert!(line.starts_with(&format!("{path}:{place}")), "{line}\nis not {place}");
        assert!(line.contains("; allowed: "), "{line}");
    }
    assert_eq!(lines[5], "5 mistakes");
}

#[tokio::test]
async fn all_mistakes_of_a_file_are_told_at_once() {
    let folder = Folder::new();
    let path = folder.write("gateway.yaml", MISTAKEN);
    let path = path.to_str().expect("text");
    let checked = run(&["check", path]).await;
    check_mistakes(path, checked.status.code(), &checked.stdout);
    let serve = ["serve", "--config", path, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let served = run(&serve).await;
    check_mistakes(path, served.status.code(), &served.stderr);
}

#[tokio::test]
async fn a_right_file_is_said_to_be_right() {
    let folder = Folder::new();
    let replica = "127.0.0.1:9001".parse().expect("an address");
    let path = folder.write("gateway.yaml", &web("", &[replica]));
    let path = path.to_str().expect("text");
    let output = run(&["check", path]).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, format!("{path}: right: 1 service, 1 route\n"));
    assert!(output.status.success());
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().map(|address| (taken, address.to_string()));
    let (_taken, address) = taken.expect("an address");
    let folder = Folder::new();
    let path = folder.write("gateway.yaml", &web("", &[]));
    let path = path.to_str().expect("text");
    let free = "127.0.0.1:0";
    for (listen, admin) in [(address.as_str(), free), (free, address.as_str())] {
        let flags = ["serve", "--config", path, "--listen", listen, "--admin", admin];
        let output = run(&flags).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("cannot listen at {address}")), "{said}");
    }
}

#[tokio::test]
async fn a_second_gateway_does_not_share_the_first_ones_address() {
    let first = crate::world::Gateway::serve(&web("", &[])).await;
    let folder = Folder::new();
    let path = folder.write("gateway.yaml", &web("", &[]));
    let (path, address) = (path.to_str().expect("text"), first.address.to_string());
    let flags = ["serve", "--config", path, "--listen", &address, "--admin", "127.0.0.1:0"];
    let output = run(&flags).await;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("cannot listen at {address}")), "{said}");
}
