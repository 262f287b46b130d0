//! What do an object's annotations ask for? The words of the file, read by the same parser; while one
//! is wrong, what the object said last stands.

use std::collections::HashMap;
use std::sync::Arc;

use super::digest::{Id, Pairs};
use crate::words::labels::PREFIX;
use crate::words::{Mistake, Policy, Scope};

/// What one object said.
#[derive(Debug)]
struct Said {
    uid: Arc<str>,
    /// The words that stand: the last ones that were right.
    good: Vec<(Box<str>, Box<str>)>,
    /// What they ask for, on top of the defaults.
    policy: Arc<Policy>,
    mistakes: Vec<Mistake>,
}

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

    /// The object is not there any more: one of the same name will be another.
    pub(super) fn forget(&mut self, id: &Id) {
        self.said.remove(id);
    }

    /// Reads what the object says now.
    pub(super) fn read(&mut self, id: &Id, uid: &Arc<str>, words: &Pairs) {
        if words.is_empty() {
            return self.forget(id);
        }
        let read = |words: &[(Box<str>, Box<str>)]| {
            let words = words.iter().map(|(name, value)| (&**name, &**value));
            Policy::read(&self.nothing, self.scope, words)
        };
        let (policy, mistakes) = read(words);
        let before = self.said.remove(id).filter(|before| before.uid == *uid);
        let (good, policy) = match (mistakes.is_empty(), before) {
            (true, _) => (words.to_vec(), Arc::new(policy)),
            (false, Some(before)) => (before.good, before.policy),
            (false, None) => {
                // Nothing was right before: what is right now counts, and defaults for the rest.
                let is_wrong = |name: &str| mistakes.iter().any(|mistake| mistake.place == *name);
                let right = words.iter().filter(|(name, _)| !is_wrong(name)).cloned();
                (right.collect(), Arc::new(policy))
            }
        };
        let mistakes = mistakes.into_iter().map(annotated).collect();
        self.said.insert(id.clone(), Said { uid: Arc::clone(uid), good, policy, mistakes });
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

/// The mistake, at the place where people wrote it.
fn annotated(mistake: Mistake) -> Mistake {
    Mistake { place: format!("{PREFIX}{}", mistake.place), ..mistake }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads each of `steps`, words as `NAME=VALUE` between spaces, and tells pattern, timeout, retries.
    #[track_caller]
    fn check(steps: &[&str], expected: &str, wrong: usize) {
        let (mut book, id) = (Book::new(Scope::Service), Id::new("ns", "users"));
        for step in steps {
            let words = step.split_whitespace().map(|word| {
                let (name, value) = word.split_once('=').unwrap();
                (name.into(), value.into())
            });
            book.read(&id, &"uid".into(), &words.collect());
        }
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
    }

    #[test]
    fn who_was_never_right_has_what_is_right_of_it() {
        check(&["pattern=shard timeout=x retries=3"], "shard 30s 3", 1);
    }

    #[test]
    fn another_object_of_the_same_name_has_no_past() {
        let (mut book, id) = (Book::new(Scope::Service), Id::new("ns", "users"));
        let words = |value: &str| -> Pairs { [("retries".into(), value.into())].into() };
        book.read(&id, &"first".into(), &words("3"));
        book.read(&id, &"first".into(), &words("x"));
        assert_eq!(book.policy(&id).retries, 3);
        book.read(&id, &"second".into(), &words("x"));
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
        book.read(&id, &"uid".into(), &words);
        let told: Vec<_> = book.mistakes(&id).iter().map(ToString::to_string).collect();
        assert!(told[0].starts_with("metaparticle.io/shard-kye: found `host`"), "{told:?}");
        assert!(told[0].contains("did you mean `shard-key`?"), "{told:?}");
        assert!(told[1].contains("on a service only"), "{told:?}");
    }
}
