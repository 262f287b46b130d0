//! What if the person who waits has enough? The cluster goes on by itself: only the waiting ends.

use tokio_util::sync::CancellationToken;

use crate::cluster::Fault;

/// Waits for `work`. At the first Ctrl-C it is told to `stop`, and ends as it can; at the second nobody waits for that.
///
/// # Errors
///
/// That of `work`; [`Fault::Detached`] when nobody waited for it.
pub async fn until_interrupted<T, E: From<Fault>>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        _ = tokio::signal::ctrl_c() => stop.cancel(),
    }
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Fault::Detached.into()),
    }
}
