//! Does a whole application run, and does it end when it should?

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use http::{StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use super::Options;
use crate::prelude::{App, Context, Error, Held, Result, app, candidates, http, indexed, spread};
use crate::reply::{fetch, request};
use crate::wire::{self, Request, Response};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

async fn nothing() -> Result<()> {
    Ok(())
}

fn one() -> App {
    app("one").service("web", spread(1, nothing).public())
}

#[tokio::test]
async fn a_secret_is_not_shown_with_the_application() {
    // A variable that cargo sets for tests.
    let code = async |me: Context| Ok(me.setting("CARGO_MANIFEST_DIR")?.len());
    let web = spread(1, code).secret("CARGO_MANIFEST_DIR", "db/password").public();
    let local = app("one").service("web", web).start().await.unwrap();
    let secret = env!("CARGO_MANIFEST_DIR");
    assert_eq!(local.get("/").await.unwrap().json::<usize>().unwrap(), secret.len());
    let shown = format!("{local:?}");
    assert!(shown.contains("CARGO_MANIFEST_DIR") && !shown.contains(secret), "{shown}");
    local.stop().await;
}

#[tokio::test]
async fn a_job_has_settings_too() {
    let work = async |me: Context| match me.setting("COLOUR")? {
        "red" => Ok(()),
        other => Err(Error::bad_request(other)),
    };
    let local = app("paint").job("paint", indexed(2, work).env("COLOUR", "red")).start().await;
    let local = local.unwrap();
    timeout(LONG, local.finished()).await.expect("it ends").unwrap();
    local.stop().await;
}

#[tokio::test]
async fn a_part_of_a_job_that_panics_has_failed() {
    let work = async |me: Context| {
        assert_ne!(me.index(), 1, "no ones here");
        Ok(())
    };
    let local = app("count").job("count", indexed(3, work)).start().await.unwrap();
    let failed = timeout(LONG, local.finished()).await.expect("it ends").unwrap_err();
    let told = failed.to_string();
    assert!(told.contains("count-1 (") && told.contains("no ones here"), "{told}");
    local.stop().await;
}

#[tokio::test]
async fn what_is_dropped_ends() {
    let local = one().start().await.unwrap();
    let replica = local.crew.address("web-0").unwrap();
    TcpStream::connect(replica).await.expect("it listens");
    drop(local);
    let ended = async {
        while TcpStream::connect(replica).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, ended).await.expect("nobody listens there any more");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let control = taken.local_addr().unwrap();
    let wrong = one().start_with(Options { control, ..Options::default() }).await.unwrap_err();
    let told = wrong.to_string();
    assert!(told.contains(&control.to_string()) && told.contains("--control"), "{told}");
}

#[tokio::test]
async fn where_nobody_outside_may_ask_that_is_said() {
    let local = app("one").service("web", nothing).start().await.unwrap();
    assert!(local.text().contains("`.public()`"), "{}", local.text());
    local.stop().await;
    let local = one().start().await.unwrap();
    assert!(!local.text().contains("`.public()`"), "{}", local.text());
    local.stop().await;
}

/// Tells when it is dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn work_for_who_has_gone_is_dropped() {
    let (begun, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (began, drops) = (Arc::clone(&begun), Arc::clone(&dropped));
    let code = move || {
        let (began, guard) = (Arc::clone(&began), Dropped(Arc::clone(&drops)));
        async move {
            began.notify_one();
            std::future::pending::<()>().await;
            drop(guard);
            Ok(())
        }
    };
    let local = app("slow").service("web", spread(1, code).public()).start().await.unwrap();
    let mut asking = TcpStream::connect(local.address()).await.unwrap();
    asking.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    timeout(LONG, begun.notified()).await.expect("it is asked");
    drop(asking);
    timeout(LONG, dropped.notified()).await.expect("its work is dropped");
    local.stop().await;
}

/// Speaks as its client does once that was agreed on: says everything twice.
async fn twice(mut request: Request) -> Result<Response, Infallible> {
    let upgrade = hyper::upgrade::on(&mut request);
    metaparticle_gateway::tasks::Tasks::default().spawn(async move {
        let mut stream = TokioIo::new(upgrade.await.expect("it was agreed on"));
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).await.expect("four bytes");
        stream.write_all(&[heard, heard].concat()).await.expect("it is heard");
    });
    let mut response = Response::new(wire::whole(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for (name, value) in [(header::CONNECTION, "upgrade"), (header::UPGRADE, "twice")] {
        response.headers_mut().insert(name, value.parse().expect("a value"));
    }
    Ok(response)
}

#[tokio::test]
async fn an_http_service_may_speak_something_else() {
    let service = tower::service_fn(twice);
    let local = app("twice").http("web", service).start().await.unwrap();
    let mut stream = TcpStream::connect(local.address()).await.unwrap();
    let head = "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: twice\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    let agreed = async {
        while !heard.ends_with(b"\r\n\r\n") {
            heard.push(stream.read_u8().await.expect("an answer"));
        }
        stream.write_all(b"ping").await.expect("it is heard");
        let mut echo = [0; 8];
        stream.read_exact(&mut echo).await.expect("eight bytes");
        echo
    };
    assert_eq!(&timeout(LONG, agreed).await.expect("it is told"), b"pingping");
    assert!(heard.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&heard));
    drop(stream);
    local.stop().await;
}

#[tokio::test]
async fn any_tower_service_answers_and_knows_its_replica() {
    let service = tower::service_fn(|request: Request| async move {
        let me = request.extensions().get::<Context>().expect("a context");
        let text = format!("{} at {}", me.replica(), request.uri().path());
        Ok::<_, Infallible>(Response::new(wire::whole(text)))
    });
    let local = app("any").service("web", spread(2, http(service)).at("/a")).start().await.unwrap();
    let answer = local.get("/a/b").await.unwrap().text();
    assert!(answer.starts_with("web-") && answer.ends_with(" at /a/b"), "{answer}");
    local.stop().await;
}

#[tokio::test]
async fn no_more_parts_of_a_job_are_at_work_than_may_be() {
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (count, peak) = (Arc::clone(&now), Arc::clone(&most));
    let work = move |_: Context| {
        let (count, peak) = (Arc::clone(&count), Arc::clone(&peak));
        async move {
            peak.fetch_max(count.fetch_add(1, Relaxed) + 1, Relaxed);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            count.fetch_sub(1, Relaxed);
            Ok(())
        }
    };
    let local = app("a").job("j", indexed(9, work).parallelism(3)).start().await.unwrap();
    timeout(LONG, local.finished()).await.expect("it ends").unwrap();
    assert_eq!(most.load(Relaxed), 3);
    local.stop().await;
}

#[tokio::test]
async fn who_lives_is_not_revived() {
    let local = one().start().await.unwrap();
    assert!(local.revive("web-0").await.unwrap_err().to_string().contains("was not killed"));
    assert!(local.revive("web-1").await.unwrap_err().to_string().contains("there are web-0"));
    assert!(local.get("/").await.unwrap().status().is_success());
    local.stop().await;
}

#[tokio::test]
async fn what_is_in_flight_at_the_end_may_still_call_others() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (began, gone) = (Arc::clone(&begun), Arc::clone(&go));
    let door = move |me: Context| {
        let (began, gone) = (Arc::clone(&began), Arc::clone(&gone));
        async move {
            began.notify_one();
            gone.notified().await;
            me.call::<_, ()>("back", &()).await
        }
    };
    let app = app("a").service("door", spread(1, door).public()).service("back", nothing);
    let local = app.start().await.unwrap();
    let address = local.address();
    let asked = fetch(address, request("GET", "/", &[], Default::default()).unwrap());
    let ended = async {
        begun.notified().await;
        tokio::join!(local.stop(), async {
            // It ends: nobody is let in any more.
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
            go.notify_one();
        });
    };
    let (answer, ()) = timeout(LONG, async { tokio::join!(asked, ended) }).await.expect("it ends");
    assert!(answer.as_ref().unwrap().status().is_success(), "{answer:?}");
}

#[tokio::test]
async fn who_has_led_leads_again() {
    let led = Arc::new(Semaphore::new(0));
    let told = Arc::clone(&led);
    let lead = move |_: Held, _: Context| {
        told.add_permits(1);
        async { Ok(()) }
    };
    let local = app("a").leader("one", candidates(1, lead)).start().await.unwrap();
    timeout(LONG, led.acquire_many(2)).await.expect("it leads twice").unwrap().forget();
    local.stop().await;
}
