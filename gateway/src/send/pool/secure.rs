//! How does a replica prove over TLS that it is the right one?
//!
//! A configuration is made when it is first needed and kept with the service that asks for it, so that
//! sessions are resumed.

use std::error::Error;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connect;
use crate::model::{Authorities, Tls};
use crate::snapshot::Replica;

/// A replica that has not shaken hands in so long is not there.
const HANDSHAKE_MOST: Duration = Duration::from_secs(2);

type Cause = Box<dyn Error + Send + Sync>;

/// Why no replica is believed.
#[derive(Debug, thiserror::Error)]
enum Untrusted {
    /// It is not who it should be.
    #[error(
        "its certificate is not believed ({0}): say whose word is taken and for which name, in \
         tls-verify and tls-server-name"
    )]
    Certificate(rustls::Error),
    /// Nobody's word is taken.
    #[error(
        "there is no authority whose word for its certificate would be taken: say one in tls-verify"
    )]
    NoAuthority,
    /// What it is asked for is not known.
    #[error("it is not known what is asked of its certificate")]
    NoTerms,
}

/// The configurations of one worker.
#[derive(Debug, Default)]
pub(super) struct Configs(Mutex<Vec<(Weak<Tls>, Arc<ClientConfig>)>>);

impl Configs {
    /// Connects to `replica`, and shakes hands.
    pub(super) async fn connect(
        &self,
        replica: &Replica,
    ) -> Result<TlsStream<tokio::net::TcpStream>, Cause> {
        let terms = replica.tls.as_ref().ok_or(Untrusted::NoTerms)?;
        let config = self.of(terms)?;
        let name = name(terms, replica.address)?;
        let stream = connect::tcp(replica.address).await?;
        let shaking = TlsConnector::from(config).connect(name, stream);
        match tokio::time::timeout(HANDSHAKE_MOST, shaking).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(told(error)),
            Err(_) => Err("it has not shaken hands in 2 s: does it speak TLS?".into()),
        }
    }

    /// The configuration for these terms.
    fn of(&self, terms: &Arc<Tls>) -> Result<Arc<ClientConfig>, Cause> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = known.iter().find(|(of, _)| of.as_ptr() == Arc::as_ptr(terms)) {
            return Ok(Arc::clone(config));
        }
        known.retain(|(of, _)| of.strong_count() > 0);
        let config = Arc::new(config(&terms.trust)?);
        known.push((Arc::downgrade(terms), Arc::clone(&config)));
        Ok(config)
    }
}

/// The name that a certificate must have.
fn name(terms: &Tls, address: SocketAddr) -> Result<ServerName<'static>, Cause> {
    match &terms.name {
        Some(name) => Ok(ServerName::try_from(name.to_string())?),
        None => Ok(ServerName::from(address.ip())),
    }
}

fn config(trust: &Authorities) -> Result<ClientConfig, Cause> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let roots = match trust {
        Authorities::Unasked => None,
        Authorities::System => Some(rustls_native_certs::load_native_certs().certs),
        Authorities::File(path) => {
            let certificates = CertificateDer::pem_file_iter(&**path);
            let certificates = certificates.and_then(Iterator::collect::<Result<Vec<_>, _>>);
            Some(certificates.map_err(|error| format!("cannot read `{path}`: {error}"))?)
        }
        Authorities::These(known) => {
            Some(known.iter().map(|der| CertificateDer::from(der.to_vec())).collect())
        }
    };
    let mut config = match roots {
        None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth(),
        Some(certificates) => {
            let mut roots = RootCertStore::empty();
            if roots.add_parsable_certificates(certificates).0 == 0 {
                return Err(Untrusted::NoAuthority.into());
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A fault in a certificate, with what to say so that it is none.
fn told(error: std::io::Error) -> Cause {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(fault @ rustls::Error::InvalidCertificate(_)) => {
            Untrusted::Certificate(fault.clone()).into()
        }
        _ => error.into(),
    }
}

/// Believes whoever has the key of the certificate that it shows.
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
