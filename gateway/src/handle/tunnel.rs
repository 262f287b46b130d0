//! What happens after `101 Switching Protocols`? Bytes go both ways, untouched, until one end closes
//! or both are silent for an hour.

use std::time::Duration;

use http::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::respond::Body;
use crate::tasks::Tasks;

/// A tunnel in which nothing was said for this long has been forgotten (Envoy's stream idle timeout
/// is 5 minutes, and WebSocket users raise it to an hour).
const SILENCE_MOST: Duration = Duration::from_secs(3600);

/// Opens the tunnel between the `client` and the leaf that sent `response`.
pub(super) fn open(response: &mut Response<Body>, client: Option<OnUpgrade>, tasks: &Tasks) {
    let leaf = response.extensions_mut().remove::<OnUpgrade>();
    let (Some(client), Some(leaf)) = (client, leaf) else { return };
    // The leaf's empty body counts as in flight: it goes with the tunnel.
    let body = std::mem::take(response.body_mut());
    tasks.spawn(async move {
        if let Ok((client, leaf)) = tokio::try_join!(client, leaf) {
            carry(client, leaf).await;
        }
        drop(body);
    });
}

async fn carry(client: Upgraded, leaf: Upgraded) {
    let (from_client, to_client) = tokio::io::split(TokioIo::new(client));
    let (from_leaf, to_leaf) = tokio::io::split(TokioIo::new(leaf));
    tokio::join!(pump(from_client, to_leaf), pump(from_leaf, to_client));
}

/// Carries one way, to the end of `from`; then tells `to` that nothing more comes.
async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(Ok(count @ 1..)) = timeout(SILENCE_MOST, from.read(&mut buffer)).await {
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    to.shutdown().await.ok();
}
