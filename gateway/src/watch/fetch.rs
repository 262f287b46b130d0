//! What is in a Secret that nobody wanted when it was seen? Of those only a hash is kept: one that an
//! Ingress or a Service names later is asked for by its name.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::{Client, Error};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch::Receiver;

use super::cluster::News;
use super::digest::Id;
use super::table::Change;
use super::{access, certificates};

/// So many are asked for at a time: a gateway that starts wants all of its own at once.
const AT_ONCE: usize = 8;
/// Before those are asked for again that were not told, or were another already.
const AGAIN: Duration = Duration::from_secs(2);

/// Asks for each of those that are `missing`; for ever.
pub(super) async fn secrets(
    client: Client,
    mut missing: Receiver<BTreeSet<Id>>,
    told: UnboundedSender<News>,
) {
    loop {
        let now = missing.borrow_and_update().clone();
        let none = now.is_empty();
        let asked = now.into_iter().map(|id| one(&client, id));
        let mut answers = futures::stream::iter(asked).buffer_unordered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(news) => {
                    if told.send(news).is_err() {
                        return;
                    }
                }
                Err(error) => tracing::warn!("a certificate is not seen: {error}"),
            }
        }
        let wait = if none { Duration::MAX } else { AGAIN };
        if let Ok(Err(_)) = tokio::time::timeout(wait, missing.changed()).await {
            return;
        }
    }
}

async fn one(client: &Client, id: Id) -> Result<News, String> {
    let secrets = Api::<Secret>::namespaced(client.clone(), &id.namespace);
    match secrets.get(&id.name).await {
        Ok(object) => {
            let secret = certificates::secret(&object, true);
            Ok(News::Fetched(id, secret))
        }
        Err(Error::Api(status)) if status.code == 404 => Ok(News::Secret(Change::Gone(id))),
        Err(error) => Err(access::told("get", "secrets", Some(&*id.namespace), &error)),
    }
}
