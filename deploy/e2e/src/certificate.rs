//! How is TLS spoken in a test? With a certificate that vouches for itself, put into a Secret, shown by a
//! server, or believed by a client.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use metaparticle_testbed::Space;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate and its key.
#[derive(Debug)]
pub struct Certificate {
    der: CertificateDer<'static>,
    chain: String,
    key: rcgen::KeyPair,
}

impl Certificate {
    /// A new one for these names.
    ///
    /// # Errors
    ///
    /// When one is no name.
    pub fn new(names: &[&str]) -> Result<Self> {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names)?;
        Ok(Self { der: made.cert.der().clone(), chain: made.cert.pem(), key: made.signing_key })
    }

    /// Whether it is what is shown at `address` to who asks for `host`: nothing else is believed.
    ///
    /// # Errors
    ///
    /// When none is shown.
    pub async fn is_shown(&self, address: SocketAddr, host: &str) -> Result<bool> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from(host.to_owned())?;
        match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
            Ok(_) => Ok(true),
            Err(why) if is_of_another(&why) => Ok(false),
            Err(why) => Err(why.into()),
        }
    }

    /// Puts it into a Secret, also as its own authority.
    ///
    /// # Errors
    ///
    /// When the cluster does not take it.
    pub async fn put(&self, space: &Space, name: &str) -> Result<()> {
        let bytes = |text: &str| ByteString(text.into());
        let secret = json!({
            "metadata": { "name": name },
            "type": "kubernetes.io/tls",
            "data": {
                "tls.crt": bytes(&self.chain),
                "tls.key": bytes(&self.key.serialize_pem()),
                "ca.crt": bytes(&self.chain),
            },
        });
        space.apply::<Secret>(&serde_json::from_value(secret)?).await.map(drop)
    }

    /// What shows it.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor> {
        let key = PrivateKeyDer::try_from(self.key.serialize_der());
        let key = key.map_err(|why| anyhow::anyhow!("no key: {why}"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Whether hands were not shaken because another certificate was shown.
fn is_of_another(why: &io::Error) -> bool {
    let why = why.get_ref().and_then(|why| why.downcast_ref());
    matches!(why, Some(rustls::Error::InvalidCertificate(_)))
}
