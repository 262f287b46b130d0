//! Which certificate is shown to whom? The Secrets that Ingresses name, by the host that is asked for.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1 as core;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use xxhash_rust::xxh3;

use super::cluster::Cluster;
use super::digest::{Id, Ingress, Tls};
use crate::model::Authorities;
use crate::words::Mistake;

/// Certificates by host: a name, `*.SUFFIX`, or any.
pub type Certificates = HashMap<Box<str>, Arc<CertifiedKey>>;

/// In the place of a host: all that have no certificate of their own.
pub const ANY_HOST: &str = "*";

/// Whether everybody is shown the same.
pub(super) fn are_same(one: &Certificates, other: &Certificates) -> bool {
    let is_same = |(host, key)| other.get(host).is_some_and(|known| Arc::ptr_eq(key, known));
    one.len() == other.len() && one.iter().all(is_same)
}

/// A Secret with a certificate and its key, or with those of authorities.
#[derive(Debug)]
pub(super) struct Secret {
    /// The hash of its text: only other text is a change.
    hash: u64,
    /// What is in it; nothing of that is kept where nobody wants it.
    parts: Option<Parts>,
}

/// What is in a Secret.
#[derive(Debug, Clone)]
struct Parts {
    /// What is shown: what was right last.
    shown: Option<Arc<CertifiedKey>>,
    /// What is wrong with it.
    fault: Option<Box<str>>,
    /// The certificates in `ca.crt`, or what is wrong with them.
    authorities: Result<Authorities, Box<str>>,
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.is_known() == other.is_known()
    }
}

impl Secret {
    /// Whether what is in it is known, or only that it is there.
    pub(super) fn is_known(&self) -> bool {
        self.parts.is_some()
    }

    /// The same, without what is in it.
    pub(super) fn unknown(&self) -> Self {
        Self { hash: self.hash, parts: None }
    }

    /// What is known of it by `told`, where that is about this text.
    pub(super) fn known_by(&self, told: Self) -> Option<Self> {
        (!self.is_known() && self.hash == told.hash).then_some(told)
    }

    /// What was right `before` is shown still, where this is not.
    pub(super) fn keep(&mut self, before: Option<&Self>) {
        let before = before.and_then(|before| before.parts.as_ref());
        if let (Some(now), Some(before)) = (&mut self.parts, before)
            && now.shown.is_none()
        {
            now.shown.clone_from(&before.shown);
        }
    }

    /// Whose word for replicas' certificates is taken by it.
    pub(super) fn authorities(&self) -> Option<Result<&Authorities, &str>> {
        Some(self.parts.as_ref()?.authorities.as_ref().map_err(|fault| &**fault))
    }
}

/// Reads a Secret of the type `kubernetes.io/tls`, as far as it is `wanted`.
pub(super) fn secret(object: &core::Secret, wanted: bool) -> Secret {
    let part = |name| bytes(object.data.as_ref().and_then(|data| data.get(name)));
    let all = [part("tls.crt"), part("tls.key"), part("ca.crt")];
    let hash = all.iter().fold(0, |hash, part| xxh3::xxh3_64_with_seed(part, hash));
    let [chain, key, authorities] = all;
    let parts = wanted.then(|| {
        let (shown, fault) = match certified(chain, key) {
            Ok(shown) => (Some(Arc::new(shown)), None),
            Err(fault) => (None, Some(fault.into())),
        };
        Parts { shown, fault, authorities: read_authorities(authorities).map_err(Into::into) }
    });
    Secret { hash, parts }
}

fn read_authorities(text: &[u8]) -> Result<Authorities, String> {
    let certificates = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let certificates =
        certificates.map_err(|error| format!("`ca.crt` is no PEM with certificates: {error}"))?;
    if certificates.is_empty() {
        return Err("it has no `ca.crt` with a certificate".to_owned());
    }
    let certificates = certificates.iter().map(|one| Box::from(one.as_ref()));
    Ok(Authorities::These(certificates.collect()))
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
        let parts = found.and_then(|secret| secret.parts.as_ref());
        let fault = match found {
            None => Some("there is none of this name".into()),
            Some(_) => parts.and_then(|parts| parts.fault.clone()),
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
        let Some(shown) = parts.and_then(|parts| parts.shown.as_ref()) else { continue };
        for host in hosts(ingress, tls) {
            let first = certificates.entry(host.clone()).or_insert_with(|| Arc::clone(shown));
            if first.cert != shown.cert {
                mistakes.push(second(place, &host));
            }
        }
    }
    mistakes
}

/// The hosts that a certificate is for: those it names, or those of all rules.
fn hosts(ingress: &Ingress, tls: &Tls) -> BTreeSet<Box<str>> {
    if !tls.hosts.is_empty() {
        return tls.hosts.iter().cloned().collect();
    }
    let any = || Box::from(ANY_HOST);
    let rules = ingress.rules.iter().map(|rule| rule.host.clone().unwrap_or_else(any));
    rules.chain(ingress.default.as_ref().map(|_| any())).collect()
}

fn second(place: usize, host: &str) -> Mistake {
    Mistake {
        place: format!("spec.tls[{place}].hosts"),
        value: host.to_owned(),
        allowed: "a host for which no older Ingress, and nothing before it here, has another \
                  certificate; the first is shown"
            .to_owned(),
        position: None,
    }
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
        assert!(!secret(&object, false).is_known());
        let fault = secret(&object, true).parts.unwrap().fault.unwrap_or_default();
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
