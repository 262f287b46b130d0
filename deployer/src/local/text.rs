//! What is a newcomer told? What runs where, and what to try.

use std::net::SocketAddr;

use metaparticle_gateway::app::Running;
use metaparticle_gateway::words::Pattern;

use crate::local::crew::Crew;
use crate::pattern::{App, Service};

/// The page that `cargo run` prints.
pub(super) fn introduction(
    app: &App,
    gateway: &Running,
    control: SocketAddr,
    crew: &Crew,
) -> String {
    let mut text = format!("\n{}, on this machine\n\n", app.name);
    for service in &app.services {
        let ports = service.replicas().filter_map(|(_, replica)| crew.address(&replica));
        let ports: Vec<_> = ports.map(|address| address.port().to_string()).collect();
        let (names, about) = (names(&service.stem(), service.count), about(service));
        text.push_str(&format!("  {names:<24} {about}\n  {:<24} {}\n", "", ports.join(" ")));
    }
    for leader in &app.leaders {
        let names = names(&leader.name, leader.count);
        text.push_str(&format!("  {names:<24} one of them leads\n"));
    }
    for job in &app.jobs {
        let (names, most) = (names(&job.name, job.count), job.parallelism);
        let when =
            job.schedule.as_ref().map(|at| format!("; in a cluster at `{at}`, here at once"));
        let when = when.unwrap_or_default();
        text.push_str(&format!("  {names:<24} a job, {most} at a time{when}\n"));
    }
    let admin = local(gateway.admin_address());
    if !app.services.is_empty() {
        text.push_str(&format!("\n  gateway    http://{}/\n", local(gateway.address())));
        text.push_str(&format!("  dashboard  http://{admin}/\n"));
    }
    if !app.services.is_empty() && app.services.iter().all(|service| service.front.is_none()) {
        text.push_str(
            "\nNobody outside may ask: a service that says `.public()` is asked at the gateway.\n",
        );
    }
    text.push_str(&tries(app, &local(gateway.address()), &local(Some(control))));
    text.push_str("\nCtrl-C ends all of it.\n");
    text
}

/// What to curl.
fn tries(app: &App, gateway: &str, control: &str) -> String {
    let mut tries = Vec::new();
    for service in &app.services {
        let Some(front) = &service.front else { continue };
        let host = front.host.as_ref().map(|host| format!(" -H 'host: {host}'"));
        let path = app.path(service, front);
        let shows = match service.pattern {
            Pattern::Spread if service.count == 1 => format!("asks {}", service.name),
            Pattern::Spread => format!("asks one of {} replicas", service.count),
            Pattern::Shard => "asks the shard that owns the key".to_owned(),
            Pattern::Scatter => format!("asks {} leaves, and merges what they say", service.count),
        };
        tries.push((format!("curl -i{} {gateway}{path}", host.unwrap_or_default()), shows));
    }
    let first =
        app.services.iter().filter(|one| one.count > 1).find_map(|one| one.replicas().last());
    if let Some((_, replica)) = first {
        let kill = format!("curl -X POST {control}/kill/{replica}");
        tries.push((kill, "ends it as a crash does; ask again".to_owned()));
        tries.push((
            format!("curl -X POST {control}/revive/{replica}"),
            "starts it again".to_owned(),
        ));
    }
    if tries.is_empty() {
        return String::new();
    }
    let widest = tries.iter().map(|(what, _)| what.len()).max().unwrap_or_default();
    let line = |(what, shows): &(String, String)| format!("  {what:<widest$}  # {shows}\n");
    format!("\nTry it:\n\n{}", tries.iter().map(line).collect::<String>())
}

/// `users-0..3`
fn names(stem: &str, count: u32) -> String {
    match count {
        1 => format!("{stem}-0"),
        count => format!("{stem}-0..{}", count - 1),
    }
}

fn about(service: &Service) -> String {
    let code = |code: bool, what: &str, words: &str| match code {
        true => format!("by its own {what}"),
        false => words.to_owned(),
    };
    match service.pattern {
        Pattern::Spread => "any replica will do".to_owned(),
        Pattern::Shard => {
            format!("each key has a shard, {}", code(service.has_root(), "function", "by words"))
        }
        Pattern::Scatter => {
            format!(
                "every leaf has a part, {}",
                code(service.has_root(), "merge", "merged by words")
            )
        }
    }
}

fn local(address: Option<SocketAddr>) -> String {
    match address {
        Some(address) if address.ip().is_loopback() => format!("localhost:{}", address.port()),
        Some(address) => address.to_string(),
        None => "nowhere".to_owned(),
    }
}
