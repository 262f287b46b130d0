//! What is there to do, now that this is known of the Lease? Acquire, renew, wait, or step down.
//!
//! Two clocks judge, and never the wall's. The holder counts its time from *before* it sent the write that
//! was accepted, less a margin for clocks that run at different rates. Everybody else counts from when they
//! first *saw* that write, and waits the whole duration. So a holder stops before anybody takes over,
//! however late its writes and their news arrive.

mod record;
#[cfg(test)]
mod tests;
mod timing;

use std::sync::Arc;
use std::time::Duration;

use crate::moment::Moment;
use crate::name::Identity;
use crate::term::Term;

pub use self::record::{Draft, Marks, Record, Rest};
pub use self::timing::{BadTiming, Timing};

/// What one contender knows of one Lease.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    me: Identity,
    timing: Timing,
    sight: Sight,
    mine: Option<Mine>,
    ended: Option<Why>,
}

/// What was seen of it last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Sight {
    /// It never existed, as far as is known.
    Nothing,
    /// It was first seen like this then.
    Record { record: Arc<Record>, since: Moment },
    /// It existed, and was not there then. Whoever held it may not know yet.
    Gone { duration: Duration, since: Moment },
}

/// What a holder goes by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Mine {
    term: Term,
    /// When the write that was accepted last was about to be sent.
    sent: Moment,
    /// Not before then is it written again.
    again: Moment,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try to become the holder: write.
    Acquire,
    /// Write again, to remain the holder.
    Renew,
    /// Nothing until then, or until the record changes; without a time, until it changes.
    Wait(Option<Moment>),
    /// Stop what needs the Lease: it is lost.
    Yield(Why),
}

/// Why a Lease was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Why {
    /// It could not be renewed in time.
    #[error(
        "it was not renewed in time: is the API server reachable, and the process running freely?"
    )]
    Expired,
    /// Somebody else holds it.
    #[error("somebody else holds it")]
    Taken,
    /// It was deleted.
    #[error("the Lease was deleted: delete no Lease that is held")]
    Deleted,
    /// Coordinated election prefers another holder.
    #[error("another holder is preferred")]
    Preferred,
    /// What renews it came to an end by itself.
    #[error("the task that renews it ended: did it panic, or did the runtime shut down?")]
    Abandoned,
    /// Its work has ended, but the store did not take it back.
    #[error("it could not be given back: others have it when its time is over")]
    NotGivenBack,
}

impl Lease {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(me: Identity, timing: Timing) -> Self {
        Self { me, timing, sight: Sight::Nothing, mine: None, ended: None }
    }

    /// Takes in what was *read*, at `now`: an answer to a question that was asked after all else that this
    /// contender knows.
    pub fn observe(&mut self, record: Option<Arc<Record>>, now: Moment) {
        match record {
            Some(record) => self.found(record, now),
            None => self.missed_it(now),
        }
    }

    /// Takes in what was *heard*, at `now`: events come late, and more than once. Whether it was news.
    pub fn hear(&mut self, record: &Arc<Record>, now: Moment) -> bool {
        let news = self.record().is_none_or(|seen| record.version > seen.version);
        if news {
            self.found(Arc::clone(record), now);
        }
        news
    }

    /// Takes in that this contender's own write, about to be sent at `sent`, was accepted.
    pub fn wrote(&mut self, record: Arc<Record>, sent: Moment) {
        let term = match self.mine.take() {
            Some(mine) => mine.term,
            None => Term::of(record.version.clone()),
        };
        self.mine = Some(Mine { term, sent, again: sent + self.timing.renew_every() });
        self.ended = None;
        self.sight = Sight::Record { record, since: sent };
    }

    /// Takes in that somebody else was faster: so there is a record, even if it was not seen yet.
    pub fn beaten(&mut self, now: Moment) {
        if self.sight == Sight::Nothing {
            self.sight = Sight::Gone { duration: self.timing.ttl(), since: now };
        }
    }

    /// Takes in that a write was not accepted, or that nobody knows: the time it would have given is not
    /// counted, and it is tried again soon.
    pub fn failed(&mut self, now: Moment) {
        if let Some(mine) = &mut self.mine {
            mine.again = now + self.timing.retry_every();
        }
    }

    /// Takes in that it had better be looked at now.
    pub fn renew_now(&mut self, now: Moment) {
        if let Some(mine) = &mut self.mine {
            mine.again = mine.again.min(now);
        }
    }

    /// Takes in that it was given back, or is no longer wanted.
    pub fn end(&mut self) {
        self.mine = None;
        self.ended = None;
    }

    /// What is to be done at `now`.
    #[must_use]
    pub fn next(&self, now: Moment) -> Next {
        match (&self.mine, self.ended) {
            (_, Some(why)) => Next::Yield(why),
            (Some(mine), None) => self.next_of_holder(mine, now),
            (None, None) => self.next_of_waiter(now),
        }
    }

    fn next_of_holder(&self, mine: &Mine, now: Moment) -> Next {
        let lost = self.timing.lost_after(mine.sent);
        if now >= lost {
            Next::Yield(Why::Expired)
        } else if now >= mine.again {
            Next::Renew
        } else {
            Next::Wait(Some(mine.again.min(lost)))
        }
    }

    fn next_of_waiter(&self, now: Moment) -> Next {
        let free_at = match &self.sight {
            Sight::Nothing => return Next::Acquire,
            Sight::Gone { duration, since } => *since + *duration,
            Sight::Record { record, since } => match &record.holder {
                Some(holder) if *holder == self.me && !self.is_unwanted(record) => {
                    return Next::Acquire;
                }
                // Whoever coordinates decides who holds it, also when nobody does.
                _ if record.strategy.is_some() => return Next::Wait(None),
                None => return Next::Acquire,
                Some(_) => *since + self.duration_of(record) + self.timing.lock_delay(),
            },
        };
        if now >= free_at { Next::Acquire } else { Next::Wait(Some(free_at)) }
    }

    /// What a holder, or who wants to be one, writes.
    #[must_use]
    pub fn claim(&self) -> Draft {
        let before = self.record();
        let remains = before.is_some_and(|record| record.holder.as_ref() == Some(&self.me));
        let transitions = before.map_or(0, |record| record.transitions);
        Draft {
            holder: Some(self.me.clone()),
            duration: self.timing.ttl(),
            transitions: transitions.saturating_add(i32::from(before.is_some() && !remains)),
            begins: !remains,
            marks: Marks::default(),
        }
    }

    /// What a holder writes when it gives the Lease back: as client-go does, nobody, for a second.
    #[must_use]
    pub fn farewell(&self) -> Draft {
        Draft {
            holder: None,
            duration: Duration::from_secs(1),
            transitions: self.record().map_or(0, |record| record.transitions),
            begins: true,
            marks: Marks::default(),
        }
    }

    /// The record as it was seen last, and which a write replaces; none, where one is to be created.
    #[must_use]
    pub fn record(&self) -> Option<&Arc<Record>> {
        match &self.sight {
            Sight::Record { record, .. } => Some(record),
            Sight::Nothing | Sight::Gone { .. } => None,
        }
    }

    /// The fencing token, while this contender is the holder.
    #[must_use]
    pub fn term(&self) -> Option<&Term> {
        self.mine.as_ref().map(|mine| &mine.term)
    }

    /// When the holder is told that the Lease is lost, unless it is renewed before.
    #[must_use]
    pub fn lost_at(&self) -> Option<Moment> {
        self.mine.as_ref().map(|mine| self.timing.lost_after(mine.sent))
    }

    /// When the holder's work must have stopped: nobody takes over before.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        self.mine.as_ref().map(|mine| self.timing.deadline_after(mine.sent))
    }

    /// Whether it never existed, as far as is known.
    #[must_use]
    pub fn is_unheard_of(&self) -> bool {
        self.sight == Sight::Nothing
    }

    /// When the write that was accepted last was about to be sent, while this contender is the holder.
    #[must_use]
    pub fn sent(&self) -> Option<Moment> {
        self.mine.as_ref().map(|mine| mine.sent)
    }

    /// Whether the record names this contender.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.record().is_some_and(|record| record.holder.as_ref() == Some(&self.me))
    }

    /// Who holds it at `now`, as far as one who only looks on can tell.
    #[must_use]
    pub fn holder(&self, now: Moment) -> Option<&Identity> {
        let Sight::Record { record, since } = &self.sight else { return None };
        record.holder.as_ref().filter(|_| now < *since + self.duration_of(record))
    }

    /// When the record's holder loses it, unless it is heard of before; for one who only looks on.
    #[must_use]
    pub fn expires(&self) -> Option<Moment> {
        let Sight::Record { record, since } = &self.sight else { return None };
        record.holder.as_ref().map(|_| *since + self.duration_of(record))
    }

    /// Who contends.
    #[must_use]
    pub fn me(&self) -> &Identity {
        &self.me
    }

    /// How long things take.
    #[must_use]
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    fn found(&mut self, record: Arc<Record>, now: Moment) {
        if self.mine.is_some() {
            if record.holder.as_ref() != Some(&self.me) {
                self.lose(Why::Taken);
            } else if self.is_unwanted(&record) {
                self.lose(Why::Preferred);
            }
        }
        match &self.sight {
            Sight::Record { record: seen, .. } if seen.version == record.version => {}
            _ => self.sight = Sight::Record { record, since: now },
        }
    }

    /// Whether whoever coordinates wants another holder.
    fn is_unwanted(&self, record: &Record) -> bool {
        record.preferred.as_ref().is_some_and(|preferred| *preferred != self.me)
    }

    fn missed_it(&mut self, now: Moment) {
        if self.mine.is_some() {
            self.lose(Why::Deleted);
        }
        if let Sight::Record { record, .. } = &self.sight {
            // Between this record and now another holder may have come.
            let duration = self.duration_of(record).max(self.timing.ttl());
            self.sight = Sight::Gone { duration, since: now };
        }
    }

    fn lose(&mut self, why: Why) {
        self.ended.get_or_insert(why);
    }

    /// How long its holder may count on it: its own word, and not ours.
    fn duration_of(&self, record: &Record) -> Duration {
        record.duration.unwrap_or_else(|| self.timing.ttl())
    }
}
