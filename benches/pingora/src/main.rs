//! What does a proxy cost that is made with Pingora? The load balancer of its quick start: no health
//! checks, no log, one thread, a pool of upstream connections.
//!
//! ```text
//! pingora-proxy-peer --listen 127.0.0.1:8080 --by spread 127.0.0.1:9001 127.0.0.1:9002
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use clap::{Parser, ValueEnum};
use pingora::apps::HttpServerOptions;
use pingora::lb::LoadBalancer;
use pingora::lb::selection::{BackendIter, BackendSelection, Consistent, RoundRobin};
use pingora::listeners::tls::TlsSettings;
use pingora::prelude::*;
use pingora::server::configuration::ServerConf;

/// The least proxy that is made with Pingora.
#[derive(Debug, Parser)]
#[command(version = "with pingora 0.9.1")]
struct Settings {
    /// Where to listen
    #[arg(long)]
    listen: String,
    /// How an upstream is chosen
    #[arg(long, value_enum, default_value_t = By::Spread)]
    by: By,
    /// Take HTTP/2 without TLS, too
    #[arg(long)]
    h2c: bool,
    /// Take TLS, with this certificate
    #[arg(long, requires = "key")]
    certificate: Option<String>,
    /// The certificate's key
    #[arg(long)]
    key: Option<String>,
    /// Where requests go
    #[arg(required = true)]
    upstreams: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// In turn
    Spread,
    /// By the header `x-user`, on a consistent ring
    Header,
    /// By USER in `/users/USER`, on a consistent ring
    Path,
}

struct Proxy<S: BackendSelection> {
    upstreams: Arc<LoadBalancer<S>>,
    by: By,
}

#[async_trait]
impl<S> ProxyHttp for Proxy<S>
where
    S: BackendSelection + Send + Sync + 'static,
    S::Iter: BackendIter,
{
    type CTX = ();
    fn new_ctx(&self) {}

    async fn upstream_peer(&self, session: &mut Session, _: &mut ()) -> Result<Box<HttpPeer>> {
        let head = session.req_header();
        let key = match self.by {
            By::Spread => b"".as_slice(),
            By::Header => head.headers.get("x-user").map_or(b"".as_slice(), |user| user.as_bytes()),
            By::Path => {
                let path = head.uri.path().strip_prefix("/users/").unwrap_or_default();
                path.split('/').next().unwrap_or_default().as_bytes()
            }
        };
        let upstream =
            self.upstreams.select(key, 256).ok_or_else(|| Error::new(HTTPStatus(503)))?;
        Ok(Box::new(HttpPeer::new(upstream, false, String::new())))
    }
}

fn main() -> Result<()> {
    let settings = Settings::parse();
    match settings.by {
        By::Spread => run::<RoundRobin>(settings),
        By::Header | By::Path => run::<Consistent>(settings),
    }
}

fn run<S>(settings: Settings) -> Result<()>
where
    S: BackendSelection + Send + Sync + 'static,
    S::Config: Send + Sync,
    S::Iter: BackendIter,
{
    let conf = ServerConf {
        threads: 1,
        // One thread has nobody to steal from: a runtime without stealing is the cheaper one.
        work_stealing: false,
        // As many as there may be clients at a time: none is opened twice.
        upstream_keepalive_pool_size: 1024,
        // Whoever is told to end ends: by default it would wait for five minutes.
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(0),
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let upstreams = LoadBalancer::<S>::try_from_iter(&settings.upstreams).expect("addresses");
    let proxy = Proxy { upstreams: Arc::new(upstreams), by: settings.by };
    let mut service = http_proxy_service(&server.configuration, proxy);
    if let Some(app) = service.app_logic_mut() {
        let mut options = HttpServerOptions::default();
        options.h2c = settings.h2c;
        app.server_options = Some(options);
    }
    match (&settings.certificate, &settings.key) {
        (Some(certificate), Some(key)) => {
            let tls = TlsSettings::intermediate(certificate, key)?;
            service.add_tls_with_settings(&settings.listen, None, tls);
        }
        _ => service.add_tcp(&settings.listen),
    }
    server.add_service(service);
    server.run_forever()
}
