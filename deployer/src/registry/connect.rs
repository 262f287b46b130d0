//! How is a registry reached? With TLS, but for those of this machine and those that were named.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Request, Response, Uri, uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::body::Counted;
use super::{Fault, Host, Options};

type Http = Client<HttpsConnector<HttpConnector>, Counted>;

const CONNECT_MOST: Duration = Duration::from_secs(10);

/// Connections to registries, kept for the next request.
#[derive(Debug)]
pub(super) struct Connections {
    plain: Http,
    /// Made when it is needed: to read whom this machine trusts takes longer than to ask a registry.
    tls: OnceLock<Http>,
    authority: Option<PathBuf>,
    insecure: Vec<String>,
}

impl Connections {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            plain: client(RootCertStore::empty()),
            tls: OnceLock::new(),
            authority: options.authority.clone(),
            insecure: options.insecure.clone(),
        }
    }

    /// Whether it is spoken to without TLS.
    pub(super) fn is_plain(&self, host: &Host) -> bool {
        host.is_loopback() || host.is_in(&self.insecure)
    }

    /// Whether what is secret may be sent there.
    pub(super) fn is_safe(&self, to: &Uri) -> bool {
        let host = to.authority().and_then(|authority| authority.as_str().parse::<Host>().ok());
        to.scheme() == Some(&uri::Scheme::HTTPS) || host.is_some_and(|host| self.is_plain(&host))
    }

    /// Sends a request, and gives the head of its answer.
    pub(super) async fn send(
        &self,
        request: Request<Counted>,
    ) -> Result<Response<Incoming>, Fault> {
        let host = request.uri().authority().map_or("", uri::Authority::as_str).to_owned();
        let plain = request.uri().scheme() == Some(&uri::Scheme::HTTP);
        let client = if plain { &self.plain } else { self.tls()? };
        client.request(request).await.map_err(|error| unreachable(host, plain, error))
    }

    fn tls(&self) -> Result<&Http, Fault> {
        if let Some(made) = self.tls.get() {
            return Ok(made);
        }
        let made = client(self.roots()?);
        Ok(self.tls.get_or_init(|| made))
    }

    /// Whom this machine trusts, or else Mozilla: an image of ours may have nothing but the latter.
    fn roots(&self) -> Result<RootCertStore, Fault> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let known = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
            roots.add_parsable_certificates(known);
        }
        let Some(path) = &self.authority else { return Ok(roots) };
        let wrong = |why: &str| Fault::File { path: path.clone(), why: why.to_owned() };
        let text = fs::read(path).map_err(|error| Fault::file(path.clone(), &error))?;
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|error| wrong(&error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(&error.to_string()))?;
        }
        if roots.len() == before {
            return Err(wrong("there is no certificate in PEM in it"));
        }
        Ok(roots)
    }
}

fn client(roots: RootCertStore) -> Http {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_MOST));
    tcp.set_nodelay(true);
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    let tls = tls.unwrap_or_else(|_| unreachable!("ring speaks TLS"));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls.with_root_certificates(roots).with_no_client_auth())
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
}

fn unreachable(host: String, plain: bool, error: legacy::Error) -> Fault {
    let hint = match (error.is_connect(), plain) {
        (true, true) => "is it started, and is this its port?",
        (true, false) => {
            "is its name right? if it speaks plain HTTP, name it with --insecure-registry; if its \
             certificate is its own, say who vouches for it"
        }
        (false, _) => "the connection broke",
    };
    Fault::Unreachable { host, hint, source: error.into() }
}
