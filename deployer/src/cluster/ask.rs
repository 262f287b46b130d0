//! How is the API server asked about any object? Bodies stay as they are, so that nothing of them is lost.

use std::time::Duration;

use kube::api::{
    DeleteParams, GetParams, ListParams, Patch, PatchParams, Preconditions, PropagationPolicy,
    Request,
};
use serde_json::Value;
use tokio::time::timeout;

use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::cluster::parent::Item;
use crate::report::Thing;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

impl Cluster {
    /// The object as it is.
    pub(super) async fn get(&self, item: &Item) -> Result<Option<Value>, Fault> {
        let request = self.path(item).get(&item.name, &GetParams::default());
        match self.send(request).await {
            Ok(value) => Ok(Some(value)),
            Err(Answer::Api(status)) if status.code == 404 => Ok(None),
            Err(answer) => Err(self.fault("get", &item.thing(), answer)),
        }
    }

    /// All objects of a kind in the namespace.
    pub(super) async fn list(&self, kind: &Item, params: &ListParams) -> Result<Vec<Value>, Fault> {
        let request = self.path(kind).list(params);
        let answer = self.send(request).await;
        let mut list = answer.map_err(|answer| self.fault("list", &kind.thing(), answer))?;
        match list["items"].take() {
            Value::Array(items) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    pub(super) async fn patch(
        &self,
        item: &Item,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<Value, Answer> {
        let request = self.path(item).patch(&item.name, params, patch);
        self.send(request).await
    }

    pub(super) async fn patch_scale(
        &self,
        item: &Item,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<Value, Answer> {
        let request = self.path(item).patch_subresource("scale", &item.name, params, patch);
        self.send(request).await
    }

    /// Deletes this very object; not one that has its name since.
    pub(super) async fn remove(&self, item: &Item, uid: &str) -> Result<(), Fault> {
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Foreground),
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let request = self.path(item).delete(&item.name, &params);
        match self.send(request).await {
            Ok(_) => Ok(()),
            // It is gone, or another has its name: this one is not there.
            Err(Answer::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(answer) => Err(self.fault("delete", &item.thing(), answer)),
        }
    }

    fn path(&self, item: &Item) -> Request {
        let root = match item.group.as_str() {
            "" => format!("/api/{}", item.version),
            group => format!("/apis/{group}/{}", item.version),
        };
        Request::new(format!("{root}/namespaces/{}/{}", self.place.namespace, item.plural))
    }

    async fn send(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Value, Answer> {
        let request = request.map_err(|error| Answer::Other(kube::Error::BuildRequest(error)))?;
        match timeout(PATIENCE, self.client.request::<Value>(request)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(kube::Error::Api(status))) => Err(Answer::Api(status)),
            Ok(Err(error)) => Err(Answer::Other(error)),
            Err(_) => Err(Answer::Silence),
        }
    }

    /// What a client's error means to people.
    pub(super) fn client_fault(
        &self,
        verb: &'static str,
        object: &Thing,
        error: kube::Error,
    ) -> Fault {
        let answer = match error {
            kube::Error::Api(status) => Answer::Api(status),
            error => Answer::Other(error),
        };
        self.fault(verb, object, answer)
    }

    pub(super) fn fault(&self, verb: &'static str, object: &Thing, answer: Answer) -> Fault {
        let server = self.place.server.clone();
        let status = match answer {
            Answer::Api(status) => status,
            Answer::Other(error) => {
                return Fault::Unreachable { server, cause: Some(Box::new(error)) };
            }
            Answer::Silence => return Fault::Unreachable { server, cause: None },
        };
        let said = status.message.clone();
        let missing = status.details.as_ref().is_some_and(|details| details.kind == "namespaces");
        match status.code {
            401 => Fault::Unknown { server },
            // Admission refuses with this code, too: a quota, or a rule of the namespace.
            403 if said.contains("forbidden: User ") => Fault::NotPermitted { said },
            404 if missing => Fault::NoNamespace { namespace: self.place.namespace.clone() },
            // A field that it does not know is its own fault, it says.
            500 if said.contains("typed patch object") => {
                Fault::Invalid { object: object.clone(), said }
            }
            400 | 422 => Fault::Invalid { object: object.clone(), said },
            _ => Fault::Refused { verb, object: object.clone(), said },
        }
    }
}

/// The same bound for who asks by a typed client: it has none.
pub(super) async fn answered<T>(answer: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    let silent = || kube::Error::Service(format!("no answer in {} s", PATIENCE.as_secs()).into());
    timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(silent()))
}

/// What came instead of what was asked for.
#[derive(Debug)]
pub(super) enum Answer {
    /// The API server says no.
    Api(Box<kube::core::Status>),
    /// Something else.
    Other(kube::Error),
    /// Nothing.
    Silence,
}
