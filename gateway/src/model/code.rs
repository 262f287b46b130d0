//! What can an embedding program say that words cannot? Its own functions, for a key and for a merge.

use std::fmt;
use std::sync::Arc;

use http::Uri;

use crate::fields::Fields;
use crate::model::{Answer, Part};

/// A program's functions, in the place of a route's words; what is not given is as the words say.
#[derive(Debug, Clone, Default)]
pub struct Code {
    /// Finds the key, instead of `shard-key`.
    pub key: Option<KeyFn>,
    /// Makes the answer, instead of a `scatter-merge` that needs all parts (not `ndjson` or `first`).
    pub merge: Option<MergeFn>,
}

/// Finds a request's key in its target and headers, or in its body too.
#[derive(Clone)]
pub struct KeyFn {
    find: Arc<FindKey>,
    reads_body: bool,
}

type FindKey = dyn Fn(&Uri, &Fields, &[u8]) -> Option<Vec<u8>> + Send + Sync;

impl KeyFn {
    /// A key as `find` finds it; none is a missing key.
    pub fn new(find: impl Fn(&Uri, &Fields) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self { find: Arc::new(move |uri, headers, _| find(uri, headers)), reads_body: false }
    }

    /// The same, found in the body too, which is read whole before the key is known.
    pub fn of_body(
        find: impl Fn(&Uri, &Fields, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self { find: Arc::new(find), reads_body: true }
    }

    /// Whether it looks into the body.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        self.reads_body
    }

    /// The key of a request; `body` is empty where it was not read.
    #[must_use]
    pub fn find(&self, uri: &Uri, headers: &Fields, body: &[u8]) -> Option<Vec<u8>> {
        (self.find)(uri, headers, body)
    }
}

impl fmt::Debug for KeyFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFn")
    }
}

/// Makes one answer of the parts, which stand in shard order; enough of them are right answers.
#[derive(Clone)]
pub struct MergeFn(Arc<MergeParts>);

type MergeParts = dyn Fn(&[Part]) -> Result<Answer, String> + Send + Sync;

impl MergeFn {
    /// An answer as `merge` makes it, or why there is none.
    pub fn new(merge: impl Fn(&[Part]) -> Result<Answer, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(merge))
    }

    /// The answer of `parts`.
    ///
    /// # Errors
    /// What the function says is wrong with them.
    pub fn merge(&self, parts: &[Part]) -> Result<Answer, String> {
        (self.0)(parts)
    }
}

impl fmt::Debug for MergeFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MergeFn")
    }
}
