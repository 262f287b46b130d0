//! Which image has a tag now?

use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

use crate::image::Digest;

use super::client::{Ask, Client};
use super::push::told_digest;
use super::{Fault, Options, Reference};

/// Manifests of one platform and of several, of OCI and of Docker.
const KINDS: HeaderValue = HeaderValue::from_static(
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json",
);

/// The digest of what a reference means, or nothing if there is no such image.
///
/// # Errors
///
/// When the registry cannot be reached, does not let us, or refuses.
pub async fn resolve(of: &Reference, options: &Options) -> Result<Option<Digest>, Fault> {
    let scopes = vec![format!("repository:{}:pull", of.repository())];
    let client = Client::new(of, scopes, options);
    let quiet = |_: &Fault, _| {};
    client.persist(&quiet, async || digest(&client, of).await).await
}

async fn digest(client: &Client, of: &Reference) -> Result<Option<Digest>, Fault> {
    let what = format!("manifests/{}", of.version());
    let ask = |method| Ask { headers: vec![(header::ACCEPT, KINDS)], ..client.ask(method, &what) };
    let answer = client.send(&ask(Method::HEAD)).await?;
    if answer.status() == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let answer = answer.expect(&[StatusCode::OK])?;
    if let Some(digest) = told_digest(&answer).and_then(|digest| digest.parse().ok()) {
        return Ok(Some(digest));
    }
    // Some tell it only by what it is of.
    let answer = client.send(&ask(Method::GET)).await?.expect(&[StatusCode::OK])?;
    Ok(Some(Digest::of(&answer.body)))
}
