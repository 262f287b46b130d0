//! Which connections have rested too long? Each says what it waits for and since when; one look
//! through all of them, twice a second, is cheaper than a timer for each.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Context;
use std::time::Duration;

use futures::task::AtomicWaker;

use crate::tasks::{Counted, Progress};

/// Between two requests (nginx's `keepalive_timeout`).
const IDLE_MOST: Duration = Duration::from_secs(75);
/// From the first byte of a message to the end of its head, against clients that trickle (linkerd's
/// and Sōzu's bound); between two pieces of a body; and for a client that does not read its answer.
const HEAD_MOST: Duration = Duration::from_secs(10);
const BODY_MOST: Duration = Duration::from_secs(30);
const WRITE_MOST: Duration = Duration::from_secs(60);
/// For one answer among many, of which the client takes nothing: longer than a leaf may be silent.
const STREAM_MOST: Duration = Duration::from_secs(330);

/// What a connection is waiting for from its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Waits {
    /// For the next request, unless one is being answered.
    Request,
    /// For the rest of a head.
    Head,
    /// For more of a body.
    Body,
    /// For the client to read.
    Reader,
    /// For nothing that is bounded here: a tunnel.
    Nothing,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Life {
    waits: AtomicU8,
    /// Milliseconds of the gateway's clock, as of the last look.
    since: AtomicU64,
    /// The last read found nothing: it is the client who is slow, not whom its body goes to.
    reads: AtomicBool,
    requests: Arc<AtomicU32>,
    wish: AtomicU8,
    http2: AtomicBool,
    waker: AtomicWaker,
    /// The answers of an HTTP/2 connection: a client may keep it busy and leave one of them unread.
    streams: Mutex<Vec<Weak<AtomicU64>>>,
    now: Arc<AtomicU64>,
}

/// What is wished of a connection. A later one stands for those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Wish {
    /// That it goes on.
    Stay,
    /// That it finishes what it has, and takes no more.
    Leave,
    /// That it ends where it stands.
    End,
}

impl Life {
    /// It waits for this from now on.
    pub(super) fn waits(&self, what: Waits) {
        let before = self.waits.swap(what as u8, Relaxed);
        // A head is timed from its beginning, whatever trickles in; all else from the last byte.
        if before != Waits::Head as u8 || what != Waits::Head {
            self.since.store(self.now.load(Relaxed), Relaxed);
        }
    }

    /// Whether it is waiting for bytes to read.
    pub(super) fn reads(&self, waiting: bool) {
        self.reads.store(waiting, Relaxed);
    }

    /// A request is being answered until the guard is dropped.
    pub(super) fn request(&self) -> Counted {
        Counted::new(&self.requests)
    }

    /// An answer on an HTTP/2 connection, whose progress is looked at.
    pub(super) fn stream(&self) -> Progress {
        let progress = Progress::new(&self.now);
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.push(progress.last());
        progress
    }

    /// Whether an answer has been left unread for too long at `now`.
    fn is_left_unread(&self, now: u64) -> bool {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|last| last.strong_count() > 0);
        let late = |last: u64| Duration::from_millis(now.saturating_sub(last)) > STREAM_MOST;
        streams.iter().filter_map(Weak::upgrade).any(|last| late(last.load(Relaxed)))
    }

    /// What is wished of it; `cx` is woken when that changes.
    pub(super) fn wish(&self, cx: &Context<'_>) -> Wish {
        self.waker.register(cx.waker());
        match self.wish.load(Relaxed) {
            0 => Wish::Stay,
            1 => Wish::Leave,
            _ => Wish::End,
        }
    }

    /// Whether it is wished to leave.
    pub(super) fn leaves(&self) -> bool {
        self.wish.load(Relaxed) >= Wish::Leave as u8
    }

    /// It speaks HTTP/2, which can say that it leaves while requests are on their way.
    pub(super) fn speaks_http2(&self) {
        self.http2.store(true, Relaxed);
    }

    fn wished(&self, wish: Wish) {
        self.wish.fetch_max(wish as u8, Relaxed);
        self.waker.wake();
    }

    fn most(&self) -> Option<Duration> {
        const REQUEST: u8 = Waits::Request as u8;
        const HEAD: u8 = Waits::Head as u8;
        const BODY: u8 = Waits::Body as u8;
        const READER: u8 = Waits::Reader as u8;
        match self.waits.load(Relaxed) {
            REQUEST if self.requests.load(Relaxed) == 0 => Some(IDLE_MOST),
            HEAD if self.requests.load(Relaxed) == 0 => Some(HEAD_MOST),
            BODY if self.reads.load(Relaxed) => Some(BODY_MOST),
            READER => Some(WRITE_MOST),
            _ => None,
        }
    }

    fn look(&self, now: u64) {
        let since = Duration::from_millis(now.saturating_sub(self.since.load(Relaxed)));
        let waits = self.waits.load(Relaxed);
        let next = waits == Waits::Request as u8 || waits == Waits::Head as u8;
        if self.is_left_unread(now) || self.most().is_some_and(|most| since > most) {
            self.wished(Wish::End);
        } else if next && self.requests.load(Relaxed) > 0 {
            // The wait for the next request begins when the one before it was answered.
            self.since.store(now, Relaxed);
        }
    }
}

/// The connections of one worker.
#[derive(Debug, Default)]
pub(super) struct Lives {
    all: Mutex<Vec<Weak<Life>>>,
    now: Arc<AtomicU64>,
}

impl Lives {
    /// A new connection; it waits for its first request.
    pub(super) fn begin(&self) -> Arc<Life> {
        let life = Arc::new(Life {
            waits: AtomicU8::new(Waits::Request as u8),
            since: AtomicU64::new(self.now.load(Relaxed)),
            reads: AtomicBool::new(true),
            requests: Arc::default(),
            wish: AtomicU8::new(Wish::Stay as u8),
            http2: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            streams: Mutex::default(),
            now: Arc::clone(&self.now),
        });
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::downgrade(&life));
        life
    }

    /// Lets connections finish what they have and take no more: all, or those that can say so.
    pub(super) fn leave(&self, all_of_them: bool) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let lives = all.iter().filter_map(Weak::upgrade);
        for life in lives.filter(|life| all_of_them || life.http2.load(Relaxed)) {
            life.wished(Wish::Leave);
        }
    }

    /// Ends those that have waited too long at `now`, and forgets those that are gone.
    pub(super) fn sweep(&self, now: Duration) {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.now.store(now, Relaxed);
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|life| {
            let life = life.upgrade();
            life.inspect(|life| life.look(now)).is_some()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After `waits`, and `rest` seconds later: is it ended?
    #[track_caller]
    fn check(waits: Waits, answering: bool, rest: u64, ended: bool) {
        let lives = Lives::default();
        lives.sweep(Duration::from_secs(100));
        let life = lives.begin();
        let request = answering.then(|| life.request());
        life.waits(waits);
        lives.sweep(Duration::from_secs(100 + rest));
        assert_eq!(life.wish.load(Relaxed) == Wish::End as u8, ended, "{waits:?} for {rest} s");
        drop(request);
    }

    #[test]
    fn each_wait_has_its_bound() {
        check(Waits::Request, false, 75, false);
        check(Waits::Request, false, 76, true);
        check(Waits::Head, false, 10, false);
        check(Waits::Head, false, 11, true);
        check(Waits::Body, true, 31, true);
        check(Waits::Reader, true, 61, true);
        check(Waits::Nothing, false, 100_000, false);
    }

    #[test]
    fn a_connection_whose_request_is_being_answered_does_not_rest() {
        check(Waits::Request, true, 100_000, false);
    }

    #[test]
    fn a_head_that_trickles_in_is_timed_from_its_beginning() {
        let lives = Lives::default();
        let life = lives.begin();
        life.waits(Waits::Head);
        for second in 1..=11 {
            lives.sweep(Duration::from_secs(second));
            life.waits(Waits::Head);
        }
        assert_eq!(life.wish.load(Relaxed), Wish::End as u8);
    }
}
