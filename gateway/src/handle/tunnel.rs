//! What happens after `101 Switching Protocols`? Bytes go both ways, untouched, until one end closes or
//! both are silent for an hour.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::http1::Upgraded;
use crate::model::Answer;
use crate::request::Request;
use crate::respond::Body;
use crate::snapshot::Places;
use crate::tasks::{Clock, Tasks};

/// A tunnel in which nothing was said for this long has been forgotten (Envoy's stream idle timeout
/// is 5 minutes, and WebSocket users raise it to an hour).
const SILENCE_MOST: Duration = Duration::from_secs(3600);
/// An end that does not read for this long is gone.
const WRITE_MOST: Duration = Duration::from_secs(60);

/// Opens the tunnel between the client that sent `request` and the leaf that sent `answer`, where
/// they agree on one. It counts as in flight, and takes its `places`, until it ends.
pub(super) fn open(
    answer: &mut Answer<Body>,
    request: &mut Request,
    places: &mut Option<Places>,
    (tasks, clock): (&Tasks, Clock),
) {
    if answer.status != StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let leaf = answer.body.switch();
    let (Some(client), Some(leaf)) = (request.upgrade.take(), leaf) else {
        // Nobody asked for it: what follows could not be understood.
        *answer = Answer { status: StatusCode::BAD_GATEWAY, ..Answer::default() };
        return;
    };
    let kept = (places.take(), request.keep.take(), std::mem::take(&mut answer.body));
    tasks.spawn(async move {
        if let (Some(client), Some(leaf)) = tokio::join!(client.stream(), leaf.stream()) {
            // Either end may break: the other is told by the end of its stream.
            carry(client, leaf, clock).await.ok();
        }
        drop(kept);
    });
}

async fn carry(client: Upgraded, leaf: Upgraded, clock: Clock) -> io::Result<()> {
    let (from_client, to_client) = tokio::io::split(client);
    let (from_leaf, to_leaf) = tokio::io::split(leaf);
    let heard = AtomicU64::new(clock.now().as_secs());
    tokio::try_join!(
        pump(from_client, to_leaf, &heard, clock),
        pump(from_leaf, to_client, &heard, clock),
    )?;
    Ok(())
}

/// Carries one way, to the end of `from`; then tells `to` that nothing more comes. `heard` is when
/// either end said something.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    heard: &AtomicU64,
    clock: Clock,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let Ok(read) = timeout(SILENCE_MOST, from.read(&mut buffer)).await else {
            let silent = clock.now().as_secs().saturating_sub(heard.load(Relaxed));
            if silent >= SILENCE_MOST.as_secs() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            continue;
        };
        let count = read?;
        if count == 0 {
            return to.shutdown().await;
        }
        heard.store(clock.now().as_secs(), Relaxed);
        timeout(WRITE_MOST, to.write_all(&buffer[..count])).await??;
    }
}
