//! How does a contender become the holder? It looks, takes what is free, and else waits for news.
//!
//! A lock has one seat, a semaphore several. Whoever waits asks the store nothing: it watches, and has a
//! timer for a holder that falls silent. When many wake at once, each steps back by chance, and those who were
//! too slow all the same by more the next time: so a release does not become a stampede.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::{oneshot, watch};

use crate::holder::keep::Keep;
use crate::holder::{Answer, Contest, NotAcquired, Patience, Seat, World};
use crate::lease::Next;
use crate::moment::Moment;
use crate::store::{Change, Trouble, Written};

/// How long who waits steps back at most before it takes what became free: at first, so that not all of many
/// write before the first one's write is heard of; and how long at most, when it was too slow again and again.
const STEP: Duration = Duration::from_millis(8);
const STEP_MOST: Duration = Duration::from_millis(200);
/// Where watching is not allowed, it is asked this often.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How long the news of a lost race may take, before it is asked for.
const NEWS_WITHIN: Duration = Duration::from_secs(1);
/// How often whoever tries once asks again when nobody knows.
const TRIES: u32 = 3;

/// A contender.
pub(super) struct Campaign {
    pub(super) world: World,
    pub(super) contest: Contest,
    pub(super) watch: Option<BoxStream<'static, Change>>,
    /// Of each seat: not before then is it looked at again, because what is known of it is not all.
    doubts: Vec<Option<Moment>>,
    /// Of each seat: a write of ours had no answer, and may have won it, or may still do so.
    unanswered: Vec<bool>,
    /// A write is under way, and is waited for.
    writes: watch::Sender<bool>,
    /// Not before then is a free seat taken.
    not_before: Option<Moment>,
    step: Duration,
    /// The watch is not allowed: it must be asked.
    blind: bool,
}

/// How an attempt ended.
enum Attempt {
    Won,
    TooSlow,
    Unclear(Trouble),
}

impl Campaign {
    pub(super) fn new(world: World, contest: Contest) -> Self {
        let doubts = vec![None; contest.seats.len()];
        let unanswered = vec![false; contest.seats.len()];
        Self {
            world,
            contest,
            watch: None,
            doubts,
            unanswered,
            writes: watch::Sender::new(false),
            not_before: None,
            step: STEP,
            blind: false,
        }
    }

    /// Contends, and when it wins keeps what it won until the work has ended.
    pub(super) async fn run(mut self, patience: Patience, mut answer: oneshot::Sender<Answer>) {
        let tasks = self.world.tasks.clone();
        let mut writes = self.writes.subscribe();
        let name = self.contest.seats[0].name.clone();
        let ends = async {
            let outcome = tokio::select! {
                biased;
                // Nobody listens any more.
                () = answer.closed() => Ok(None),
                () = tasks.stopped() => Err(NotAcquired::ShutDown { name }),
            };
            // A write that is broken off may win all the same, and nobody would know.
            writes.wait_for(|writes| !writes).await.ok();
            outcome
        };
        let outcome = tokio::select! {
            biased;
            won = self.contend(patience) => won,
            ended = ends => ended,
        };
        if let Ok(Some(seat)) = outcome {
            self.unanswered[seat] = false;
            let unclear = self.unclear();
            if !unclear.is_empty() {
                self.world.tasks.spawn(tidy(self.world.clone(), unclear));
            }
            let (keep, held) = Keep::begin(self, seat);
            // Where nobody takes it, it is dropped, and so given back.
            answer.send(Ok(Some(held))).ok();
            return keep.run().await;
        }
        tidy(self.world.clone(), self.unclear()).await;
        // Whoever is answered may ask again at once.
        drop(self.contest.place.take());
        answer.send(outcome.map(|_| None)).ok();
    }

    /// Seats that may be ours without our knowing.
    fn unclear(&self) -> Vec<Seat> {
        let seats = self.contest.seats.iter().zip(&self.unanswered);
        seats.filter(|(_, unanswered)| **unanswered).map(|(seat, _)| seat.clone()).collect()
    }

    /// Which seat it won; none, where it does not wait.
    async fn contend(&mut self, patience: Patience) -> Result<Option<usize>, NotAcquired> {
        let seats = self.contest.seats.len();
        let first = self.contest.chance.usize(..seats);
        for seat in (first..seats).chain(0..first) {
            if self.take_now(seat, patience).await? {
                return Ok(Some(seat));
            }
        }
        match patience {
            Patience::Once => Ok(None),
            Patience::Forever => self.wait().await.map(Some),
        }
    }

    /// Looks at a seat, and takes it if it is free.
    async fn take_now(&mut self, seat: usize, patience: Patience) -> Result<bool, NotAcquired> {
        for tries in 1.. {
            let trouble = match self.look(seat).await {
                Ok(()) if self.next(seat) != Next::Acquire => return Ok(false),
                Ok(()) => match self.attempt(seat).await? {
                    Attempt::Won => return Ok(true),
                    // It may have been beaten by its own write, of which it did not hear.
                    Attempt::TooSlow if self.unanswered[seat] => {
                        Trouble::passing("a write of this very contender was not answered")
                    }
                    Attempt::TooSlow => return Ok(false),
                    Attempt::Unclear(trouble) => trouble,
                },
                Err(trouble) => trouble,
            };
            self.give_up_if_lasting(seat, &trouble)?;
            if patience == Patience::Once && tries >= TRIES {
                let name = self.contest.seats[seat].name.clone();
                return Err(NotAcquired::Unknown { name, trouble });
            }
            if patience == Patience::Forever {
                self.ask_again(seat);
                return Ok(false);
            }
            let again = self.retry();
            let clock = &self.world.clock;
            clock.sleep_until(clock.now() + again).await;
        }
        Ok(false)
    }

    /// Waits until a seat is won.
    async fn wait(&mut self) -> Result<usize, NotAcquired> {
        self.watch = Some(self.world.watch(&self.contest.which));
        loop {
            if let Some(seat) = self.doubtful() {
                if let Err(trouble) = self.look(seat).await {
                    self.give_up_if_lasting(seat, &trouble)?;
                    self.ask_again(seat);
                }
            } else if let Some(seat) = self.takeable() {
                match self.attempt(seat).await? {
                    Attempt::Won => return Ok(seat),
                    Attempt::TooSlow => self.step_back(seat),
                    Attempt::Unclear(trouble) => {
                        self.give_up_if_lasting(seat, &trouble)?;
                        self.ask_again(seat);
                    }
                }
            } else {
                self.listen().await;
            }
        }
    }

    /// Waits for news, or until there is something to do without them.
    async fn listen(&mut self) {
        let now = self.world.clock.now();
        let waits = (0..self.contest.seats.len()).filter_map(|seat| match self.doubts[seat] {
            Some(at) => Some(at),
            None => match self.next(seat) {
                Next::Wait(until) => until,
                _ => self.not_before,
            },
        });
        let asks = self.blind.then(|| now + ASK_EVERY);
        let until = waits.chain(asks).min();
        let Some(watch) = &mut self.watch else { return };
        let clock = &self.world.clock;
        let news = tokio::select! {
            biased;
            news = watch.next() => news,
            () = until_some(until, |at| clock.sleep_until(at)) => None,
        };
        match news {
            Some(change) => self.hear(change),
            None if self.blind => {
                (0..self.doubts.len()).for_each(|seat| self.doubt(seat, Duration::ZERO))
            }
            None => {}
        }
    }

    fn hear(&mut self, change: Change) {
        let now = self.world.clock.now();
        let seats = &mut self.contest.seats;
        match change {
            Change::Is(record) => {
                self.blind = false;
                if let Some(seat) = seats.iter().position(|seat| seat.name == record.name) {
                    seats[seat].lease.hear(&record, now);
                    self.doubts[seat] = None;
                }
            }
            // That something is missing is not believed before it was asked: the news may be old.
            Change::Gone(name) => {
                if let Some(seat) = seats.iter().position(|seat| seat.name == name) {
                    self.doubt(seat, Duration::ZERO);
                }
            }
            Change::All(records) => {
                self.blind = false;
                for (seat, doubt) in seats.iter_mut().zip(&mut self.doubts) {
                    match records.iter().find(|record| record.name == seat.name) {
                        Some(record) => _ = seat.lease.hear(record, now),
                        None if seat.lease.record().is_some() => *doubt = Some(now),
                        None => {}
                    }
                }
            }
            Change::Broken(trouble) => {
                tracing::debug!(%trouble, "the watch broke");
                self.blind |= trouble.is_lasting();
            }
        }
    }

    /// A seat that must be looked at now.
    fn doubtful(&self) -> Option<usize> {
        let now = self.world.clock.now();
        self.doubts.iter().position(|doubt| doubt.is_some_and(|at| at <= now))
    }

    /// A seat that may be taken now. After a wait, those who were too slow before step back.
    fn takeable(&mut self) -> Option<usize> {
        let certain =
            |seat: &usize| self.doubts[*seat].is_none() && self.next(*seat) == Next::Acquire;
        let Some(free) = (0..self.contest.seats.len()).find(certain) else {
            if self.not_before.take().is_some() {
                // Others were faster while it stepped back: that cost nothing, and need not be so long.
                self.step = (self.step * 3 / 4).max(STEP);
            }
            return None;
        };
        let now = self.world.clock.now();
        let back = self.step.mul_f64(self.contest.chance.f64());
        let at = *self.not_before.get_or_insert(now + back);
        (now >= at).then_some(free)
    }

    /// Somebody else was faster: news of it is on its way, and the next time others go first.
    fn step_back(&mut self, seat: usize) {
        self.step = (self.step * 2).min(STEP_MOST);
        self.not_before = None;
        self.doubt(seat, NEWS_WITHIN);
    }

    async fn attempt(&mut self, seat: usize) -> Result<Attempt, NotAcquired> {
        let (world, contest) = (&self.world, &mut self.contest);
        let (marks, number) = (contest.marks.clone(), seat);
        let seat = &mut contest.seats[seat];
        let draft = crate::lease::Draft { marks, ..seat.lease.claim() };
        let sent = world.clock.now();
        self.writes.send_replace(true);
        let written = world.write(seat, &draft, seat.lease.timing().request()).await;
        self.writes.send_replace(false);
        self.unanswered[number] |= matches!(written, Written::Unknown(_));
        match written {
            Written::Done(record) => {
                seat.lease.wrote(record, sent);
                if seat.lease.next(world.clock.now()) == Next::Yield(crate::lease::Why::Expired) {
                    seat.lease.end();
                    self.unanswered[number] = true;
                    let what = "the write was accepted too late to be of use";
                    return Ok(Attempt::Unclear(Trouble::passing(what)));
                }
                Ok(Attempt::Won)
            }
            Written::Conflict => {
                seat.lease.beaten(world.clock.now());
                Ok(Attempt::TooSlow)
            }
            Written::Refused(trouble) | Written::Unknown(trouble) => Ok(Attempt::Unclear(trouble)),
        }
    }

    async fn look(&mut self, seat: usize) -> Result<(), Trouble> {
        self.doubts[seat] = None;
        let seat = &mut self.contest.seats[seat];
        let within = seat.lease.timing().request();
        self.world.look(seat, within).await
    }

    fn next(&self, seat: usize) -> Next {
        self.contest.seats[seat].lease.next(self.world.clock.now())
    }

    fn doubt(&mut self, seat: usize, within: Duration) {
        self.doubts[seat] = Some(self.world.clock.now() + within);
    }

    fn ask_again(&mut self, seat: usize) {
        let again = self.retry();
        self.doubt(seat, again);
    }

    /// Somewhat irregular, so that contenders do not fall into step.
    fn retry(&mut self) -> Duration {
        let every = self.contest.seats[0].lease.timing().retry_every();
        every.mul_f64(0.75 + self.contest.chance.f64() / 2.0)
    }

    fn give_up_if_lasting(&self, seat: usize, trouble: &Trouble) -> Result<(), NotAcquired> {
        let name = self.contest.seats[seat].name.clone();
        if trouble.is_lasting() {
            return Err(NotAcquired::Refused { name, trouble: trouble.clone() });
        }
        tracing::debug!(%name, %trouble, "trying again");
        Ok(())
    }
}

/// Gives back what writes may have won that were not answered, also those that arrive late; best effort, they
/// end by themselves.
async fn tidy(world: World, mut seats: Vec<Seat>) {
    for tries in 0..TRIES {
        if tries > 0 && !seats.is_empty() {
            let pause = seats[0].lease.timing().request();
            world.clock.sleep_until(world.clock.now() + pause).await;
        }
        let mut unclear = Vec::new();
        for mut seat in seats {
            let within = seat.lease.timing().request();
            let named = world.look(&mut seat, within).await.is_ok() && seat.lease.is_named();
            let given = named
                && matches!(
                    world.write(&seat, &seat.lease.farewell(), within).await,
                    Written::Done(_)
                );
            if !given {
                unclear.push(seat);
            }
        }
        seats = unclear;
    }
}

/// Waits until then; for ever, where there is no time.
pub(super) async fn until_some<F: Future<Output = ()>>(
    at: Option<Moment>,
    sleep: impl FnOnce(Moment) -> F,
) {
    match at {
        Some(at) => sleep(at).await,
        None => std::future::pending().await,
    }
}
