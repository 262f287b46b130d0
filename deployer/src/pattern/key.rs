//! Who owns an ask? The shard that its key says: found by a function of the ask, or by the gateway's words.

use std::fmt::Display;

use http::header::CONTENT_TYPE;
use metaparticle_gateway::model::KeyFn;
use serde::de::DeserializeOwned;

use crate::wire::{read, says_json};

/// How a key is found: a function of the ask that gives what can be shown (a name, a number); or the words of
/// `shard-key`, such as `"path:^/users/([^/]+)"`, with which the gateway finds it and no function is asked.
///
/// Owners are computed from the key's text, so whoever knows it can ask the gateway who owns it (`explain`).
/// `M` is the compiler's business.
pub trait Key<A, M: ?Sized> {
    #[doc(hidden)]
    fn keyed(self) -> Keyed;
}

/// A key, whatever asks there are.
#[derive(Debug, Clone)]
pub enum Keyed {
    /// Found by the program's function.
    Code(KeyFn),
    /// Found by the gateway, with these words.
    Words(String),
}

impl<F, A, K> Key<A, fn(A) -> K> for F
where
    F: Fn(&A) -> K + Send + Sync + 'static,
    A: DeserializeOwned,
    K: Display,
{
    fn keyed(self) -> Keyed {
        Keyed::Code(KeyFn::of_body(move |uri, headers, body| {
            let is_json = headers.get(CONTENT_TYPE).is_some_and(says_json);
            // What cannot be read has no key: whoever gets it says what is wrong with it.
            let ask = read(uri, is_json, body).ok()?;
            Some(self(&ask).to_string().into_bytes())
        }))
    }
}

impl<A> Key<A, str> for &str {
    fn keyed(self) -> Keyed {
        Keyed::Words(self.to_owned())
    }
}
