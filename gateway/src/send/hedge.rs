//! When is a second replica asked for the same? When the first takes longer than it should (Dean and
//! Barroso, *The Tail at Scale*, 2013), the request may be sent twice, and the budget has room.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures::future::{Either, select};

use crate::pick::Leaf;
use crate::request::Body;
use crate::send::{Ask, Carrier, Reply, Sender, Unanswered};
use crate::words::Hedge;

/// Asks `leaf`; after the delay that `hedge` says asks its next replica too. The first right answer
/// is taken and the other request is cancelled.
pub(super) async fn race<C: Carrier>(
    sender: &Sender<C>,
    leaf: &mut Leaf<'_>,
    ask: &Ask<'_>,
    body: Body,
    hedge: Hedge,
    hedged: &AtomicBool,
) -> Result<Reply, Unanswered> {
    if !ask.idempotent {
        return sender.walk(leaf, ask, body).await;
    }
    let (Some(delay), Some(second)) = (delay(ask, hedge, sender.clock.now()), body.again()) else {
        return first(sender, leaf, ask, body).await;
    };
    let Some(mut other) = leaf.fork(sender.clock.now(), fastrand::u64(..)) else {
        return first(sender, leaf, ask, body).await;
    };
    let one = std::pin::pin!(first(sender, leaf, ask, body));
    let wait = std::pin::pin!(tokio::time::sleep(delay));
    let one = match select(one, wait).await {
        Either::Left((answer, _)) => return answer,
        Either::Right(((), one)) => one,
    };
    if !sender.hedge_is_paid(ask) {
        return one.await;
    }
    hedged.store(true, Relaxed);
    let ask = Ask { begun: None, ..*ask };
    let two = std::pin::pin!(sender.walk(&mut other, &ask, second));
    match select(one, two).await {
        Either::Left((Ok(reply), _)) | Either::Right((Ok(reply), _)) => Ok(reply),
        Either::Left((Err(_), two)) => two.await,
        Either::Right((Err(_), one)) => one.await,
    }
}

/// Asks the first of a pair, and times it. The second is not timed: until it is given up it has
/// taken less than its answer would, and with such times each hedge would call for more.
async fn first<C: Carrier>(
    sender: &Sender<C>,
    leaf: &mut Leaf<'_>,
    ask: &Ask<'_>,
    body: Body,
) -> Result<Reply, Unanswered> {
    let clock = sender.clock;
    let timed = ask.service.live.recent.time(clock.now(), || clock.now());
    let answer = sender.walk(leaf, ask, body).await;
    if !matches!(answer, Ok(_) | Err(Unanswered::TimedOut)) {
        timed.failed();
    }
    answer
}

fn delay(ask: &Ask<'_>, hedge: Hedge, now: Duration) -> Option<Duration> {
    match hedge {
        Hedge::Off => None,
        Hedge::After(delay) => Some(delay),
        Hedge::Percentile(percentile) => ask.service.live.recent.percentile(percentile, now),
    }
}

impl<C: Carrier> Sender<C> {
    fn hedge_is_paid(&self, ask: &Ask<'_>) -> bool {
        let live = &ask.service.live;
        let paid = live.budget.spend(self.clock.now());
        if paid {
            live.hedged()
        } else {
            live.over_budget()
        }
        paid
    }
}
