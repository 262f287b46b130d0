//! How is the API server reached, and does it answer? A client that tells of each list and watch that
//! it was given: a watch in which nothing happens would say nothing else.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use metaparticle_sync::Sync;
use metaparticle_sync::clock::Boot;
use metaparticle_sync::store::Leases;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower::{BoxError, Layer, Service};

/// How long the head of an answer may take. A network that swallows what is sent says nothing else; a
/// watch that nothing came from is opened again, and is noticed by this.
const PATIENCE: Duration = Duration::from_secs(15);

/// Nobody answered.
#[derive(Debug, thiserror::Error)]
#[error("no answer in {} seconds", PATIENCE.as_secs())]
struct Silence;

/// A way to the API server.
pub struct Source {
    pub(super) client: Client,
    /// Where gateways agree on who does what one should do.
    pub(super) sync: Sync,
    /// The path and query of each request for a list or a watch that was granted.
    pub(super) granted: UnboundedReceiver<String>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

/// Why there is no way to an API server.
#[derive(Debug, thiserror::Error)]
pub enum NoSource {
    /// The kubeconfig is not right.
    #[error("the kubeconfig is of no use: say --kubeconfig and --context, or set KUBECONFIG")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// There is none, and this is no pod.
    #[error(
        "no cluster is known: set KUBECONFIG, say --kubeconfig, or run it in a pod with a service \
         account"
    )]
    Nowhere(#[from] kube::config::InferConfigError),
    /// The client cannot be made.
    #[error("no client can be made of the configuration")]
    Client(#[from] kube::Error),
}

impl Source {
    /// The cluster of a kubeconfig; else the one of `KUBECONFIG`, `~/.kube/config`, or this pod. Leases are
    /// in `namespace`, else where this runs.
    ///
    /// # Errors
    /// When none of them says how it is reached.
    pub async fn find(
        kubeconfig: Option<&Path>,
        context: Option<&str>,
        namespace: Option<&str>,
    ) -> Result<Self, NoSource> {
        let options =
            KubeConfigOptions { context: context.map(str::to_owned), ..Default::default() };
        let config = match (kubeconfig, context) {
            (Some(path), _) => {
                Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await?
            }
            (None, Some(_)) => Config::from_kubeconfig(&options).await?,
            (None, None) => Config::infer().await?,
        };
        let (told, granted) = unbounded_channel();
        let namespace = namespace.unwrap_or(&config.default_namespace);
        let leases = Leases::new(Leases::client(config.clone())?, namespace);
        let client = ClientBuilder::try_from(config)?.with_layer(&Listening(told)).build();
        Ok(Self { client, sync: Sync::new(leases, Boot), granted })
    }

    /// Gives back what this gateway was elected for, once it is watched no more.
    pub fn release(&self) -> impl Future<Output = ()> + Send + use<> {
        let sync = self.sync.clone();
        async move { sync.shutdown().await }
    }

    /// An API server that is a service: for tests, and for who has a way of their own; elections are those
    /// of `sync`.
    pub fn of<S, B>(service: S, sync: Sync) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError> + 'static,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (told, granted) = unbounded_channel();
        let client = Client::new(Listening(told).layer(service), "default");
        Self { client, sync, granted }
    }
}

/// Puts itself between the client and the API server.
struct Listening(UnboundedSender<String>);

impl<S> Layer<S> for Listening {
    type Service = Listener<S>;

    fn layer(&self, inner: S) -> Listener<S> {
        Listener { inner, told: self.0.clone() }
    }
}

struct Listener<S> {
    inner: S,
    told: UnboundedSender<String>,
}

impl<S, B> Service<Request<Body>> for Listener<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError> + 'static,
    B: 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let asked = (*request.method() == Method::GET).then(|| request.uri().to_string());
        let (answer, told) = (self.inner.call(request), self.told.clone());
        Box::pin(async move {
            let answer = tokio::time::timeout(PATIENCE, answer).await;
            let answer = answer.map_err(|_| Silence)?.map_err(Into::into)?;
            if let Some(path) = asked.filter(|_| answer.status().is_success()) {
                // Who is not there any more need not be told.
                told.send(path).ok();
            }
            Ok(answer)
        })
    }
}
