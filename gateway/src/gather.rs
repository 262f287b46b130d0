//! When is there enough? When every leaf has answered; when no answer can come of the rest; or at the
//! deadline, with what is there.
//!
//! `scatter-require` is the least that makes an answer. More is better: a scatter that has enough
//! still waits for the others until its deadline. One that can no longer have enough ends at once,
//! and leaves that are still asked are cancelled, as they are when the client goes away.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::StatusCode;
use http::header::CONTENT_ENCODING;
use http_body_util::BodyExt;

use crate::memory::{Held, Memory};
use crate::model::{Answer, Outcome, Part, ShardName};
use crate::pick::{Leaf, Leaves};
use crate::request::{Body, in_full, strip_answer};
use crate::send::{Ask, Carrier, Reply, Sender, Unanswered};
use crate::words::{Merge, Policy, Require};

/// What the leaves said.
#[derive(Debug)]
pub enum Gathered {
    /// One leaf was asked, and this is its answer.
    One(Reply),
    /// All were asked, and these are the parts, in shard order, with the memory they take.
    Parts(Vec<Part>, Vec<Held>),
    /// All were asked; those who answered are still speaking.
    Open(Vec<Open>),
}

/// A leaf that was asked for a stream.
#[derive(Debug)]
pub struct Open {
    /// What came of it; an answer that has begun is one, without its body.
    pub part: Part,
    /// The answer, still on its way.
    pub reply: Option<Box<Reply>>,
}

/// Asks `leaves`, and waits until there is enough or `ask.deadline`.
///
/// # Errors
/// When the only leaf did not answer.
pub async fn all<C: Carrier>(
    sender: &Sender<C>,
    leaves: &mut Leaves<'_>,
    ask: &Ask<'_>,
    body: Body,
    memory: &Memory,
) -> Result<Gathered, Unanswered> {
    match leaves {
        Leaves::One(leaf) => {
            let reply = sender.ask(leaf, ask, body, &AtomicBool::new(false)).await?;
            Ok(Gathered::One(reply))
        }
        Leaves::All(leaves) => {
            let gather = Gather { sender, ask, memory };
            // Boxed, so that a request to one leaf does not carry the room for many.
            Ok(Box::pin(gather.scatter(std::mem::take(leaves), &body)).await)
        }
    }
}

/// What a scatter is gathered with.
struct Gather<'g, C> {
    sender: &'g Sender<C>,
    ask: &'g Ask<'g>,
    memory: &'g Memory,
}

/// What one leaf has come to.
enum Got {
    Settled { outcome: Outcome, held: Held },
    Open(Box<Reply>),
}

impl<C: Carrier> Gather<'_, C> {
    async fn scatter(&self, leaves: Vec<Leaf<'_>>, body: &Body) -> Gathered {
        let shard = |leaf: &Leaf<'_>| match leaf.shard() {
            Some(shard) => shard.name.clone(),
            None => ShardName::new(""),
        };
        let shards: Vec<_> = leaves.iter().map(shard).collect();
        let total = shards.len();
        let first = self.ask.policy.merge == Merge::First;
        let spare = total - enough(self.ask.policy, total).min(total);
        let hedged: Vec<_> = (0..total).map(|_| AtomicBool::new(false)).collect();
        let mut got: Vec<Option<Got>> = (0..total).map(|_| None).collect();
        let mut waiting: FuturesUnordered<_> =
            leaves
                .into_iter()
                .zip(&hedged)
                .enumerate()
                .map(|(place, (leaf, hedged))| async move {
                    (place, self.one(leaf, body, hedged).await)
                })
                .collect();
        let deadline = self.sender.clock.instant(self.ask.deadline);
        let mut late = std::pin::pin!(tokio::time::sleep_until(deadline));
        let mut lost = 0;
        let rest = loop {
            let next = tokio::select! {
                biased;
                next = waiting.next() => next,
                () = &mut late => break Outcome::TimedOut,
            };
            let Some((place, one)) = next else { break Outcome::TimedOut };
            let right = one.is_right();
            got[place] = Some(one);
            lost += usize::from(!right);
            if first && right || lost > spare {
                break Outcome::NotWaitedFor;
            }
        };
        drop(waiting);
        finish(shards.into_iter().zip(hedged).zip(got), &rest)
    }

    /// Asks one leaf, and reads its answer as far as the merge wants it before all are there.
    async fn one(&self, mut leaf: Leaf<'_>, body: &Body, hedged: &AtomicBool) -> Got {
        let mut held = self.memory.hold();
        let settled = |outcome, held| Got::Settled { outcome, held };
        let Some(body) = body.again() else {
            let why = "the request's body was not held";
            return settled(Outcome::Failed(why.into()), held);
        };
        let reply = match self.sender.ask(&mut leaf, self.ask, body, hedged).await {
            Ok(reply) => reply,
            Err(Unanswered::TimedOut) => return settled(Outcome::TimedOut, held),
            Err(failed) => return settled(Outcome::Failed(in_full(&failed).into()), held),
        };
        let right = reply.answer.status.is_success();
        match self.ask.policy.merge {
            Merge::First if right => return Got::Open(Box::new(reply)),
            Merge::Ndjson if right => match plain(&reply) {
                Ok(()) => return Got::Open(Box::new(reply)),
                Err(why) => return settled(Outcome::Failed(why.into()), held),
            },
            _ => {}
        }
        let outcome = match read(reply, self.ask.policy.max_body, &mut held).await {
            Ok(answer) if answer.status.is_success() => Outcome::Answered(answer),
            Ok(answer) => Outcome::Refused(answer),
            Err(why) => Outcome::Failed(why),
        };
        settled(outcome, held)
    }
}

impl Got {
    fn is_right(&self) -> bool {
        match self {
            Self::Settled { outcome, .. } => matches!(outcome, Outcome::Answered(_)),
            Self::Open(_) => true,
        }
    }
}

/// Whether the bytes of an answer are the lines that it means.
fn plain(reply: &Reply) -> Result<(), &'static str> {
    let coding = reply.answer.headers.get(CONTENT_ENCODING);
    if reply.answer.status == StatusCode::PARTIAL_CONTENT {
        Err("a part of an answer (206) is not one")
    } else if coding.is_some_and(|coding| coding != b"identity") {
        Err("an answer with a content-encoding has no lines to merge")
    } else {
        Ok(())
    }
}

/// How many right answers make one, and no more are needed for it to be possible: two merges say it
/// themselves.
#[must_use]
pub fn enough(policy: &Policy, total: usize) -> usize {
    match policy.merge {
        Merge::First => 1,
        Merge::Quorum => Require::Quorum.least(total),
        _ => policy.require.least(total),
    }
}

/// Puts what was got in shard order; leaves of which nothing was got have come to `rest`.
fn finish(
    all: impl Iterator<Item = ((ShardName, AtomicBool), Option<Got>)>,
    rest: &Outcome,
) -> Gathered {
    let mut leaves = Vec::new();
    let mut memory = Vec::new();
    for ((shard, hedged), got) in all {
        let (outcome, reply) = match got {
            Some(Got::Settled { outcome, held }) => {
                memory.push(held);
                (outcome, None)
            }
            Some(Got::Open(reply)) => (begun(&reply), Some(reply)),
            None => (rest.clone(), None),
        };
        let part = Part { shard, outcome, hedged: hedged.into_inner() };
        leaves.push(Open { part, reply });
    }
    if leaves.iter().any(|leaf| leaf.reply.is_some()) {
        return Gathered::Open(leaves);
    }
    Gathered::Parts(leaves.into_iter().map(|leaf| leaf.part).collect(), memory)
}

/// An answer that has begun: right as far as it was heard.
fn begun(reply: &Reply) -> Outcome {
    Outcome::Answered(Answer { status: reply.answer.status, ..Answer::new(Bytes::new()) })
}

/// Reads an answer whole, up to `most` bytes.
async fn read(reply: Reply, most: u64, held: &mut Held) -> Result<Answer, Arc<str>> {
    let Answer { status, mut headers, mut body } = reply.answer;
    strip_answer(&mut headers, false);
    let mut bytes = Vec::new();
    let mut only = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Arc::from(in_full(&*error)))?;
        let Ok(data) = frame.into_data() else { continue };
        held.grow(data.len()).map_err(|full| Arc::from(in_full(&full)))?;
        if held.bytes() > most {
            return Err(format!("the answer is larger than {most} bytes (max-body)").into());
        }
        // An answer usually comes in one piece, which need not be copied.
        match (&only, bytes.is_empty()) {
            (None, true) => only = Some(data),
            (first, _) => {
                if let Some(first) = first {
                    bytes.extend_from_slice(first);
                    only = None;
                }
                bytes.extend_from_slice(&data);
            }
        }
    }
    let body = only.unwrap_or_else(|| bytes.into());
    Ok(Answer { status, headers, body })
}
