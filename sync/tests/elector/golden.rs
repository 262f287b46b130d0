//! Which status does which question get? What the published clients understand, line by line.

use std::sync::atomic::Ordering::Relaxed;

use metaparticle_sync::name::Name;
use serde_json::json;

use crate::world::{Elector, Manual, Shared, read_until};

async fn two(shared: &Shared, clock: &Manual) -> (Elector, Elector) {
    let one = Elector::start(shared, clock.clone(), "one", false).await;
    (one, Elector::start(shared, clock.clone(), "other", false).await)
}

#[tokio::test]
async fn the_table_of_statuses() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let (one, other) = two(&shared, &clock).await;
    let table = [
        (&one, "GET /locks/a", 404, "what never was"),
        (&one, "PUT /locks/a", 200, "acquire"),
        (&one, "PUT /locks/a", 200, "a heartbeat"),
        (&one, "GET /locks/a", 200, "one's own"),
        (
            &other,
            "GET /locks/a",
            200,
            "another's: a waiter in JavaScript or Rust would hang on a 404",
        ),
        (&other, "PUT /locks/a", 409, "another's"),
        (&other, "POST /locks/a", 409, "what is there cannot be created"),
        (&one, "POST /locks/a", 409, "not even by its holder"),
        (&other, "DELETE /locks/a", 409, "another's"),
        (&one, "DELETE /locks/a", 204, "one's own"),
        (&one, "DELETE /locks/a", 204, "what nobody has"),
        (&one, "GET /locks/a", 200, "what was given back was seen"),
        (&other, "POST /locks/a", 409, "and is there"),
        (&other, "PUT /locks/a", 200, "and is free"),
        (&one, "PUT /locks/a", 409, "until then"),
        (&one, "POST /locks/b", 200, "created"),
        (&one, "PUT /locks/with/slashes%20and%2Fmore", 200, "clients write names as they are"),
        (&one, "GET /locks/with/slashes%20and%2Fmore", 200, "clients write names as they are"),
        (&one, "DELETE /locks/never", 204, "what never was"),
        (&one, "GET /locks", 200, "a list"),
        (&one, "GET /locks/", 200, "a list"),
        (&one, "PUT /locks/", 405, "a lock without a name"),
        (&one, "PATCH /locks/a", 405, "unknown"),
        (&one, "BREW /locks/a", 405, "unknown"),
        (&one, "GET /nothing", 404, "unknown"),
        (&one, "GET /locksmith", 404, "unknown"),
        (&one, "GET /healthz", 200, ""),
        (&one, "GET /readyz", 200, ""),
        (&one, "GET /metrics", 200, ""),
    ];
    for (elector, line, status, why) in table {
        if why == "and is free" {
            elector.hears_of("").await;
        }
        assert_eq!(elector.status(line).await, status, "{line}: {why}");
    }
}

#[tokio::test]
async fn a_lock_looks_as_it_always_did_and_has_a_token() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let (one, other) = two(&shared, &clock).await;
    let (_, held) = one.ask("PUT /locks/a").await;
    assert_eq!(
        (&held["kind"], &held["apiVersion"]),
        (&json!("Lock"), &json!("metaparticle.io/v1"))
    );
    assert_eq!(
        (&held["metadata"]["name"], &held["metadata"]["namespace"]),
        (&json!("a"), &json!("test"))
    );
    let spec = &held["spec"];
    assert_eq!(
        (&spec["owner"], &spec["token"], &spec["transitions"]),
        (&json!("one"), &json!("1"), &json!(0))
    );
    assert_eq!(spec["holderPod"], json!("pod-one"));
    assert!(spec["expiry"].as_str().expect("a time").ends_with('Z'), "{spec}");
    let (_, seen) = other.ask("GET /locks/a").await;
    assert_eq!((&seen["spec"]["owner"], &seen["spec"]["token"]), (&json!("one"), &json!(null)));
    let record = shared.memory.read(&Name::of("a")).expect("a record");
    assert_eq!(record.marks.labels["app.kubernetes.io/managed-by"], "metaparticle-elector");
    assert_eq!(one.ask("GET /locks").await.1["items"][0]["metadata"]["name"], json!("a"));
    assert_eq!(one.ask("GET /locks/none").await.1, json!({ "message": "Not found." }));
}

#[tokio::test]
async fn a_200_is_a_promise_until_the_next_heartbeat_also_while_the_store_is_away() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let (one, other) = two(&shared, &clock).await;
    assert_eq!(one.status("PUT /locks/a").await, 200);
    assert_eq!(other.status("PUT /locks/a").await, 409, "it has seen that, from now on");
    shared.away.store(true, Relaxed);
    clock.pass(10.0);
    assert_eq!(one.status("PUT /locks/a").await, 200, "18.5 s are left");
    clock.pass(6.4);
    assert_eq!(one.status("PUT /locks/a").await, 200, "12.1 s are left");
    clock.pass(0.2);
    assert_eq!(one.status("PUT /locks/a").await, 409, "11.9 s are not enough");
    assert_eq!(other.status("PUT /locks/a").await, 409);
    assert_eq!(other.status("GET /locks/unheard-of").await, 404, "never a 500");
    shared.away.store(false, Relaxed);
    assert_eq!(other.status("PUT /locks/a").await, 409, "not before it expired");
    clock.pass(14.0);
    assert_eq!(other.status("PUT /locks/a").await, 200);
    assert_eq!(one.status("PUT /locks/a").await, 409);
}

#[tokio::test]
async fn a_client_that_falls_silent_loses_its_lock_and_one_that_asks_keeps_it() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let (one, other) = two(&shared, &clock).await;
    assert_eq!(one.status("PUT /locks/a").await, 200);
    for _ in 0..12 {
        clock.pass(10.0);
        assert_eq!(one.status("PUT /locks/a").await, 200);
        assert_eq!(other.status("PUT /locks/a").await, 409);
    }
    for _ in 0..30 {
        clock.pass(1.1);
        // Its clerk is asked, so that it has come so far.
        one.ask("GET /locks/a").await;
    }
    // It was given back: others need not wait.
    other.hears_of("").await;
    assert_eq!(other.status("PUT /locks/a").await, 200);
}

#[tokio::test]
async fn an_elector_that_is_started_again_holds_what_its_pod_held() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let (one, other) = two(&shared, &clock).await;
    assert_eq!(one.status("PUT /locks/a").await, 200);
    assert_eq!(one.status("PUT /locks/odd%20name").await, 200);
    one.crash();
    let before = shared.writes.load(Relaxed);
    clock.pass(6.0);
    assert_eq!(other.status("PUT /locks/a").await, 409);
    assert_eq!(shared.writes.load(Relaxed), before, "nothing of it goes on");
    let again = Elector::start(&shared, clock.clone(), "one", false).await;
    assert_eq!(again.status("PUT /locks/a").await, 200, "without waiting");
    assert_eq!(again.status("PUT /locks/odd%20name").await, 200, "without waiting");
    assert_eq!(other.status("PUT /locks/a").await, 409);
}

#[tokio::test]
async fn two_clients_behind_one_listener_exclude_each_other_if_they_say_who_they_are() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let (one, _) = two(&shared, &clock).await;
    let put = |client: &str| {
        format!(
            "PUT /locks/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\nmetaparticle-client: {client}\r\n\r\n"
        )
    };
    assert_eq!(one.say(&put("a")).await.0, 200);
    assert_eq!(one.say(&put("b")).await.0, 409);
    assert_eq!(one.status("PUT /locks/a?client=a").await, 200);
    assert_eq!(one.status("DELETE /locks/a?client=b").await, 409);
    assert_eq!(one.status("DELETE /locks/a?client=a").await, 204);
    assert_eq!(one.say(&put("b")).await.0, 200);
}

#[tokio::test]
async fn whoever_lost_a_lock_is_told_and_so_is_the_pod() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let (one, _) = two(&shared, &clock).await;
    assert_eq!(one.status("PUT /locks/a").await, 200);
    let record = shared.memory.read(&Name::of("a")).expect("a record");
    let thief = metaparticle_sync::name::Identity::of("thief");
    shared
        .memory
        .overwrite(metaparticle_sync::lease::Record { holder: thief, ..(*record).clone() });
    one.hears_of("thief").await;
    assert_eq!(one.status("PUT /locks/a").await, 409);
    assert_eq!(one.lost.load(Relaxed), 1);
    let (head, page) =
        one.raw(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 200") && page.contains("metaparticle_elector_lost_total 1"),
        "{page}"
    );
}

#[tokio::test]
async fn whoever_lost_a_lock_in_an_outage_is_told_at_its_deadline() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let (one, _) = two(&shared, &clock).await;
    assert_eq!(one.status("PUT /locks/a").await, 200);
    shared.away.store(true, Relaxed);
    for (seconds, status) in [(10.0, 200), (10.0, 409)] {
        clock.pass(seconds);
        assert_eq!(one.status("PUT /locks/a").await, status);
    }
    assert_eq!(one.lost.load(Relaxed), 0, "there is time left for a client that looks");
    clock.pass(8.4);
    one.ask("GET /locks/a").await;
    assert_eq!(one.lost.load(Relaxed), 0, "until its deadline");
    clock.pass(0.2);
    one.ask("GET /locks/a").await;
    one.ask("GET /locks/a").await;
    assert_eq!(one.lost.load(Relaxed), 1, "many clients do not look");
    clock.pass(60.0);
    one.ask("GET /locks/a").await;
    assert_eq!(one.lost.load(Relaxed), 1, "once");
}

#[tokio::test]
async fn what_cannot_be_given_back_is_not_said_to_be() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let (one, other) = two(&shared, &clock).await;
    assert_eq!(one.status("PUT /locks/a").await, 200);
    shared.away.store(true, Relaxed);
    assert_eq!(one.status("DELETE /locks/a").await, 409);
    shared.away.store(false, Relaxed);
    assert_eq!(one.status("DELETE /locks/a").await, 204);
    assert_eq!(other.status("PUT /locks/a").await, 200);
    assert_eq!(one.lost.load(Relaxed), 0, "it was given back");
}

#[tokio::test]
async fn a_client_with_a_name_keeps_its_lock_when_the_elector_is_started_again() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let (one, _) = two(&shared, &clock).await;
    assert_eq!(one.status("PUT /locks/a?client=x").await, 200);
    one.crash();
    let again = Elector::start(&shared, clock.clone(), "one", false).await;
    assert_eq!(again.status("PUT /locks/a?client=x").await, 200);
    assert_eq!(again.status("PUT /locks/a?client=y").await, 409, "the first is its client");
}

#[tokio::test]
async fn a_watch_tells_of_every_change() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let (one, other) = two(&shared, &clock).await;
    assert_eq!(one.status("PUT /locks/a").await, 200);
    let mut stream = other.watch("a").await;
    read_until(&mut stream, "\"owner\":\"one\"").await;
    assert_eq!(one.status("DELETE /locks/a").await, 204);
    read_until(&mut stream, "\"owner\":\"\"").await;
}

#[tokio::test]
async fn a_native_side_car_gives_everything_back_at_its_end() {
    let (shared, clock) = (Shared::default(), Manual::default());
    let one = Elector::start(&shared, clock.clone(), "one", true).await;
    assert_eq!(one.status("PUT /locks/a").await, 200);
    one.desk.drain(std::time::Duration::from_secs(5)).await;
    assert_eq!(shared.memory.read(&Name::of("a")).expect("a record").holder, None);
}
