//! What does a gateway do beside its requests? It writes its log, and looks after its certificate.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::log::{self, Log};
use crate::serve::{Certificate, Certificates};

/// Between two looks at the certificate's files.
const CERTIFICATE_EVERY: Duration = Duration::from_secs(1);

/// How long the last lines may take.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Where lines go.
pub(super) trait LogFile: Write + Send + std::fmt::Debug {}
impl<W: Write + Send + std::fmt::Debug> LogFile for W {}

/// The thread that writes the log: a pipe that nobody reads stops it, and nothing else.
#[derive(Debug)]
pub(super) struct LogWriter {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

impl LogWriter {
    /// Writes what waits in `log` into `file`, several times a second.
    pub(super) fn start(log: Log, mut file: Box<dyn LogFile>, epoch: f64) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let write = move || {
            loop {
                // Looked at first, so that the last lines are written after it was set.
                let last = stopped.load(Acquire);
                if let Err(error) = log.write(&mut file, epoch) {
                    tracing::warn!(%error, "the access log cannot be written");
                }
                if last {
                    return;
                }
                std::thread::park_timeout(log::EVERY);
            }
        };
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(write)?;
        Ok(Self { thread, stop })
    }

    /// Writes the last lines, if somebody takes them.
    pub(super) async fn end(self) {
        self.stop.store(true, Release);
        self.thread.thread().unpark();
        let joined = tokio::task::spawn_blocking(|| self.thread.join().is_ok());
        if tokio::time::timeout(LAST_LINES, joined).await.is_err() {
            tracing::warn!("nobody takes the last lines of the access log");
        }
    }
}

/// Shows what is in the certificate's files, whenever they change; for ever.
pub(super) async fn follow_certificate(certificate: Certificate, shown: Certificates) {
    let mut seen = certificate.touched_first();
    let mut every = tokio::time::interval(CERTIFICATE_EVERY);
    loop {
        every.tick().await;
        let now = certificate.touched();
        if now == seen {
            continue;
        }
        match certificate.reload() {
            Ok(certificate) => {
                shown.set_default(certificate);
                tracing::info!("the certificate was read again");
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(error = format!("{error:#}"), "the last certificate is shown on");
            }
        }
        seen = now;
    }
}
