//! The API server goes, and comes back: what was seen last stands, and what happened meanwhile is seen.

use std::time::Duration;

use super::server::Server;
use super::shell::{Looked, all, beside, small};
use super::{ingress, service, slice};

fn connected(looked: &Looked) -> usize {
    looked.health.kinds().iter().filter(|kind| kind.connected).count()
}

async fn goes_and_comes(forgetful: bool) {
    let server: Server = small();
    beside(&server, all(), async |looked| {
        looked.routed("/").await;
        assert_eq!(connected(&looked), 8);
        server.go();
        looked.until("all lost", |looked| (connected(looked) == 0).then_some(())).await;
        let wrong = looked.wrong();
        assert!(
            wrong[0].contains("the API server is not reached: connection refused"),
            "{wrong:?}"
        );
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(looked.asked("/").as_deref(), Some("a-1"), "the last picture stands");

        let version = looked.version();
        server.set("services", &service("b"));
        server.set("endpointslices", &slice("a-x", "a", "a-2=10.0.0.2"));
        server.delete("ingresses", &ingress("x", &[]));
        server.set("ingresses", &ingress("y", &["h/y>a"]));
        server.come(forgetful);
        let happened = |looked: &Looked| {
            (looked.asked("/y")? == "a-2" && looked.asked("/").is_none()).then_some(())
        };
        looked.until("what happened", happened).await;
        looked.until("all found", |looked| (connected(looked) == 8).then_some(())).await;
        assert!(looked.wrong().is_empty(), "{:?}", looked.wrong());
        assert!(looked.version() <= version + 4, "{} pictures", looked.version() - version);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_network_that_swallows_everything_is_noticed_and_found_again() {
    let server = small();
    beside(&server, all(), async |looked| {
        looked.routed("/").await;
        let begun = tokio::time::Instant::now();
        server.fall_silent();
        looked.until("all lost", |looked| (connected(looked) == 0).then_some(())).await;
        assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", begun.elapsed());
        let wrong = looked.wrong();
        assert!(
            wrong[0].ends_with("the API server is not reached: no answer in 15 seconds"),
            "{wrong:?}"
        );
        server.set("endpointslices", &slice("a-x", "a", "a-2=10.0.0.2"));
        server.come(false);
        looked.until("what happened", |looked| (looked.asked("/")? == "a-2").then_some(())).await;
        looked.until("all found", |looked| (connected(looked) == 8).then_some(())).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_where_it_was() {
    goes_and_comes(false).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_forgotten_is_listed_again() {
    goes_and_comes(true).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_says_the_same_makes_no_picture() {
    let server = small();
    beside(&server, all(), async |looked| {
        looked.routed("/").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let version = looked.version();
        server.go();
        server.come(true);
        let listed = |looked: &Looked| {
            let lists = server.asked().iter().filter(|asked| asked.starts_with("list")).count();
            (lists == 16 && connected(looked) == 8).then_some(())
        };
        looked.until("listed again", listed).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(looked.version(), version);
    })
    .await;
}
