//! Where are values while the program runs? In its memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::scope::{Loaded, Store, Version};
use crate::wire::Result;

/// Values of one process.
#[derive(Debug, Default)]
pub struct Memory(Mutex<BTreeMap<String, (u64, Vec<u8>)>>);

impl Store for Memory {
    fn load<'s>(&'s self, name: &'s str) -> BoxFuture<'s, Result<Option<Loaded>>> {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = values.get(name);
        let found = found.map(|(version, value)| (value.clone(), Version::new(version)));
        async { Ok(found) }.boxed()
    }

    fn swap<'s>(
        &'s self,
        name: &'s str,
        over: Option<&'s Version>,
        value: &'s [u8],
    ) -> BoxFuture<'s, Result<bool>> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = values.get(name).map(|(version, _)| *version);
        let same = now.map(Version::new).as_ref() == over;
        if same {
            values.insert(name.to_owned(), (now.unwrap_or_default() + 1, value.to_owned()));
        }
        async move { Ok(same) }.boxed()
    }
}
