//! What do Ingresses say of where they are reached, and what when somebody else says otherwise?

use std::time::Duration;

use metaparticle_sync::Sync;
use serde_json::{Value, json};

use super::server::Server;
use super::shell::{all, beside, beside_electing, small};
use super::{ingress, merge};
use crate::watch::Options;

fn patches(server: &Server) -> usize {
    server.asked().iter().filter(|asked| asked.starts_with("patch")).count()
}

fn address(server: &Server) -> Option<Value> {
    server.get("ingresses", "x")?.pointer("/status/loadBalancer/ingress/0/ip").cloned()
}

#[tokio::test(start_paused = true)]
async fn an_ingress_of_ours_says_where_it_is_reached_and_others_do_not() {
    let server = small();
    let mut foreign = ingress("foreign", &["h/>a"]);
    foreign["spec"]["ingressClassName"] = json!("nginx");
    server.set("ingresses", &foreign);
    beside(&server, all(), async |looked| {
        looked.routed("/").await;
        assert_eq!(server.until(address).await, json!("192.0.2.1"));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(patches(&server), 1, "{:?}", server.asked());
        assert_eq!(looked.version(), 1, "a status is no picture");
        assert_eq!(server.get("ingresses", "foreign").unwrap().get("status"), None::<&Value>);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn gateways_that_were_told_different_addresses_write_ever_more_seldom() {
    let server = small();
    let other = Options { publish_addresses: vec!["192.0.2.2".to_owned()], ..all() };
    beside(&server, all(), async |one| {
        beside(&server, other, async |another| {
            one.routed("/").await;
            another.routed("/").await;
            server.until(address).await;
            tokio::time::sleep(Duration::from_secs(10)).await;
            let soon = patches(&server);
            assert!((3..=8).contains(&soon), "{soon} in ten seconds");
            tokio::time::sleep(Duration::from_secs(600)).await;
            let later = patches(&server) - soon;
            assert!((4..=24).contains(&later), "{later} in ten minutes");
        })
        .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_of_several_writes_and_another_one_when_it_is_gone() {
    let server = small();
    let other = Options { publish_addresses: vec!["192.0.2.2".to_owned()], ..all() };
    let sync = Sync::memory();
    beside_electing(&server, other, sync.clone(), async |_| {
        server.until(|server| (address(server)? == "192.0.2.2").then_some(())).await;
        beside_electing(&server, all(), sync.clone(), async |one| {
            one.routed("/").await;
            tokio::time::sleep(Duration::from_secs(600)).await;
            assert_eq!(patches(&server), 1, "who is not elected writes nothing");
        })
        .await;
    })
    .await;
    beside_electing(&server, all(), sync.clone(), async |_| {
        let moved = |server: &Server| (address(server)? == "192.0.2.1").then_some(());
        tokio::time::timeout(Duration::from_secs(30), server.until(moved)).await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn another_address_is_written_though_the_last_one_is_young() {
    let server = small();
    let door = |ip: &str| {
        let balancer = json!({ "ingress": [{ "ip": ip }] });
        let mut door = super::service("door");
        merge(&mut door, json!({ "status": { "loadBalancer": balancer } }));
        door
    };
    let service = Some("shop/door".to_owned());
    let options = Options { publish_addresses: vec![], publish_service: service, ..all() };
    server.set("services", &door("192.0.2.1"));
    beside(&server, options, async |_| {
        assert_eq!(server.until(address).await, json!("192.0.2.1"));
        server.set("services", &door("192.0.2.2"));
        let moved = |server: &Server| (address(server)? == "192.0.2.2").then_some(());
        tokio::time::timeout(Duration::from_secs(5), server.until(moved)).await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn installations_of_two_controllers_leave_each_other_alone() {
    let server = small();
    let controller = "example.com/inner".to_owned();
    let inner = Options { controller, publish_addresses: vec!["192.0.2.2".to_owned()], ..all() };
    server.set("ingressclasses", &super::class("inner", "example.com/inner", false));
    let mut inside = ingress("inside", &["h/inside>a"]);
    inside["spec"]["ingressClassName"] = json!("inner");
    server.set("ingresses", &inside);
    beside(&server, all(), async |outer| {
        beside(&server, inner, async |inner| {
            assert_eq!(outer.routed("/").await, "a-1");
            assert_eq!(inner.routed("/inside").await, "a-1");
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!((outer.asked("/inside"), inner.asked("/")), (Some("a-1".into()), None));
            assert_eq!(patches(&server), 2, "{:?}", server.asked());
        })
        .await;
    })
    .await;
}
