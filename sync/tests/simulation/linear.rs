//! Could what many did at the same time have happened one after the other? Wing and Gong's search: of the
//! operations that had begun before the first of the rest was answered, one must have been next. Lowe's
//! memory keeps it from going the same way twice.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::Hash;

/// Something that operations change, one at a time.
pub(crate) trait Object: Clone + Eq + Hash {
    /// What was asked of it, and what was answered, if that is known.
    type Call;

    /// How it is after it was asked that and gave that answer; nothing, when it would not have given it.
    fn after(&self, call: &Self::Call) -> Option<Self>;
}

/// One operation, from when it was asked for until it was answered. Who had no answer does not know whether
/// it was done, or still will be.
#[derive(Debug, Clone)]
pub(crate) struct Operation<C> {
    pub(crate) from: u64,
    pub(crate) to: Option<u64>,
    pub(crate) call: C,
}

/// Whether there is an order that explains all that was answered.
pub(crate) fn is_linearizable<O: Object>(object: O, history: &[Operation<O::Call>]) -> bool {
    let mut order: Vec<usize> = (0..history.len()).collect();
    // The one that was answered first is tried first: the stack gives it out last in, first out.
    order.sort_by_key(|at| Reverse(history[*at].to.unwrap_or(u64::MAX)));
    let mut ways = vec![(vec![0_u64; history.len().div_ceil(64)], object)];
    let mut seen = HashSet::new();
    while let Some((done, object)) = ways.pop() {
        let is_open = |at: &&usize| done[**at / 64] & (1 << (**at % 64)) == 0;
        let answered = order.iter().filter(is_open).filter_map(|at| history[*at].to);
        let Some(horizon) = answered.min() else { return true };
        for at in order.iter().filter(is_open).filter(|at| history[**at].from < horizon) {
            let Some(object) = object.after(&history[*at].call) else { continue };
            let mut done = done.clone();
            done[at / 64] |= 1 << (at % 64);
            if seen.insert((done.clone(), object.clone())) {
                ways.push((done, object));
            }
        }
    }
    false
}

/// The lock as an object: one has it, and only who has it acts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Exclusive {
    holder: Option<u64>,
    last: Option<u64>,
}

/// What is done with a lock; the number is the term.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Use {
    Acquire(u64),
    /// It looked, and was told that it may go on.
    Act(u64),
    /// It is given back, or ends by itself.
    End(u64),
}

impl Object for Exclusive {
    type Call = Use;

    fn after(&self, call: &Use) -> Option<Self> {
        match *call {
            Use::Acquire(term) => (self.holder.is_none() && self.last < Some(term))
                .then_some(Self { holder: Some(term), last: Some(term) }),
            Use::Act(term) => (self.holder == Some(term)).then(|| self.clone()),
            Use::End(term) => {
                (self.holder == Some(term)).then_some(Self { holder: None, last: self.last })
            }
        }
    }
}
