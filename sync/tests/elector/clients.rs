//! What becomes of each published client? A golden table: what it asks, in which order, and what it makes of each
//! status, as its source says; before an elector in every situation that there is.
//!
//! ```text
//!   holds    it believes that it has the lock          told     it hears that it has lost it
//!   waits    it asks again in ten seconds              unaware  it has lost it, and believes that it has it
//!   stuck    it asks for ever, and never for the lock  dies     by an exception, a panic, or an error
//! ```

use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use metaparticle_sync::lease::Record;
use metaparticle_sync::name::{Identity, Name};
use serde_json::Value;

use crate::world::{Elector, Manual, Shared};

/// A published client.
struct Client {
    name: &'static str,
    /// What it asks before each heartbeat's PUT.
    looks: bool,
    /// It does not ask for a lock before a GET said 200.
    wants_to_see_it: bool,
    /// To what is neither 200, 404 (GET) nor 409 (PUT).
    other: &'static str,
    /// A heartbeat's GET that is not 200.
    blind: &'static str,
    /// A heartbeat's PUT that is not 200.
    refused: &'static str,
    /// It reads every body, and wants JSON.
    parses: bool,
}

const CLIENTS: [Client; 6] = [
    Client {
        name: "javascript",
        looks: true,
        wants_to_see_it: false,
        other: "waits",
        blind: "stuck",
        refused: "told",
        parses: false,
    },
    Client {
        name: "python",
        looks: true,
        wants_to_see_it: false,
        other: "waits",
        blind: "unaware",
        refused: "unaware",
        parses: false,
    },
    Client {
        name: "java",
        looks: true,
        wants_to_see_it: false,
        other: "waits",
        blind: "told",
        refused: "told",
        parses: true,
    },
    Client {
        name: "dotnet",
        looks: true,
        wants_to_see_it: false,
        other: "waits",
        blind: "told",
        refused: "told",
        parses: false,
    },
    Client {
        name: "go",
        looks: false,
        wants_to_see_it: false,
        other: "dies",
        blind: "dies",
        refused: "told",
        parses: false,
    },
    Client {
        name: "rust",
        looks: true,
        wants_to_see_it: true,
        other: "dies",
        blind: "unaware",
        refused: "unaware",
        parses: false,
    },
];

impl Client {
    async fn ask(&self, elector: &Elector, method: &str) -> u16 {
        let (status, body) = elector.ask(&format!("{method} /locks/a")).await;
        let is_json = !matches!(body, Value::String(_));
        assert!(is_json || !self.parses, "{}: {method} {body}", self.name);
        status
    }

    /// One attempt to acquire the lock.
    async fn acquires(&self, elector: &Elector) -> &'static str {
        match self.ask(elector, "GET").await {
            200 => {}
            404 if self.wants_to_see_it => {
                // It tries once, and then waits until it sees one.
                return if self.ask(elector, "PUT").await == 200 { "holds" } else { "waits" };
            }
            404 => {}
            _ => return self.other,
        }
        match self.ask(elector, "PUT").await {
            200 => "holds",
            409 => "waits",
            _ => self.other,
        }
    }

    /// One heartbeat.
    async fn beats(&self, elector: &Elector) -> &'static str {
        if self.looks && self.ask(elector, "GET").await != 200 {
            return self.blind;
        }
        if self.ask(elector, "PUT").await == 200 { "holds" } else { self.refused }
    }
}

/// Two electors that share Leases.
struct World {
    shared: Shared,
    clock: Manual,
    one: Elector,
    other: Elector,
}

/// What is so before the client asks.
const SITUATIONS: [&str; 11] = [
    "never-was",
    "is-anothers",
    "was-given-back",
    "has-expired",
    "api-is-away",
    "heartbeat",
    "short-outage",
    "long-outage",
    "taken-away",
    "elector-restarted",
    "lease-deleted",
];

impl World {
    async fn new() -> Self {
        let (shared, clock) = (Shared::default(), Manual::default());
        let one = Elector::start(&shared, clock.clone(), "one", false).await;
        let other = Elector::start(&shared, clock.clone(), "other", false).await;
        Self { shared, clock, one, other }
    }

    /// What the client comes to.
    async fn comes_to(mut self, situation: &str, client: &Client) -> &'static str {
        let Self { shared, clock, one, other } = &mut self;
        match situation {
            "never-was" => {}
            "is-anothers" => _ = other.status("PUT /locks/a").await,
            "was-given-back" => {
                other.status("PUT /locks/a").await;
                other.status("DELETE /locks/a").await;
            }
            "has-expired" => {
                other.status("PUT /locks/a").await;
                one.status("GET /locks/a").await;
                // Nothing of a crashed elector goes on.
                let gone = Elector::start(shared, clock.clone(), "gone", false).await;
                std::mem::replace(other, gone).crash();
                assert_eq!(one.status("PUT /locks/a").await, 409, "it is waited for");
                clock.pass(31.0);
            }
            "api-is-away" => shared.away.store(true, Relaxed),
            held => return self.keeps(held, client).await,
        }
        client.acquires(&self.one).await
    }

    /// What a client comes to that holds the lock.
    async fn keeps(mut self, situation: &str, client: &Client) -> &'static str {
        let Self { shared, clock, one, .. } = &mut self;
        assert_eq!(client.acquires(one).await, "holds", "{}", client.name);
        match situation {
            "heartbeat" => clock.pass(10.0),
            "short-outage" => {
                shared.away.store(true, Relaxed);
                clock.pass(10.0);
            }
            "long-outage" => {
                shared.away.store(true, Relaxed);
                clock.pass(20.0);
            }
            "taken-away" => {
                let record = shared.memory.read(&Name::of("a")).expect("a record");
                let holder = Identity::of("thief");
                shared.memory.overwrite(Record { holder, ..(*record).clone() });
                one.hears_of("thief").await;
            }
            "elector-restarted" => {
                let again = Elector::start(shared, clock.clone(), "one", false).await;
                std::mem::replace(one, again).crash();
            }
            _ => {
                shared.memory.delete(&Name::of("a"));
                one.hears_of("").await;
                clock.pass(10.0);
            }
        }
        client.beats(&self.one).await
    }
}

const GOLDEN: &str = "\
situation          javascript  python      java        dotnet      go          rust
never-was          holds       holds       holds       holds       holds       holds
is-anothers        waits       waits       waits       waits       waits       waits
was-given-back     holds       holds       holds       holds       holds       holds
has-expired        holds       holds       holds       holds       holds       holds
api-is-away        waits       waits       waits       waits       waits       waits
heartbeat          holds       holds       holds       holds       holds       holds
short-outage       holds       holds       holds       holds       holds       holds
long-outage        told        unaware     told        told        told        unaware
taken-away         told        unaware     told        told        told        unaware
elector-restarted  holds       holds       holds       holds       holds       holds
lease-deleted      told        unaware     told        told        told        unaware
";

#[tokio::test]
async fn every_published_client_comes_to_what_it_should() {
    let mut table = format!("{:19}", "situation");
    for client in &CLIENTS {
        write!(table, "{:12}", client.name).expect("a String takes it");
    }
    for situation in SITUATIONS {
        table = format!("{}\n{situation:19}", table.trim_end());
        for client in &CLIENTS {
            let comes_to = World::new().await.comes_to(situation, client).await;
            write!(table, "{comes_to:12}").expect("a String takes it");
        }
    }
    let table = format!("{}\n", table.trim_end());
    let golden: Vec<_> = GOLDEN.lines().map(str::trim_end).collect();
    assert_eq!(table.lines().collect::<Vec<_>>(), golden, "\n{table}");
}
