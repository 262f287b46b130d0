//! Is the page what Prometheus reads?

use std::sync::Arc;
use std::time::Duration;

use super::{Facts, render};
use crate::file;
use crate::snapshot::channel;
use crate::watch;

#[test]
fn a_page_tells_every_counter_of_a_small_world() {
    let world = "
services:
  users:
    replicas:
      - { name: users-0, address: 127.0.0.1:9001 }
      - { name: users-1, address: 127.0.0.1:9002, ready: false }
routes: [ { path: /, service: users } ]
";
    let mut world = file::read(world).unwrap();
    // One replica serves no shard: a cluster may be so, a file may not.
    let users = Arc::make_mut(&mut world.services[0]);
    Arc::make_mut(&mut users.policy).shard_count = "1".parse().unwrap();
    let (mut publisher, latest) = channel();
    publisher.publish(&world);
    let snapshot = latest.load();
    let users = snapshot.service("users").unwrap();
    users.live.finished(200, Duration::from_micros(300));
    users.live.finished(200, Duration::from_secs(20));
    users.live.finished(503, Duration::from_millis(1));
    users.live.retried();
    let _places = users.live.enter(2, 10).unwrap();
    let zero = &users.replicas[0].live;
    let _in_flight = zero.enter();
    zero.succeeded(Duration::ZERO, Duration::from_millis(2));
    assert!(!zero.failed(Duration::ZERO, Duration::ZERO));
    zero.eject(Duration::from_secs(7));
    let facts = Facts {
        memory: (5, 10),
        log_dropped: 3,
        turned_away: 5,
        connections: 4,
        mistakes: 1,
        now: Duration::from_millis(7500),
        watched: Vec::new(),
    };
    assert_eq!(render(&snapshot, &facts), include_str!("golden.txt"));
}

#[test]
fn a_label_cannot_end_its_own_quotes() {
    let world = r#"
services: { "we\"b\\": { replicas: [] } }
routes: []
"#;
    let (mut publisher, latest) = channel();
    publisher.publish(&file::read(world).unwrap());
    let text = render(&latest.load(), &Facts::default());
    assert!(text.contains(r#"metaparticle_replicas{service="we\"b\\"} 0"#), "{text}");
}

#[test]
fn every_family_is_in_one_piece() {
    let text = render(&channel().1.load(), &Facts::default());
    let families: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    let names: std::collections::BTreeSet<_> = families.iter().collect();
    assert_eq!(names.len(), families.len());
    assert!(families.len() > 20);
}

#[tokio::test(start_paused = true)]
async fn how_a_cluster_is_watched_is_told_by_kind() {
    let kind = |name, connected, told| watch::Kind {
        name,
        connected,
        objects: 3,
        told,
        trouble: (!connected).then(|| "refused".to_owned()),
    };
    let told = tokio::time::Instant::now();
    tokio::time::advance(Duration::from_millis(1500)).await;
    let watched = vec![kind("services", true, Some(told)), kind("ingresses", false, None)];
    let text = render(&channel().1.load(), &Facts { watched, ..Facts::default() });
    for line in [
        r#"metaparticle_watch_connected{kind="services"} 1"#,
        r#"metaparticle_watch_connected{kind="ingresses"} 0"#,
        r#"metaparticle_watch_objects{kind="ingresses"} 3"#,
        r#"metaparticle_watch_last_event_age_seconds{kind="services"} 1.5"#,
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line} in {text}");
    }
    assert!(!text.contains(r#"age_seconds{kind="ingresses"}"#), "never is no age");
}
