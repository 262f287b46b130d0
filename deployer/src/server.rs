//! How do other programs keep specs, and have them deployed? The REST API of the original, which kept them in
//! its memory; here what is put is deployed, and stays when the server goes.
//!
//! ```text
//!   GET    /services               all specs                  GET /services/NAME/status   how it is
//!   GET    /services/NAME          one; else 404              GET /services/NAME/logs     what its pods said
//!   PUT    /services/NAME          deploys it, and answers with it; 422 with every mistake; `?dryRun=All` only looks
//!   DELETE /services/NAME          204, also where there is none
//! ```
//!
//! It listens on loopback, for programs that say that they mean it (`host: localhost`), so that no page of a
//! browser asks it by another name; elsewhere only with a token, which everybody who asks must have.

mod access;
mod answer;
mod desk;
mod road;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::access::Access;
use self::desk::Desk;
use crate::application::Host;
use crate::cluster::{self, Cluster};
use crate::report::Told;

/// How the server serves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What everybody must say who asks: `authorization: Bearer TOKEN`. It is needed but for loopback.
    pub token: Option<String>,
    /// The gateway's Service, where no class of Ingresses says that there is one.
    pub gateway: Option<Host>,
    /// When this is cancelled, no more requests are taken, and those under way are answered.
    pub stop: CancellationToken,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            token: None,
            gateway: None,
            stop: CancellationToken::new(),
        }
    }
}

/// Why nobody is served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Everybody could deploy.
    #[error(
        "{0} can be reached by others, who could deploy whatever they like: set a token (METAPARTICLE_TOKEN), or \
         listen on 127.0.0.1"
    )]
    NoToken(SocketAddr),
    /// The token is a joke.
    #[error("the token has fewer than 16 signs: make one with `openssl rand -hex 16`")]
    ShortToken,
    /// The address cannot be had.
    #[error("nobody can listen at {listen}: choose another address or port")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// There is no cluster.
    #[error(transparent)]
    Cluster(#[from] cluster::Fault),
}

/// So many connections are served at once; others wait.
const CONNECTIONS_MOST: usize = 64;

/// How long it waits where no more connections can be had.
const BREATH: Duration = Duration::from_millis(100);

/// A server that listens.
#[derive(Debug)]
#[must_use]
pub struct Server {
    listener: TcpListener,
    desk: Arc<Desk>,
    access: Access,
    stop: CancellationToken,
}

/// Serves the specs of `cluster`, until it is stopped: the one entry for a program.
///
/// # Errors
///
/// When it must not, or cannot, listen.
pub async fn serve(
    cluster: Cluster,
    options: Options,
    told: Arc<Told<'static>>,
) -> Result<(), Fault> {
    Server::bind(cluster, options, told).await?.run().await;
    Ok(())
}

impl Server {
    /// Listens, but does not serve yet.
    ///
    /// # Errors
    ///
    /// When it must not, or cannot, listen.
    pub async fn bind(
        cluster: Cluster,
        options: Options,
        told: Arc<Told<'static>>,
    ) -> Result<Self, Fault> {
        let Options { listen, token, gateway, stop } = options;
        let access = match token {
            Some(token) if token.len() < 16 => return Err(Fault::ShortToken),
            Some(token) => Access::Token(token),
            None if listen.ip().is_loopback() => Access::Loopback,
            None => return Err(Fault::NoToken(listen)),
        };
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|source| Fault::Listen { listen, source })?;
        let desk = Arc::new(Desk { cluster, gateway, told, stop: stop.clone() });
        Ok(Self { listener, desk, access, stop })
    }

    /// Where it listens.
    ///
    /// # Panics
    ///
    /// When the system does not know, which it does.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("a listener has an address")
    }

    /// Serves until it is stopped.
    pub async fn run(self) {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                Some(()) = connections.next() => {}
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS_MOST => {
                    match accepted {
                        Ok((stream, _)) => {
                            connections.push(road::connection(stream, &self.desk, &self.access, &self.stop));
                        }
                        Err(_) => sleep(BREATH).await,
                    }
                }
            }
        }
        while connections.next().await.is_some() {}
    }
}
