//! Which certificate is shown? The one of the host that is asked for, else the one in the files, read
//! again when they change; a wrong one is reported and the last good one stays.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::stamp::Stamp;

/// A certificate chain and its key, in PEM files.
#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    /// When its files were touched last, before they were first read.
    touched: [Option<Stamp>; 2],
    first: Arc<CertifiedKey>,
}

/// What is shown to clients, shared: all clones are one. Who asks for a host that has none is shown the
/// default; where there is none either, the handshake fails.
#[derive(Debug, Clone, Default)]
pub struct Certificates(Arc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    default: ArcSwapOption<CertifiedKey>,
    /// By host: a name, or `*.SUFFIX` for one label more.
    hosts: ArcSwap<Hosts>,
}

type Hosts = HashMap<Box<str>, Arc<CertifiedKey>>;

impl Certificates {
    /// Shows `certificate` from now on to who asks for nothing that is known.
    pub fn set_default(&self, certificate: Arc<CertifiedKey>) {
        self.0.default.store(Some(certificate));
    }

    /// Shows these from now on: names, or `*.SUFFIX` for one label more; in lower case.
    pub fn set_hosts(&self, hosts: Arc<Hosts>) {
        self.0.hosts.store(hosts);
    }

    /// What shakes hands: TLS 1.2 and 1.3, with HTTP/2 and HTTP/1.1 by ALPN.
    ///
    /// # Panics
    /// Never: the provider has the protocol versions that are asked of it.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has TLS 1.2 and 1.3");
        let shown: Arc<dyn ResolvesServerCert> = Arc::<Cells>::clone(&self.0);
        let mut config = builder.with_no_client_auth().with_cert_resolver(shown);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Cells {
    fn of(&self, host: &str) -> Option<Arc<CertifiedKey>> {
        let hosts = self.hosts.load();
        let wildcard = || hosts.get(format!("*.{}", host.split_once('.')?.1).as_str());
        hosts.get(host).or_else(wildcard).map(Arc::clone)
    }
}

impl ResolvesServerCert for Cells {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name().map(str::to_ascii_lowercase);
        host.and_then(|host| self.of(&host)).or_else(|| self.default.load_full())
    }
}

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file is not there, or not PEM.
    #[error("cannot read `{path}`, which must be a PEM file with {what}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The two do not belong together, or are of a kind that is not known.
    #[error("the key in `{key}` is not the one of the certificate in `{chain}`")]
    Unfit {
        /// The certificate's file.
        chain: PathBuf,
        /// The key's.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

impl Certificate {
    /// The certificate in the file `chain`, with its key in the file `key`.
    ///
    /// # Errors
    /// When one cannot be read, or they do not belong together.
    pub fn read(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        // Before they are read: what is written meanwhile is a change.
        let touched = touched([chain, key]);
        let first = Arc::new(certified(chain, key)?);
        Ok(Self { chain: chain.into(), key: key.into(), touched, first })
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// When they are not right.
    pub fn reload(&self) -> Result<Arc<CertifiedKey>, CertificateError> {
        certified(&self.chain, &self.key).map(Arc::new)
    }

    /// What was in the files when they were read first.
    #[must_use]
    pub fn first(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.first)
    }

    /// When its files were touched last, before they were first read.
    #[must_use]
    pub fn touched_first(&self) -> [Option<Stamp>; 2] {
        self.touched
    }

    /// When its files were touched last.
    #[must_use]
    pub fn touched(&self) -> [Option<Stamp>; 2] {
        touched([&self.chain, &self.key])
    }
}

fn touched(files: [&Path; 2]) -> [Option<Stamp>; 2] {
    files.map(Stamp::of)
}

fn certified(chain: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let unreadable = |path: &Path, what| {
        let path = path.to_owned();
        move |error| CertificateError::Unreadable { path, what, source: io_error(error) }
    };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable(chain, "a certificate"))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key, "a private key"))?;
    CertifiedKey::from_der(certificates, private, &ring::default_provider())
        .map_err(|source| CertificateError::Unfit { chain: chain.into(), key: key.into(), source })
}

fn io_error(error: pem::Error) -> io::Error {
    match error {
        pem::Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}
