//! Which certificate is shown to whom? The Secrets that Ingresses name, by the host that is asked for.

use std::collections::HashMap;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1 as core;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use xxhash_rust::xxh3;

use super::cluster::Cluster;
use super::digest::{Id, Ingress};
use crate::words::Mistake;

/// Certificates by host: a name, or `*.SUFFIX`.
pub type Certificates = HashMap<Box<str>, Arc<CertifiedKey>>;

/// A Secret with a certificate and its key.
#[derive(Debug)]
pub(super) struct Secret {
    /// The hash of its text: only other text is a change.
    hash: u64,
    /// What is shown: what was right last.
    pub(super) shown: Option<Arc<CertifiedKey>>,
    /// What is wrong with it.
    fault: Option<Box<str>>,
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

/// Reads a Secret of the type `kubernetes.io/tls`.
pub(super) fn secret(object: &core::Secret) -> Secret {
    let part = |name| object.data.as_ref().and_then(|data| data.get(name));
    let (chain, key) = (bytes(part("tls.crt")), bytes(part("tls.key")));
    let hash = xxh3::xxh3_64_with_seed(chain, xxh3::xxh3_64(key));
    match certified(chain, key) {
        Ok(shown) => Secret { hash, shown: Some(Arc::new(shown)), fault: None },
        Err(fault) => Secret { hash, shown: None, fault: Some(fault.into()) },
    }
}

fn bytes(part: Option<&ByteString>) -> &[u8] {
    part.map(|part| part.0.as_slice()).unwrap_or_default()
}

fn certified(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, String> {
    let certificates = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
    let certificates =
        certificates.map_err(|error| format!("`tls.crt` is no PEM with a certificate: {error}"))?;
    if certificates.is_empty() {
        return Err("`tls.crt` has no certificate".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| format!("`tls.key` is no PEM with a private key: {error}"))?;
    CertifiedKey::from_der(certificates, key, &ring::default_provider())
        .map_err(|error| format!("`tls.key` is not the key of `tls.crt`: {error}"))
}

/// The certificates that `ingress` names, added to those of older ones, and what is wrong with it.
pub(super) fn add(
    certificates: &mut Certificates,
    cluster: &Cluster,
    id: &Id,
    ingress: &Ingress,
) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (place, tls) in ingress.tls.iter().enumerate() {
        // Without a name it is the default certificate, which is shown anyway.
        let Some(name) = &tls.secret else { continue };
        let secret = Id { namespace: Arc::clone(&id.namespace), name: Arc::clone(name) };
        let found = cluster.secrets.get(&secret);
        let fault = match found {
            None => Some("there is none of this name".into()),
            Some(secret) => secret.fault.clone(),
        };
        mistakes.extend(fault.map(|fault| Mistake {
            place: format!("spec.tls[{place}].secretName"),
            value: name.as_ref().into(),
            allowed: format!(
                "a Secret of the type kubernetes.io/tls in the namespace `{}` ({fault})",
                id.namespace
            ),
            position: None,
        }));
        let Some(shown) = found.and_then(|secret| secret.shown.as_ref()) else { continue };
        let rules = ingress.rules.iter().filter_map(|rule| rule.host.as_ref());
        let rules = rules.filter(|_| tls.hosts.is_empty());
        for host in tls.hosts.iter().chain(rules) {
            certificates.entry(host.clone()).or_insert_with(|| Arc::clone(shown));
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[track_caller]
    fn check(chain: &str, key: &str, expected: &str) {
        let data = [("tls.crt", chain), ("tls.key", key)];
        let data = data.map(|(name, text)| (name.to_owned(), ByteString(text.into())));
        let object = core::Secret { data: Some(BTreeMap::from(data)), ..core::Secret::default() };
        let fault = secret(&object).fault.unwrap_or_default();
        assert!(fault.starts_with(expected) && fault.is_empty() == expected.is_empty(), "{fault}");
    }

    #[test]
    fn a_secret_is_a_chain_and_the_key_of_it() {
        let pair = || rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        let (one, other) = (pair(), pair());
        let (chain, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        check(&chain, &key, "");
        check("", &key, "`tls.crt` has no certificate");
        check(&chain, "", "`tls.key` is no PEM");
        check(&chain, &other.signing_key.serialize_pem(), "`tls.key` is not the key of `tls.crt`");
    }
}
