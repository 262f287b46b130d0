//! What do an object's annotations ask for? The words of the file, read by the same parser; while one
//! is wrong, what the object said last stands.

use std::collections::HashMap;
use std::sync::Arc;

use super::digest::{Id, Pairs};
use crate::words::labels::PREFIX;
use crate::words::{Mistake, Pattern, Policy, Scope};

/// What becomes of requests whose key has no known owner.
const UNSERVED: &str = "; until then requests that are sharded by it are refused with 503, as they could \
                        reach who does not own their key";

/// What one object said.
#[derive(Debug)]
struct Said {
    uid: Arc<str>,
    /// The words that stand: the last ones that were right.
    good: Vec<(Box<str>, Box<str>)>,
    /// What they ask for, on top of the defaults.
    policy: Arc<Policy>,
    mistakes: Vec<Mistake>,
    /// Whether `good` is what it said before.
    kept: bool,
    /// Why its shards cannot be known.
    unsure: Option<Unsure>,
}

/// Words are wrong by which keys have their owners, and this gateway has never seen right ones: another
/// one may have, and each key would have two owners.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unsure {
    /// Whether it is not even known that there are shards.
    pub(super) pattern: bool,
    /// What is wrong, for who asks.
    pub(super) why: Arc<str>,
}

/// Who speaks, by its uid, and in which words.
pub(super) type Says<'o> = (&'o Arc<str>, &'o Pairs);

/// What all objects of one kind said; those that say nothing take no room.
#[derive(Debug)]
pub(super) struct Book {
    scope: Scope,
    said: HashMap<Id, Said>,
    /// What is asked for where nothing is said.
    nothing: Arc<Policy>,
}

impl Book {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, said: HashMap::new(), nothing: Arc::default() }
    }

    /// Takes what an object said, and says now.
    pub(super) fn hear(&mut self, id: &Id, was: Option<Says<'_>>, is: Option<Says<'_>>) {
        let Some((uid, words)) = is else { return self.forget(id) };
        let was_silent = was.is_some_and(|(before, words)| before == uid && words.is_empty());
        self.read(id, uid, words, was_silent);
    }

    /// The object is not there any more: one of the same name will be another.
    fn forget(&mut self, id: &Id) {
        self.said.remove(id);
    }

    /// Reads what the object says now; `was_silent` where it was seen before and said nothing, which is
    /// right, too.
    fn read(&mut self, id: &Id, uid: &Arc<str>, words: &Pairs, was_silent: bool) {
        if words.is_empty() {
            return self.forget(id);
        }
        let read = |words: &[(Box<str>, Box<str>)]| {
            let words = words.iter().map(|(name, value)| (&**name, &**value));
            Policy::read(&self.nothing, self.scope, words)
        };
        let (policy, mistakes) = read(words);
        // What never was right is no past: gateways that started later would have another one.
        let was_right = |before: &Said| before.kept || before.mistakes.is_empty();
        let before = self.said.remove(id).filter(|before| before.uid == *uid && was_right(before));
        let before = before.or_else(|| was_silent.then(|| self.silent(uid)));
        let mut unsure = None;
        let (good, policy, kept) = match (mistakes.is_empty(), before) {
            // The same words are the same policy, and what follows from it need not be made again.
            (true, Some(before)) if *before.good == **words => (before.good, before.policy, false),
            (true, _) => (words.to_vec(), Arc::new(policy), false),
            (false, Some(before)) => (before.good, before.policy, true),
            (false, None) => {
                // Nothing was right before: what is right now counts, and defaults for the rest, but
                // for owners of keys.
                unsure = self::unsure(&mistakes);
                let is_wrong = |name: &str| mistakes.iter().any(|mistake| mistake.place == *name);
                let right = words.iter().filter(|(name, _)| !is_wrong(name)).cloned();
                (right.collect(), Arc::new(policy), false)
            }
        };
        let refuses = unsure.is_some();
        let mistakes = mistakes.into_iter().map(|mistake| annotated(mistake, refuses)).collect();
        let uid = Arc::clone(uid);
        self.said.insert(id.clone(), Said { uid, good, policy, mistakes, kept, unsure });
    }

    /// What is known of an object that said nothing.
    fn silent(&self, uid: &Arc<str>) -> Said {
        Said {
            uid: Arc::clone(uid),
            good: Vec::new(),
            policy: Arc::clone(&self.nothing),
            mistakes: Vec::new(),
            kept: false,
            unsure: None,
        }
    }

    /// What all objects ask for that ask for anything.
    pub(super) fn policies(&self) -> impl Iterator<Item = (&Id, &Policy)> {
        self.said.iter().map(|(id, said)| (id, &*said.policy))
    }

    /// Why it is not known who owns keys, where requests are carried by `pattern`.
    pub(super) fn unsure(&self, id: &Id, pattern: Pattern) -> Option<&Arc<str>> {
        let unsure = self.said.get(id)?.unsure.as_ref()?;
        (unsure.pattern || pattern != Pattern::Spread).then_some(&unsure.why)
    }

    /// What the object asks for.
    pub(super) fn policy(&self, id: &Id) -> &Arc<Policy> {
        self.said.get(id).map_or(&self.nothing, |said| &said.policy)
    }

    /// What the object asks for on top of `base`.
    pub(super) fn on_top(&self, id: &Id, base: &Arc<Policy>) -> Arc<Policy> {
        match self.said.get(id) {
            None => Arc::clone(base),
            Some(said) => {
                let words = said.good.iter().map(|(name, value)| (&**name, &**value));
                Arc::new(Policy::read(base, self.scope, words).0)
            }
        }
    }

    /// Whether what it said before stands for what it says now.
    pub(super) fn keeps(&self, id: &Id) -> bool {
        self.said.get(id).is_some_and(|said| said.kept)
    }

    /// What is wrong with what the object says.
    pub(super) fn mistakes(&self, id: &Id) -> &[Mistake] {
        self.said.get(id).map(|said| said.mistakes.as_slice()).unwrap_or_default()
    }

    /// All objects with mistakes.
    pub(super) fn wrong(&self) -> impl Iterator<Item = (&Id, &Arc<str>, &[Mistake])> {
        let all = self.said.iter().map(|(id, said)| (id, &said.uid, said.mistakes.as_slice()));
        all.filter(|(_, _, mistakes)| !mistakes.is_empty())
    }
}

/// Whether keys have their owners by the word of this name. A name that is not known may be a slip of one.
fn is_of_shards(name: &str) -> bool {
    name == "pattern" || name.starts_with("shard-")
}

/// Why shards cannot be known, where these are mistakes of an object that was never right.
fn unsure(mistakes: &[Mistake]) -> Option<Unsure> {
    let wrong = || mistakes.iter().filter(|mistake| is_of_shards(&mistake.place));
    let told: Vec<_> =
        wrong().map(|one| format!("`{PREFIX}{}: {}`", one.place, one.value)).collect();
    (!told.is_empty()).then(|| Unsure {
        pattern: wrong().any(|mistake| mistake.place == "pattern"),
        why: format!(
            "{}, which is not understood, and this gateway has not seen what was right before; an Event \
             on the object says what is allowed",
            told.join(", ")
        )
        .into(),
    })
}

/// The mistake, at the place where people wrote it, and what becomes of it.
fn annotated(mistake: Mistake, refuses: bool) -> Mistake {
    let refused = if refuses && is_of_shards(&mistake.place) { UNSERVED } else { "" };
    let allowed = mistake.allowed + refused;
    Mistake { place: format!("{PREFIX}{}", mistake.place), allowed, ..mistake }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known after each of `steps`, words as `NAME=VALUE` between spaces.
    fn read(steps: &[&str]) -> Book {
        let (mut book, id) = (Book::new(Scope::Service), Id::new("ns", "users"));
        let mut silent = false;
        for step in steps {
            let words = step.split_whitespace().map(|word| {
                let (name, value) = word.split_once('=').unwrap();
                (name.into(), value.into())
            });
            book.read(&id, &"uid".into(), &words.collect(), silent);
            silent = step.is_empty();
        }
        book
    }

    /// Tells pattern, timeout and retries after `steps`.
    #[track_caller]
    fn check(steps: &[&str], expected: &str, wrong: usize) {
        let (book, id) = (read(steps), Id::new("ns", "users"));
        let policy = book.policy(&id);
        let told = format!("{} {:?} {}", policy.pattern, policy.timeout, policy.retries);
        assert_eq!((told.as_str(), book.mistakes(&id).len()), (expected, wrong), "{steps:?}");
    }

    #[test]
    fn what_was_right_last_stands_as_one() {
        check(&[""], "spread 30s 1", 0);
        check(&["pattern=shard timeout=5s"], "shard 5s 1", 0);
        check(&["pattern=shard timeout=5s", "pattern=scatter timeout=x"], "shard 5s 1", 1);
        check(&["pattern=shard", "pattern=x", "timeout=y z=1"], "shard 30s 1", 2);
        check(&["pattern=shard", "pattern=x", "pattern=scatter"], "scatter 30s 1", 0);
        check(&["pattern=shard", ""], "spread 30s 1", 0);
        check(&["", "pattern=shard timeout=x"], "spread 30s 1", 1);
    }

    #[test]
    fn who_was_never_right_has_what_is_right_of_it() {
        check(&["pattern=shard timeout=x retries=3"], "shard 30s 3", 1);
    }

    #[test]
    fn owners_of_keys_are_not_guessed_by_who_has_never_seen_right_words() {
        let check = |steps: &[&str], pattern, expected: bool| {
            let book = read(steps);
            let unsure = book.unsure(&Id::new("ns", "users"), pattern);
            assert_eq!(unsure.is_some(), expected, "{steps:?} {unsure:?}");
        };
        use Pattern::{Scatter, Shard, Spread};
        for wrong in ["pattern=shard shard-key=pth:x", "shard-kye=host", "shard-count=x"] {
            check(&[wrong], Shard, true);
            check(&[wrong], Scatter, true);
            check(&[wrong], Spread, false);
            check(&["retries=2", wrong], Shard, false);
            check(&["", wrong], Shard, false);
            check(&["", wrong, wrong], Shard, false);
            check(&[wrong, "shard-key=host", wrong], Shard, false);
            check(&[wrong, "timeout=x"], Shard, false);
        }
        check(&["pattern=sprad"], Spread, true);
        check(&["pattern=shard timeout=x"], Shard, false);
        let book = read(&["shard-key=pth:x"]);
        let told = book.mistakes(&Id::new("ns", "users"))[0].to_string();
        assert!(told.ends_with(UNSERVED), "{told}");
    }

    #[test]
    fn another_object_of_the_same_name_has_no_past() {
        let (mut book, id) = (Book::new(Scope::Service), Id::new("ns", "users"));
        let words = |value: &str| -> Pairs { [("retries".into(), value.into())].into() };
        book.read(&id, &"first".into(), &words("3"), false);
        book.read(&id, &"first".into(), &words("x"), false);
        assert_eq!(book.policy(&id).retries, 3);
        book.read(&id, &"second".into(), &words("x"), false);
        assert_eq!(book.policy(&id).retries, 1);
        assert_eq!(book.wrong().count(), 1);
        book.forget(&id);
        assert_eq!(book.wrong().count(), 0);
    }

    #[test]
    fn mistakes_name_the_annotation_and_unknown_ones_are_mistakes() {
        let (mut book, id) = (Book::new(Scope::Route), Id::new("ns", "users"));
        let words: Pairs =
            [("shard-kye".into(), "host".into()), ("balance".into(), "random".into())].into();
        book.read(&id, &"uid".into(), &words, false);
        let told: Vec<_> = book.mistakes(&id).iter().map(ToString::to_string).collect();
        assert!(told[0].starts_with("metaparticle.io/shard-kye: found `host`"), "{told:?}");
        assert!(told[0].contains("did you mean `shard-key`?"), "{told:?}");
        assert!(told[1].contains("on a service only"), "{told:?}");
    }
}
