//! Where is what several replicas remember together? In a scope: a typed value under a name, which is changed
//! by compare-and-swap and tried again.
//!
//! What a scope is not: a database. Each change writes the whole value, one change at a time succeeds, and a
//! value has at most 512 KiB. In memory and in files it is for one machine; in a cluster it is a ConfigMap,
//! where tens of changes a second are much. Whoever must change more often keeps state in shards.

mod file;
mod memory;
#[cfg(test)]
mod tests;

pub use self::file::Files;
pub use self::memory::Memory;

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::{Error, Result};

/// Bytes of a value: half of what a ConfigMap may have.
const MOST: usize = 512 << 10;
/// How often a change is tried.
const TRIES: u32 = 12;
/// How long the first loser steps back, at the most; each next time twice as long.
const STEP_BACK: Duration = Duration::from_millis(4);

/// A value as it is written, and its version.
pub type Loaded = (Vec<u8>, Version);

/// Where values are.
pub trait Store: Debug + Send + Sync + 'static {
    /// The value called `name`, and its version.
    fn load<'s>(&'s self, name: &'s str) -> BoxFuture<'s, Result<Option<Loaded>>>;

    /// Writes `value` if `name` still has the version `over` (none: if there is none). Says whether it did.
    fn swap<'s>(
        &'s self,
        name: &'s str,
        over: Option<&'s Version>,
        value: &'s [u8],
    ) -> BoxFuture<'s, Result<bool>>;
}

/// Which of its values a name has; means nothing outside its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// A version as its store calls it.
    pub fn new(called: impl fmt::Display) -> Self {
        Self(called.to_string())
    }

    /// As its store calls it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A typed value under a name.
#[derive(Debug, Clone)]
#[must_use = "a scope is read or changed"]
pub struct Scope<T> {
    name: Arc<str>,
    store: Arc<dyn Store>,
    value: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned + Default> Scope<T> {
    /// The value called `name` in `store`; the default one until it is changed.
    pub fn new(name: &str, store: Arc<dyn Store>) -> Self {
        Self { name: name.into(), store, value: PhantomData }
    }

    /// The value as it is.
    ///
    /// # Errors
    /// When the store does not answer, or has something else under this name.
    pub async fn read(&self) -> Result<T> {
        Ok(self.load().await?.0)
    }

    /// Changes the value, and gives what `change` gives. When somebody else was faster, `change` is called
    /// again with what they wrote: it does nothing but look at the value and change it.
    ///
    /// # Errors
    /// When the store does not answer, or others were faster a dozen times.
    pub async fn update<R>(&self, mut change: impl FnMut(&mut T) -> R) -> Result<R> {
        let mut step_back = STEP_BACK;
        for tried in 0..TRIES {
            if tried > 0 {
                tokio::time::sleep(step_back.mul_f64(fastrand::f64())).await;
                step_back *= 2;
            }
            let (mut value, version) = self.load().await?;
            let result = change(&mut value);
            let text = serde_json::to_vec(&value)?;
            if text.len() > MOST {
                return Err(Error::unavailable(format!(
                    "scope `{}` would have {} bytes; at most {MOST} are allowed: keep more in shards",
                    self.name,
                    text.len()
                )));
            }
            if self.store.swap(&self.name, version.as_ref(), &text).await? {
                return Ok(result);
            }
        }
        Err(Error::unavailable(format!(
            "scope `{}`: others changed it {TRIES} times in a row; change it less often, or keep it in shards",
            self.name
        )))
    }

    async fn load(&self) -> Result<(T, Option<Version>)> {
        let Some((text, version)) = self.store.load(&self.name).await? else {
            return Ok((T::default(), None));
        };
        let value = serde_json::from_slice(&text)
            .map_err(|why| Error::from(ReadFault { name: Arc::clone(&self.name), why }))?;
        Ok((value, Some(version)))
    }
}

/// What a scope has is another type's.
#[derive(Debug, thiserror::Error)]
#[error("scope `{name}` has a value of another type")]
struct ReadFault {
    name: Arc<str>,
    #[source]
    why: serde_json::Error,
}
