//! How is TLS spoken in a test? With a certificate that vouches for itself, put into a Secret, shown by a
//! server, or found out by a client.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use metaparticle_testbed::Space;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
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

    /// Whether `shown` is this one.
    #[must_use]
    pub fn is(&self, shown: &CertificateDer<'_>) -> bool {
        self.der == *shown
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

/// The certificate that is shown at `address` to who asks for `host`.
///
/// # Errors
///
/// When none is.
pub async fn shown(address: SocketAddr, host: &str) -> Result<CertificateDer<'static>> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(host.to_owned())?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    Ok(shown.context("no certificate")?.clone().into_owned())
}

/// Lets anybody show anything: that is what is looked at.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
