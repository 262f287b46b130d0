//! Who leads? For those who only look on: they never write, and judge by their own clock, too.

use std::sync::Arc;

use futures::stream::{self, BoxStream, Stream};
use futures::{FutureExt as _, StreamExt as _};

use crate::clock::Clock;
use crate::holder::World;
use crate::lease::{Lease, Timing};
use crate::moment::Moment;
use crate::name::{Identity, Name};
use crate::store::{Change, Which};
use crate::sync::TTL;

/// Who holds a Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// What it calls itself.
    pub identity: Identity,
    /// The how-manieth holder it is, since the Lease was created.
    pub transitions: i32,
}

struct Looker {
    clock: Arc<dyn Clock>,
    changes: BoxStream<'static, Change>,
    name: Name,
    lease: Lease,
    told: Option<Option<Leader>>,
    /// Nothing is told before everything was heard once.
    ready: bool,
}

/// Tells who holds it, from now on, whenever that changes.
pub(crate) fn leaders(
    world: &World,
    name: &Name,
) -> impl Stream<Item = Option<Leader>> + Send + Unpin + use<> {
    let timing = Timing::of(TTL).expect("it is long enough");
    let nobody = Identity::of("-").expect("it is not empty");
    let looker = Looker {
        clock: Arc::clone(&world.clock),
        changes: world.watch(&Which::Name(name.clone())),
        name: name.clone(),
        lease: Lease::new(nobody, timing),
        told: None,
        ready: false,
    };
    stream::unfold(looker, |mut looker| {
        async move {
            loop {
                looker.listen().await;
                let leader = looker.leader();
                if looker.ready && looker.told.as_ref() != Some(&leader) {
                    looker.told = Some(leader.clone());
                    return Some((leader, looker));
                }
            }
        }
        .boxed()
    })
}

impl Looker {
    async fn listen(&mut self) {
        let now = self.clock.now();
        let expires = self.lease.expires().filter(|at| *at > now);
        let clock = &self.clock;
        let silent = async {
            match expires {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let change = tokio::select! {
            biased;
            change = self.changes.next() => change,
            () = silent => None,
        };
        if let Some(change) = change {
            self.hear(change);
        }
    }

    fn hear(&mut self, change: Change) {
        let now: Moment = self.clock.now();
        match change {
            Change::Is(record) if record.name == self.name => drop(self.lease.hear(&record, now)),
            Change::Gone(name) if name == self.name => self.lease.observe(None, now),
            Change::All(records) => {
                self.ready = true;
                let record = records.into_iter().find(|record| record.name == self.name);
                self.lease.observe(record, now);
            }
            Change::Is(_) | Change::Gone(_) | Change::Broken(_) => {}
        }
    }

    fn leader(&self) -> Option<Leader> {
        let identity = self.lease.holder(self.clock.now())?.clone();
        let transitions = self.lease.record().map_or(0, |record| record.transitions);
        Some(Leader { identity, transitions })
    }
}
