//! How does a holder remain the holder, and how does it stop being one?

use std::sync::Arc;

use futures::StreamExt as _;
use tokio::sync::Notify;

use crate::holder::campaign::{Campaign, until_some};
use crate::holder::standing::{Standing, Work};
use crate::holder::{Held, Overrun, Seat, World, sentinel};
use crate::lease::{Next, Why};
use crate::store::{Change, Trouble, Written};

/// So often a Lease is tried to be given back.
const GIVE_BACK_TRIES: u32 = 4;

/// A holder, and what it has to see to.
pub(super) struct Keep {
    world: World,
    campaign: Campaign,
    seat: usize,
    standing: Arc<Standing>,
    ended: Arc<Notify>,
    /// What is known may not be all: look before writing.
    doubt: bool,
}

impl Keep {
    /// Begins to keep what `campaign` won.
    pub(super) fn begin(campaign: Campaign, seat: usize) -> (Self, Held) {
        let world = campaign.world.clone();
        let lease = &campaign.contest.seats[seat].lease;
        let times = lease.lost_at().zip(lease.deadline()).unwrap_or_default();
        let term = lease.term().cloned().expect("it was won");
        let names = (campaign.contest.seats[seat].name.clone(), lease.me().clone());
        let standing = Standing::new(names, term, Arc::clone(&world.clock), times);
        let (work, ended) = Work::begin();
        let work = Arc::new(work);
        if matches!(campaign.contest.overrun, Overrun::Abort) && world.clock.is_real() {
            sentinel::watch(&standing, &work);
        }
        let held = Held { standing: Arc::clone(&standing), work, tasks: world.tasks.clone() };
        (Self { world, campaign, seat, standing, ended, doubt: false }, held)
    }

    /// Keeps it until the work has ended, and gives it back.
    pub(super) async fn run(mut self) {
        let why = self.hold().await;
        if let Some(why) = why {
            self.step_down(why).await;
        }
        let given = self.give_back().await;
        // Whoever is told that it is over may ask for it again at once.
        drop(self.campaign.contest.place.take());
        self.standing.over(given);
    }

    /// Renews it until the work has ended, or until it is lost.
    async fn hold(&mut self) -> Option<Why> {
        loop {
            match self.seat().lease.next(self.world.clock.now()) {
                Next::Yield(why) => return Some(why),
                Next::Renew => {
                    if let Some(why) = self.renew().await {
                        return Some(why);
                    }
                }
                Next::Acquire => return Some(Why::Taken),
                Next::Wait(until) => {
                    let (ended, clock) = (Arc::clone(&self.ended), Arc::clone(&self.world.clock));
                    let watch = &mut self.campaign.watch;
                    let news = async {
                        match watch {
                            Some(watch) => watch.next().await,
                            None => std::future::pending().await,
                        }
                    };
                    let change = tokio::select! {
                        biased;
                        () = ended.notified() => return None,
                        change = news => change,
                        () = until_some(until, |at| clock.sleep_until(at)) => None,
                    };
                    if let Some(change) = change {
                        self.hear(&change);
                    }
                }
            }
        }
    }

    /// Writes it again, after looking where something is not known.
    async fn renew(&mut self) -> Option<Why> {
        if self.campaign.watch.is_none() {
            // Whoever holds it for longer than a moment wants to hear when it is taken away.
            self.campaign.watch = Some(self.world.watch(&self.campaign.contest.which));
        }
        let world = self.world.clone();
        let looked = self.doubt;
        if looked {
            let within = self.within();
            if let Err(trouble) = world.look(self.seat_mut(), within).await {
                self.put_off(&trouble);
                return None;
            }
            self.doubt = false;
            if !matches!(self.seat().lease.next(world.clock.now()), Next::Renew) {
                return None;
            }
        }
        let draft = self.seat().lease.claim();
        let sent = world.clock.now();
        match world.write(self.seat(), &draft, self.within()).await {
            Written::Done(record) => {
                let lease = &mut self.seat_mut().lease;
                lease.wrote(record, sent);
                let (lost_at, deadline) = lease.lost_at().zip(lease.deadline()).unwrap_or_default();
                if !self.standing.extend(lost_at, deadline) {
                    return Some(self.standing.why().unwrap_or(Why::Expired));
                }
            }
            Written::Conflict if looked => {
                self.put_off(&Trouble::passing("others write it all the time"))
            }
            Written::Conflict => self.doubt = true,
            Written::Refused(trouble) | Written::Unknown(trouble) => self.put_off(&trouble),
        }
        None
    }

    /// A request may take its time, but not beyond the moment at which the work is told.
    fn within(&self) -> std::time::Duration {
        let lease = &self.seat().lease;
        let left = lease.lost_at().unwrap_or_default().since(self.world.clock.now());
        lease.timing().request().min(left)
    }

    fn put_off(&mut self, trouble: &Trouble) {
        let (name, now) = (&self.seat().name, self.world.clock.now());
        tracing::warn!(%name, %trouble, "a lease that is held could not be renewed: trying again");
        self.doubt = true;
        self.seat_mut().lease.failed(now);
    }

    fn hear(&mut self, change: &Change) {
        let now = self.world.clock.now();
        let seat = self.seat_mut();
        let news = match change {
            Change::Is(record) if record.name == seat.name => {
                seat.lease.hear(record, now);
                false
            }
            Change::All(records) => match records.iter().find(|record| record.name == seat.name) {
                Some(record) => {
                    seat.lease.hear(record, now);
                    false
                }
                None => true,
            },
            Change::Gone(name) => *name == seat.name,
            Change::Is(_) | Change::Broken(_) => false,
        };
        if news {
            // It seems to be missing: ask, instead of waiting for the next time it is written.
            self.doubt = true;
            self.seat_mut().lease.renew_now(now);
        }
    }

    /// Tells the work, and waits until it has ended, whatever the deadline.
    async fn step_down(&mut self, why: Why) {
        let grace = self.seat().lease.timing().grace();
        self.standing.lose(why, grace);
        tracing::warn!(name = %self.seat().name, %why, "a lease that was held is lost");
        let deadline = self.standing.deadline();
        let (ended, clock) = (Arc::clone(&self.ended), Arc::clone(&self.world.clock));
        tokio::select! {
            biased;
            () = ended.notified() => return,
            () = until_some(deadline, |at| clock.sleep_until(at + sentinel::MOMENT)) => {}
        }
        self.overrun(why);
        ended.notified().await;
    }

    fn overrun(&self, why: Why) {
        let lost = self.standing.lost(why);
        match &self.campaign.contest.overrun {
            Overrun::Abort => sentinel::abort(&lost.to_string()),
            Overrun::Fenced => tracing::error!(%lost, "work goes on past its deadline"),
            Overrun::Call(call) => call(&lost),
        }
    }

    /// Gives it back, if it is still ours: the work has ended. Whether it is not, now.
    async fn give_back(&mut self) -> bool {
        let world = self.world.clone();
        let (request, pause) =
            (self.seat().lease.timing().request(), self.seat().lease.timing().retry_every());
        // What is lost is about to end by itself, and somebody waits to hear that the work has ended.
        let most = if self.standing.why().is_some() { 1 } else { GIVE_BACK_TRIES };
        for tries in 0..most {
            if tries > 0 {
                world.clock.sleep_until(world.clock.now() + pause).await;
            }
            if self.doubt && world.look(self.seat_mut(), request).await.is_err() {
                continue;
            }
            if !self.seat().lease.is_named() {
                return true;
            }
            let draft = self.seat().lease.farewell();
            match world.write(self.seat(), &draft, request).await {
                Written::Done(record) => {
                    let seat = self.seat_mut();
                    seat.lease.end();
                    seat.lease.observe(Some(record), world.clock.now());
                    return true;
                }
                Written::Conflict | Written::Unknown(_) => self.doubt = true,
                Written::Refused(_) => {}
            }
        }
        let (name, ttl) = (&self.seat().name, self.seat().lease.timing().ttl());
        tracing::warn!(%name, ?ttl, "a lease could not be given back: it ends by itself within its time");
        false
    }

    fn seat(&self) -> &Seat {
        &self.campaign.contest.seats[self.seat]
    }

    fn seat_mut(&mut self) -> &mut Seat {
        &mut self.campaign.contest.seats[self.seat]
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        // Also when it panics, or when its runtime ends under it.
        self.standing.abandon();
    }
}
