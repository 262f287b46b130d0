//! Who should own which shard? Everybody computes it alike from what everybody sees; who is wrong for a
//! moment loses a race, and no more.
//!
//! Nobody owns two more than another. Who owns a shard keeps it unless that asks for it, and a shard that is
//! free goes to who has least, and among those to where its hash leads.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::name::Identity;

/// Who should own each shard, of the sessions that live; `owners` says who does.
pub(super) fn place(owners: &[Option<Identity>], sessions: &[Identity]) -> Vec<Option<Identity>> {
    let mut loads: BTreeMap<&Identity, usize> =
        sessions.iter().map(|session| (session, 0)).collect();
    let mut placed: Vec<Option<&Identity>> = vec![None; owners.len()];
    for (shard, owner) in owners.iter().enumerate() {
        if let Some((session, load)) = owner.as_ref().and_then(|owner| entry(&mut loads, owner)) {
            placed[shard] = Some(session);
            *load += 1;
        }
    }
    for (shard, owner) in placed.iter_mut().enumerate().filter(|(_, owner)| owner.is_none()) {
        let rank =
            |(session, load): &(&&Identity, &usize)| (**load, u64::MAX - weight(shard, session));
        let Some(session) = loads.iter().min_by_key(rank).map(|(session, _)| *session) else {
            break;
        };
        *owner = Some(session);
        *loads.entry(session).or_default() += 1;
    }
    level(&mut placed, &mut loads);
    placed.into_iter().map(Option::<&Identity>::cloned).collect()
}

/// Moves shards from who has most to who has least, until that makes no difference.
fn level<'s>(placed: &mut [Option<&'s Identity>], loads: &mut BTreeMap<&'s Identity, usize>) {
    loop {
        let most =
            loads.iter().max_by_key(|(_, load)| **load).map(|(session, load)| (*session, *load));
        let least =
            loads.iter().min_by_key(|(_, load)| **load).map(|(session, load)| (*session, *load));
        let (Some((from, most)), Some((to, least))) = (most, least) else { return };
        if most <= least + 1 {
            return;
        }
        let of = |shard: &usize| placed[*shard] == Some(from);
        let Some(shard) = (0..placed.len()).filter(of).max_by_key(|shard| weight(*shard, to))
        else {
            return;
        };
        placed[shard] = Some(to);
        loads.insert(from, most - 1);
        loads.insert(to, least + 1);
    }
}

fn entry<'l, 's>(
    loads: &'l mut BTreeMap<&'s Identity, usize>,
    owner: &Identity,
) -> Option<(&'s Identity, &'l mut usize)> {
    loads.iter_mut().find(|(session, _)| **session == owner).map(|(session, load)| (*session, load))
}

fn weight(shard: usize, session: &Identity) -> u64 {
    xxh3_64_with_seed(session.as_str().as_bytes(), shard as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::{BTreeMap, Identity, place};

    fn sessions(count: usize) -> Vec<Identity> {
        (0..count).filter_map(|number| Identity::of(&format!("session-{number}"))).collect()
    }

    fn loads(placed: &[Option<Identity>]) -> BTreeMap<&Identity, usize> {
        let mut loads = BTreeMap::new();
        placed.iter().flatten().for_each(|owner| *loads.entry(owner).or_default() += 1);
        loads
    }

    fn moved(before: &[Option<Identity>], after: &[Option<Identity>]) -> usize {
        before.iter().zip(after).filter(|(before, after)| before != after).count()
    }

    #[test]
    fn without_sessions_nobody_owns_anything() {
        assert_eq!(place(&[None, None], &[]), [None, None]);
    }

    #[test]
    fn one_more_session_takes_its_share_and_one_less_gives_it_to_all() {
        let three = place(&vec![None; 64], &sessions(3));
        let four = place(&three, &sessions(4));
        assert_eq!(moved(&three, &four), 16, "what the fourth has, and no more");
        let back = place(&four, &sessions(3));
        assert_eq!(moved(&four, &back), 16);
        assert!(loads(&back).values().all(|load| (21..=22).contains(load)));
    }

    proptest! {
        #[test]
        fn all_are_owned_by_who_lives_and_nobody_owns_two_more(
            shards in 0_usize..100, before in 0_usize..8, after in 1_usize..8,
        ) {
            let owned = place(&vec![None; shards], &sessions(before));
            let placed = place(&owned, &sessions(after));
            prop_assert!(placed.iter().all(Option::is_some));
            let loads = loads(&placed);
            let (least, most) = (shards / after, shards.div_ceil(after));
            prop_assert!(loads.values().all(|load| (least..=most).contains(load)), "{loads:?}");
            prop_assert!(placed == place(&placed, &sessions(after)), "and then nothing moves");
        }
    }
}
