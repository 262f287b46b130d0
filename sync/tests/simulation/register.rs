//! What do holders write to? A register behind a fence, which takes its time, over a network of its own. All
//! that was asked of it is written down, and must be explained by one register that terms pass through in order.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use http::{Request, Response, StatusCode};
use metaparticle_sync::fence::{Fence, HEADER, RefuseStale};
use metaparticle_sync::term::Term;
use tokio::time::sleep;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::faults::Fate;
use crate::journal::{Journal, number};
use crate::judge::Violation;
use crate::linear::{Object, Operation, is_linearizable};

/// What is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Write(u64),
    Read,
}

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Written,
    Value(u64),
    /// A later term has begun.
    Stale,
}

/// One question, and its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    term: u64,
    asked: Asked,
    answer: Option<Answer>,
}

/// The register, and what was asked of it. All clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Register {
    fence: Option<Fence>,
    value: Arc<Mutex<u64>>,
    history: Arc<Mutex<Vec<Operation<Entry>>>>,
    journal: Journal,
}

/// As a register should be, for whoever asks it one question after the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Fenced {
    term: u64,
    value: u64,
}

impl Object for Fenced {
    type Call = Entry;

    fn after(&self, entry: &Entry) -> Option<Self> {
        if entry.term < self.term {
            return None;
        }
        match (entry.asked, entry.answer) {
            (Asked::Write(value), _) => Some(Self { term: entry.term, value }),
            (Asked::Read, Some(Answer::Value(value))) if value == self.value => {
                Some(Self { term: entry.term, value })
            }
            _ => None,
        }
    }
}

impl Register {
    /// One that a fence guards, or nothing.
    pub(crate) fn new(journal: Journal, is_fenced: bool) -> Self {
        let fence = is_fenced.then(Fence::new);
        Self { fence, value: Arc::default(), history: Arc::default(), journal }
    }

    /// Asks it, whatever becomes of who asks: what is on its way arrives.
    pub(crate) async fn ask(self, term: Term, asked: Asked, way: Way) {
        let at = self.begin(Entry { term: number(&term), asked, answer: None });
        sleep(way.there).await;
        match way.fate {
            Fate::Lost | Fate::Refused(_) => return,
            Fate::Late(late) => sleep(late).await,
            Fate::Well | Fate::Unanswered | Fate::DoneAndFailed => {}
        }
        let answer = self.serve(&term, asked, way.work).await;
        sleep(way.back).await;
        if way.fate == Fate::Well {
            let mut history = self.history();
            history[at].to = Some(self.journal.tick());
            history[at].call.answer = Some(answer);
        }
    }

    /// Does it as a service would that works for a while before and after its deed.
    async fn serve(&self, term: &Term, asked: Asked, work: (Duration, Duration)) -> Answer {
        let value = Arc::clone(&self.value);
        let handler = service_fn(move |_: Request<()>| {
            let value = Arc::clone(&value);
            async move {
                sleep(work.0).await;
                let told = {
                    let mut value = value.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Asked::Write(new) = asked {
                        *value = new;
                    }
                    *value
                };
                sleep(work.1).await;
                Ok::<_, Infallible>(Response::new(told.to_string()))
            }
        });
        let mut request = Request::new(());
        request.headers_mut().insert(HEADER, term.into());
        let answer = match &self.fence {
            Some(fence) => send(RefuseStale::new(fence.clone()).layer(handler), request).await,
            None => send(handler, request).await,
        };
        match (answer.status(), asked) {
            (StatusCode::OK, Asked::Write(_)) => Answer::Written,
            (StatusCode::OK, Asked::Read) => {
                Answer::Value(answer.body().parse().expect("it tells its value"))
            }
            _ => Answer::Stale,
        }
    }

    fn begin(&self, call: Entry) -> usize {
        let mut history = self.history();
        history.push(Operation { from: self.journal.tick(), to: None, call });
        history.len() - 1
    }

    fn history(&self) -> MutexGuard<'_, Vec<Operation<Entry>>> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all that it answered can be explained; how many operations that were.
    pub(crate) fn judge(&self) -> Result<u64, Violation> {
        let history = self.history();
        let refused = |one: &&Operation<Entry>| one.call.answer == Some(Answer::Stale);
        for one in history.iter().filter(refused) {
            let later = |other: &Operation<Entry>| {
                other.call.term > one.call.term && Some(other.from) < one.to
            };
            if !history.iter().any(later) {
                return Err(Violation::RefusedForNothing { term: one.call.term });
            }
        }
        // What was refused did nothing, and who was not told what it read knows nothing.
        let matters = |one: &&Operation<Entry>| match (one.call.asked, one.call.answer) {
            (_, Some(Answer::Stale)) | (Asked::Read, None) => false,
            (Asked::Read | Asked::Write(_), _) => true,
        };
        let told: Vec<_> = history.iter().filter(matters).cloned().collect();
        if !is_linearizable(Fenced::default(), &told) {
            return Err(Violation::NotLinearizable { what: format!("the register: {told:?}") });
        }
        Ok(history.len() as u64)
    }
}

/// How a question comes to the register and back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    fate: Fate,
    there: Duration,
    back: Duration,
    work: (Duration, Duration),
}

impl Way {
    pub(crate) fn draw(rng: &mut Rng, fate: Fate) -> Self {
        let mut up_to = |most| Duration::from_millis(rng.u64(..most));
        Self { fate, there: up_to(100), back: up_to(100), work: (up_to(1500), up_to(500)) }
    }
}

async fn send<S>(service: S, request: Request<()>) -> Response<String>
where
    S: Service<Request<()>, Response = Response<String>, Error = Infallible>,
{
    let Ok(response) = service.oneshot(request).await;
    response
}
