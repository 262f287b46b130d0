//! Does a pod know which part it is, and whom it found?

use std::sync::Arc;

use futures::FutureExt;

use super::discover::Finder;
use super::door::Ready;
use super::{Part, number, ordinal, part};
use crate::context::Context;
use crate::pattern::{App, app, scatter, shard, spread};
use crate::road::Door;
use crate::wire::Result;

async fn echo(text: String) -> Result<String> {
    Ok(text)
}

async fn work(_: Context) -> Result<()> {
    Ok(())
}

async fn lead(_: metaparticle_sync::holder::Held, _: Context) -> Result<()> {
    Ok(())
}

fn shop() -> App {
    app("shop")
        .service("web", spread(2, echo))
        .service("users", shard(3, |user: &String| user.clone(), echo))
        .service("carts", shard(3, "header:x-user", echo))
        .service("hits", scatter(3, echo, "map"))
        .leader("one", lead)
        .job("night", work)
}

fn is(role: &str) -> String {
    match part(&shop(), role) {
        None => "nobody".to_owned(),
        Some(Part::Root(service)) => format!("root of {}", service.name),
        Some(Part::Replica(service)) => format!("replica of {}", service.name),
        Some(Part::Candidate(leader)) => format!("candidate for {}", leader.name),
        Some(Part::Worker(job)) => format!("worker of {}", job.name),
    }
}

#[test]
fn a_role_is_one_part() {
    assert_eq!(is("web"), "replica of web");
    assert_eq!(is("users"), "root of users");
    assert_eq!(is("users-shard"), "replica of users");
    assert_eq!(is("carts"), "replica of carts");
    assert_eq!(is("hits"), "replica of hits");
    assert_eq!(is("one"), "candidate for one");
    assert_eq!(is("night"), "worker of night");
    assert_eq!(is("hits-leaf"), "nobody");
}

#[test]
fn every_pod_of_the_plan_is_a_part_that_the_program_has() {
    let plan = shop().plan().unwrap();
    let mut roles = 0;
    for object in &plan.objects {
        let containers = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
        let spec = containers.iter().find_map(|path| object.body().pointer(path));
        let Some(env) = spec.and_then(|spec| spec.pointer("/containers/0/env")) else { continue };
        let role = env.as_array().unwrap().iter().find(|one| one["name"] == "MP_ROLE").unwrap();
        assert_ne!(is(role["value"].as_str().unwrap()), "nobody", "{object}");
        roles += 1;
    }
    assert_eq!(roles, 7);
}

#[test]
fn a_pod_of_a_stateful_set_has_a_number() {
    assert_eq!(ordinal("users-shard-12"), Some(12));
    assert_eq!(ordinal("web-6d4b9c-x7k2p"), None);
}

#[test]
fn a_pod_too_many_is_nobody_else_and_pods_that_are_alike_have_no_number() {
    let shop = shop();
    let of = |name: &str| shop.services.iter().find(|one| one.name == name).unwrap();
    assert_eq!(number(of("users"), "users-shard-2"), 2);
    assert_eq!(number(of("users"), "users-shard-3"), 3);
    assert_eq!(number(of("web"), "web-6d4b9c-1"), 0);
}

#[tokio::test]
async fn who_was_found_is_in_the_picture_and_who_is_away_keeps_its_keys() {
    let (finder, latest) = Finder::new(&Arc::new(shop()), Door::Inside);
    let tasks = metaparticle_gateway::tasks::Tasks::default();
    // Nobody is found by name here: who asks waits.
    let seen = finder.follow("users", 1, &tasks);
    let found = [("users-shard-0", 1), ("users-shard-2", 2)];
    let found = found.map(|(name, last)| (name.to_owned(), ([10, 0, 0, last], 8080).into()));
    finder.paint("users", found.into());
    seen.await;
    let all = finder.follow("users", 3, &tasks);
    assert!(all.now_or_never().is_none(), "a root waits for the third");
    let picture = latest.load();
    let users = picture.service("users").expect("it is followed");
    let ready: Vec<_> =
        users.shards.iter().map(|one| (one.name.as_str(), one.ready.len())).collect();
    assert_eq!(ready, [("users-shard-0", 1), ("users-shard-1", 0), ("users-shard-2", 1)]);
    assert!(picture.service("web").is_none(), "nobody asked for it");
}

#[tokio::test]
async fn a_door_says_when_it_is_ready() {
    let ready = Ready::default();
    let answering = ready.answering();
    let asked = async |path: &str| {
        let mut request = http::Request::new(crate::wire::whole(""));
        *request.uri_mut() = path.parse().unwrap();
        answering(request).await.status().as_u16()
    };
    assert_eq!((asked("/healthz").await, asked("/readyz").await), (200, 503));
    ready.set(true);
    assert_eq!((asked("/readyz").await, asked("/").await), (200, 404));
}
