//! What is there of one kind? A table that a list is swapped into whole: while it is being listed
//! again, what was there before stands.

use std::collections::HashMap;

use super::digest::Id;

/// What is told of a kind.
#[derive(Debug)]
pub(super) enum Change<D> {
    /// A list begins.
    Began,
    /// It has this one.
    Listed(Id, D),
    /// It is whole.
    Done,
    /// This one came, or is different.
    Set(Id, D),
    /// This one went.
    Gone(Id),
}

/// The objects of one kind.
#[derive(Debug)]
pub(super) struct Table<D> {
    objects: HashMap<Id, D>,
    listed: Option<HashMap<Id, D>>,
    whole: bool,
}

impl<D> Default for Table<D> {
    fn default() -> Self {
        Self { objects: HashMap::new(), listed: None, whole: false }
    }
}

impl<D: PartialEq> Table<D> {
    /// A table of a kind that nobody watches: empty, and that is all of it.
    pub(super) fn unwatched() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// Takes a change, and tells each object that is not as it was: how it was, and how it is.
    pub(super) fn take(
        &mut self,
        change: Change<D>,
        mut told: impl FnMut(&Id, Option<&D>, Option<&D>),
    ) {
        match change {
            Change::Began => self.listed = Some(HashMap::new()),
            Change::Listed(id, digest) => {
                self.listed.get_or_insert_default().insert(id, digest);
            }
            Change::Done => {
                let now = self.listed.take().unwrap_or_default();
                let before = std::mem::replace(&mut self.objects, now);
                self.whole = true;
                for (id, digest) in &self.objects {
                    if before.get(id) != Some(digest) {
                        told(id, before.get(id), Some(digest));
                    }
                }
                let gone = before.iter().filter(|(id, _)| !self.objects.contains_key(id));
                gone.for_each(|(id, digest)| told(id, Some(digest), None));
            }
            Change::Set(id, digest) => {
                if self.objects.get(&id) != Some(&digest) {
                    told(&id, self.objects.get(&id), Some(&digest));
                    self.objects.insert(id, digest);
                }
            }
            Change::Gone(id) => {
                if let Some(digest) = self.objects.remove(&id) {
                    told(&id, Some(&digest), None);
                }
            }
        }
    }

    /// Whether all of them were told once.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(super) fn get(&self, id: &Id) -> Option<&D> {
        self.objects.get(id)
    }

    /// The object, with its name as it is kept here.
    pub(super) fn entry(&self, id: &Id) -> Option<(&Id, &D)> {
        self.objects.get_key_value(id)
    }

    /// Puts what is known better in the place of what is known: nobody is told of a change.
    pub(super) fn replace(&mut self, id: &Id, better: impl FnOnce(&D) -> Option<D>) -> bool {
        let known = self.objects.get_mut(id);
        let Some((known, better)) = known.and_then(|known| Some((better(known)?, known))) else {
            return false;
        };
        *better = known;
        true
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Id, &D)> {
        self.objects.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Table};
    use crate::watch::digest::Id;

    /// What is told of `changes`, each `began`, `done`, `+NAME=N`, `NAME=N` or `-NAME`.
    #[track_caller]
    fn check(table: &mut Table<u32>, changes: &str, expected: &str) {
        let mut told = Vec::new();
        for change in changes.split(' ') {
            let pair = |text: &str| {
                let (name, number) = text.split_once('=').unwrap();
                (Id::new("", name), number.parse().unwrap())
            };
            let change = match (change, change.split_at(1)) {
                ("began", _) => Change::Began,
                ("done", _) => Change::Done,
                (_, ("+", rest)) => Change::Listed(pair(rest).0, pair(rest).1),
                (_, ("-", rest)) => Change::Gone(Id::new("", rest)),
                (rest, _) => Change::Set(pair(rest).0, pair(rest).1),
            };
            let show = |digest: Option<&u32>| digest.map_or_else(|| "-".into(), u32::to_string);
            table.take(change, |id, was, is| told.push(format!("{id}:{}>{}", show(was), show(is))));
        }
        told.sort();
        assert_eq!(told.join(" "), expected, "{changes}");
    }

    #[test]
    fn a_list_is_swapped_in_whole_and_only_what_differs_is_told() {
        let table = &mut Table::default();
        check(table, "began +a=1 +b=2", "");
        assert!(!table.is_whole());
        check(table, "done", "a:->1 b:->2");
        assert!(table.is_whole());
        check(table, "b=2 b=3 c=1 -c -d", "b:2>3 c:->1 c:1>-");
        check(table, "began +b=3", "");
        assert_eq!(table.len(), 2, "until the list is whole, what was there stands");
        check(table, "+e=5 done", "a:1>- e:->5");
    }

    #[test]
    fn a_list_that_broke_off_is_forgotten() {
        let table = &mut Table::default();
        check(table, "began +a=1 done", "a:->1");
        check(table, "began +b=2 began +a=1 done", "");
    }
}
