//! How do parts become one answer? By the program's function, or by the gateway's words.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use metaparticle_gateway::model::{Answer, MergeFn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::pattern::Parts;
use crate::wire::{Error, Result, line, refusal};

/// How one answer is made of the leaves' answers `T`: by a function of the [`Parts`]; or by the words of
/// `scatter-merge`, such as `"sum"` or `"concat:/hits"`, with which the gateway does it. `M` is the compiler's
/// business.
pub trait Merge<T, M: ?Sized> {
    #[doc(hidden)]
    fn merged(self) -> Merged;
}

/// A merge, whatever parts there are.
#[derive(Debug, Clone)]
pub enum Merged {
    /// By the program's function.
    Code(MergeFn),
    /// By the gateway, with these words.
    Words(String),
}

impl<F, T, R> Merge<T, fn(T) -> R> for F
where
    F: Fn(Parts<T>) -> Result<R> + Send + Sync + 'static,
    T: DeserializeOwned,
    R: Serialize,
{
    fn merged(self) -> Merged {
        Merged::Code(MergeFn::new(move |parts| {
            let parts = Parts::read(parts).map_err(|misread| misread.to_string())?;
            let merged = catch_unwind(AssertUnwindSafe(|| self(parts)));
            let merged = merged.unwrap_or_else(|with| Err(Error::panicked(&*with)));
            Ok(match merged.and_then(|answer| line(&answer)) {
                Ok(line) => {
                    let mut answer = Answer::new(line);
                    let kind = HeaderValue::from_static("application/json");
                    answer.headers.append(CONTENT_TYPE, kind);
                    answer
                }
                // As a handler's error: who asked is told what is meant for them, and nothing else.
                Err(error) => refusal(&error).into(),
            })
        }))
    }
}

impl<T> Merge<T, str> for &str {
    fn merged(self) -> Merged {
        Merged::Words(self.to_owned())
    }
}
