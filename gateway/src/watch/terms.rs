//! What is asked of replicas that speak TLS? A certificate for their Service's name, of an authority that
//! its annotation names; while that cannot be read, what was asked last.

use std::sync::Arc;

use super::cluster::Cluster;
use super::digest::Id;
use crate::model::{Authorities, Service, Tls};
use crate::words::labels::PREFIX;
use crate::words::{Mistake, Policy, ServerName, TlsVerify};

/// The terms of the Service `id`, which was `before`, and what is wrong with them. Where nobody's word can
/// be taken, none is: then no replica is believed.
pub(super) fn of(
    id: &Id,
    policy: &Policy,
    cluster: &Cluster,
    before: Option<&Service>,
) -> (Arc<Tls>, Option<Mistake>) {
    let name = match &policy.server_name {
        ServerName::Named(name) => name.clone(),
        ServerName::Auto => format!("{}.{}.svc", id.name, id.namespace).into(),
    };
    let (trust, mistake) = match trust(id, &policy.tls_verify, cluster) {
        Ok(trust) => (trust, None),
        Err(fault) => {
            let same = before.filter(|before| before.policy.tls_verify == policy.tls_verify);
            let last = same.and_then(|before| before.tls.as_ref());
            let trust = match last {
                Some(last) => last.trust.clone(),
                None => Authorities::These([].into()),
            };
            (trust, fault.map(|fault| mistake(policy, id, &fault, last.is_some())))
        }
    };
    let terms = Tls { name: Some(name), trust };
    let last = before.and_then(|before| before.tls.as_ref()).filter(|last| ***last == terms);
    (last.map_or_else(|| Arc::new(terms), Arc::clone), mistake)
}

/// Whose word is taken; else what is wrong, or nothing while that is not known yet.
fn trust(id: &Id, verify: &TlsVerify, cluster: &Cluster) -> Result<Authorities, Option<String>> {
    let name = match verify {
        TlsVerify::System => return Ok(Authorities::System),
        TlsVerify::Off => return Ok(Authorities::Unasked),
        TlsVerify::File(_) => return Err(Some("files are the gateway's own".to_owned())),
        TlsVerify::Secret(name) => name,
    };
    let secret = Id { namespace: Arc::clone(&id.namespace), name: Arc::from(&**name) };
    match cluster.secrets.get(&secret) {
        None => Err(Some(
            "there is none of this name and type that the gateway sees; it sees Secrets if it has \
             --tls-listen"
                .to_owned(),
        )),
        Some(secret) => match secret.authorities() {
            None => Err(None),
            Some(Ok(authorities)) => Ok(authorities.clone()),
            Some(Err(fault)) => Err(Some(fault.to_owned())),
        },
    }
}

fn mistake(policy: &Policy, id: &Id, fault: &str, goes_on: bool) -> Mistake {
    let then = if goes_on {
        "until then the authorities that were read last are asked"
    } else {
        "until then no replica is believed, and requests are refused"
    };
    Mistake {
        place: format!("{PREFIX}tls-verify"),
        value: policy.tls_verify.to_string(),
        allowed: format!(
            "`system`, `off`, or `secret:NAME`, a Secret of the type kubernetes.io/tls in the namespace \
             `{}` with certificates in `ca.crt` ({fault}); {then}",
            id.namespace
        ),
        position: None,
    }
}
