//! What does a gateway do beside its requests? It writes its log, and looks after its certificate.

use std::io::Write;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::log::{self, Log};
use crate::serve::Certificate;

/// Between two looks at the certificate's files.
const CERTIFICATE_EVERY: Duration = Duration::from_secs(1);

/// Where lines go.
pub(super) trait LogFile: Write + Send + std::fmt::Debug {}
impl<W: Write + Send + std::fmt::Debug> LogFile for W {}

/// Writes what waits in `log` into `file`, until it is stopped, and then once more.
pub(super) async fn write_log(
    log: Log,
    mut file: Box<dyn LogFile>,
    epoch: f64,
    stop: CancellationToken,
) {
    let mut every = tokio::time::interval(log::EVERY);
    loop {
        let stopped = tokio::select! {
            _ = every.tick() => false,
            () = stop.cancelled() => true,
        };
        if let Err(error) = log.write(&mut file, epoch) {
            tracing::warn!(%error, "the access log cannot be written");
        }
        if stopped {
            return;
        }
    }
}

/// Shows what is in the certificate's files, whenever they change; for ever.
pub(super) async fn follow_certificate(certificate: Certificate) {
    let mut seen = certificate.touched_first();
    let mut every = tokio::time::interval(CERTIFICATE_EVERY);
    loop {
        every.tick().await;
        let now = certificate.touched();
        if now == seen {
            continue;
        }
        match certificate.reload() {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(error = format!("{error:#}"), "the last certificate is shown on");
            }
        }
        seen = now;
    }
}
