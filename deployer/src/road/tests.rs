//! Does an ask find another replica when it met one of another build, or one that is dead?

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::StatusCode;
use metaparticle_gateway::request::Body;
use metaparticle_gateway::send::{Failure, LeafBody, Tower};
use metaparticle_gateway::snapshot;
use metaparticle_gateway::tasks::Clock;

use super::{Door, Inside, world};
use crate::context::Caller;
use crate::pattern::{App, app, scatter, spread};
use crate::reply::{Reply, call};
use crate::wire::{BUILD, Error, Result};

/// The road of `app`, to replicas that are `leaf`.
fn road<F>(app: &App, leaf: F) -> impl Caller + use<F>
where
    F: Fn(&str) -> http::Response<LeafBody> + Clone + Send + Sync + 'static,
{
    let (mut publisher, latest) = snapshot::channel();
    let services: Vec<_> = app.services.iter().collect();
    let nowhere = |_: &str| Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    publisher.publish(&world(app, &services, Door::Inside, nowhere));
    let answer = move |(replica, _): (Arc<snapshot::Replica>, http::Request<Body>)| {
        let answer = leaf(replica.name.as_str());
        async move { Ok::<_, Failure>(answer) }
    };
    Inside::new(latest, Tower(tower::service_fn(answer)), Clock::start())
}

async fn one() -> Result<u32> {
    Ok(1)
}

fn says(status: StatusCode, text: &'static str) -> http::Response<LeafBody> {
    let response = http::Response::builder().status(status).header(BUILD, "b2");
    response.body(LeafBody::whole(text)).expect("a response")
}

#[tokio::test(start_paused = true)]
async fn who_belongs_to_another_build_is_passed_over_even_by_what_may_be_sent_once_only() {
    let app = app("shop").service("web", spread(3, one));
    let asked = Arc::new(AtomicUsize::new(0));
    let others = Arc::clone(&asked);
    let road = road(&app, move |replica| {
        if replica == "web-0" {
            return says(StatusCode::OK, "7");
        }
        others.fetch_add(1, Relaxed);
        says(StatusCode::MISDIRECTED_REQUEST, "")
    });
    for _ in 0..20 {
        assert_eq!(call::<_, u32>(&road, "web", &()).await.unwrap(), 7);
    }
    assert!(asked.load(Relaxed) > 0, "some were asked in vain");
}

#[tokio::test(start_paused = true)]
async fn what_a_program_says_itself_is_its_answer() {
    let app = app("shop").service("web", spread(3, one));
    let road = road(&app, |_| {
        let response = http::Response::builder().status(StatusCode::MISDIRECTED_REQUEST);
        response.body(LeafBody::whole("")).expect("a response")
    });
    let request = http::Request::new(Bytes::new());
    let reply = Reply::from(road.call("web", request).await.unwrap());
    assert_eq!(reply.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn a_leaf_of_another_build_is_missed_and_the_merge_is_told_so() {
    let told = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&told);
    let sum = move |parts: crate::pattern::Parts<u32>| {
        for part in &parts {
            if let Err(why) = &part.answer {
                *heard.lock().unwrap() = format!("{}: {why}", part.shard);
            }
        }
        Ok(parts.answers().sum::<u32>())
    };
    let app = app("shop").service("sum", scatter(3, one, sum).quorum(2));
    let road = road(&app, |replica| match replica {
        "sum-leaf-1" => says(StatusCode::MISDIRECTED_REQUEST, ""),
        _ => says(StatusCode::OK, "1"),
    });
    assert_eq!(call::<_, u32>(&road, "sum", &()).await.unwrap(), 2);
    let told = told.lock().unwrap().clone();
    assert!(told.contains("sum-leaf-1") && told.contains("build b2"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_merge_does_not_take_is_no_part() {
    let sum = |parts: crate::pattern::Parts<u32>| Ok(parts.answers().sum::<u32>());
    let app = app("shop").service("sum", scatter(3, one, sum).quorum(2));
    let road = road(&app, |replica| match replica {
        "sum-leaf-1" => says(StatusCode::OK, "\"one\""),
        _ => says(StatusCode::OK, "1"),
    });
    let wrong = call::<_, u32>(&road, "sum", &()).await.unwrap_err();
    assert!(
        wrong.to_string().contains("`sum-leaf-1` answered what the merge does not take"),
        "{wrong}"
    );
}

/// What comes of a scatter that `merge` makes one answer of.
async fn merged(merge: fn(crate::pattern::Parts<u32>) -> Result<u32>) -> Reply {
    let app = app("shop").service("sum", scatter(3, one, merge).quorum(2));
    let road = road(&app, |replica| match replica {
        "sum-leaf-1" => says(StatusCode::INTERNAL_SERVER_ERROR, ""),
        _ => says(StatusCode::OK, "1"),
    });
    Reply::from(road.call("sum", http::Request::new(Bytes::new())).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_merge_refuses_as_a_handler_does() {
    let refused = merged(|_| Err(Error::not_found("nothing is left"))).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    assert!(refused.text().contains("nothing is left"), "{}", refused.text());
    assert_eq!(refused.coverage().as_deref(), Some("2 of 3"));
    let failed = merged(|_| Err(std::io::Error::other("password of db-7").into())).await;
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!failed.text().contains("password"), "{}", failed.text());
}

#[tokio::test(start_paused = true)]
async fn a_merge_that_panics_is_an_answer() {
    let failed = merged(|_| panic!("password of db-7")).await;
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!failed.text().contains("password"), "{}", failed.text());
}
