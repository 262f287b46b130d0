//! How does it come back to what was right last? By applying that again; what stands in its way is deleted.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, ListParams, Preconditions};

use crate::cluster::apply::Applied;
use crate::cluster::ask::answered;
use crate::cluster::connect::Cluster;
use crate::cluster::deploy::{Failure, Live, Options, Work};
use crate::cluster::fault::Fault;
use crate::cluster::parent::{Begun, Parent, Revision, State};
use crate::cluster::{ready, stuck};
use crate::plan::Plan;
use crate::report::{Event, Thing, Told};

impl Cluster {
    /// Puts an earlier revision in force: that of the number, or the last live one before the one that is.
    ///
    /// # Errors
    /// When there is none, or it does not come into force.
    pub async fn rollback(
        &self,
        application: &str,
        number: Option<u32>,
        options: &Options,
        told: &Told<'_>,
    ) -> Result<Live, Fault> {
        self.open(application, options, told)?;
        let parent = self.known(application).await?;
        let revision = match number {
            Some(number) => parent.revision(number),
            None => earlier(&parent),
        };
        let revision = revision.ok_or(Fault::NoRevision { number })?;
        let plan = self.without_past_jobs(plan_of(&parent, revision)?).await?;
        told(Event::RollingBack { to: revision.number });
        let note = format!("revision {} again", revision.number);
        Box::pin(self.put_in_force(Work { plan: &plan, options, told, note: Some(&note) })).await
    }

    /// Without the jobs that are not there any more: what an earlier revision did is not done again.
    async fn without_past_jobs(&self, mut plan: Plan) -> Result<Plan, Fault> {
        let mut past = Vec::new();
        for object in plan.objects.iter().filter(|one| one.kind().kind == "Job") {
            let live = self.get(&self.item(object)?).await?;
            if live.is_none_or(|live| live["metadata"]["deletionTimestamp"].is_string()) {
                past.push(object.name().to_owned());
            }
        }
        plan.objects.retain(|one| {
            one.kind().kind != "Job" || !past.iter().any(|name| name.as_str() == one.name())
        });
        Ok(plan)
    }

    /// What is remembered of an application that must be there.
    pub(super) async fn known(&self, application: &str) -> Result<Parent, Fault> {
        let parent = self.parent(application).await?;
        parent.ok_or_else(|| Fault::NoApplication {
            application: application.to_owned(),
            namespace: self.place.namespace.clone(),
        })
    }

    /// After a failure: says why, writes it down, and puts the last live revision in force again.
    pub(super) async fn recover(
        &self,
        work: Work<'_>,
        mut parent: Parent,
        begun: Begun,
        failure: Failure,
    ) -> Fault {
        let Work { options, told, .. } = work;
        let cause = match failure {
            Failure::Fault(fault) => fault,
            Failure::Stuck(stuck) => {
                told(Event::Failed { why: stuck.fault.to_string() });
                self.tell_evidence(&stuck, told).await;
                stuck.fault
            }
        };
        if begun.changed
            && let Some(revision) = parent.revision_mut(begun.number)
        {
            revision.state = State::Failed;
            revision.note = cause.to_string().lines().next().map(str::to_owned);
            if let Err(fault) = self.record(&mut parent).await {
                told(Event::Warning { what: fault.to_string() });
                return cause;
            }
        }
        let live = parent.live().filter(|live| options.roll_back && live.number != begun.number);
        let Some(live) = live.cloned() else {
            if options.roll_back && begun.changed {
                let what = "there is no earlier revision to roll back to: what was made is left for you to look at";
                told(Event::Warning { what: what.to_owned() });
            }
            return cause;
        };
        told(Event::RollingBack { to: live.number });
        let cause = Box::new(cause);
        match Box::pin(self.restore(work, &mut parent, &live)).await {
            Ok(()) => {
                told(Event::RolledBack { to: live.number });
                Fault::RolledBack { cause, to: live.number }
            }
            Err(then) => Fault::NotRolledBack { cause, to: live.number, then: Box::new(then) },
        }
    }

    async fn restore(
        &self,
        work: Work<'_>,
        parent: &mut Parent,
        live: &Revision,
    ) -> Result<(), Fault> {
        let Work { options, told, .. } = work;
        let plan = self.without_past_jobs(plan_of(parent, live)?).await?;
        let first = Options { wait: false, ..options.clone() };
        let work = Work { plan: &plan, options: &first, told, note: None };
        let version = self.words_version().await?;
        let applied = self.establish(work, parent).await.map_err(|failure| match *failure {
            Failure::Fault(fault) => fault,
            Failure::Stuck(stuck) => stuck.fault,
        })?;
        self.prune(&plan, parent, told).await?;
        self.unstick(&applied, told).await?;
        if options.wait {
            let ready = self.ready(&applied, version, options, told).await;
            ready.map_err(|stuck| stuck.fault)?;
        }
        parent.inventory = applied.into_iter().map(|one| one.item).collect();
        parent.inventory.sort();
        self.record(parent).await
    }

    /// A StatefulSet replaces no pod while one of another revision is not ready: such pods are deleted.
    async fn unstick(&self, applied: &[Applied], told: &Told<'_>) -> Result<(), Fault> {
        let pods = Api::<Pod>::namespaced(self.client.clone(), &self.place.namespace);
        for set in applied.iter().filter(|one| one.item.kind == "StatefulSet") {
            let Some(revision) = self.settled(set).await? else { continue };
            let thing = set.item.thing();
            let fault = |error| self.client_fault("list", &Thing::new("Pod", ""), error);
            let labels = serde_json::from_value(set.body["spec"]["selector"].clone());
            let labels = crate::cluster::watch::selector(&labels.unwrap_or_default());
            let labelled = ListParams::default().labels(&labels);
            let all = answered(pods.list(&labelled)).await.map_err(fault)?;
            let stuck = all.items.iter().filter(|pod| {
                let owned = pod
                    .owner_references()
                    .iter()
                    .any(|one| Some(&one.uid) == set.item.uid.as_ref());
                let old = stuck::label(pod, ready::REVISION) != Some(revision.as_str());
                owned && old && !stuck::line(pod).ready
            });
            for pod in stuck {
                let same = Preconditions { uid: pod.uid(), resource_version: None };
                let params = DeleteParams::default().preconditions(same);
                // One that is gone already is what was wanted.
                if pods.delete(&pod.name_any(), &params).await.is_ok() {
                    let what = format!("{} stands in the way of {thing}: deleted", pod.name_any());
                    told(Event::Warning { what });
                }
            }
        }
        Ok(())
    }

    /// The revision that a StatefulSet's pods should be of, once its controller has looked.
    async fn settled(&self, set: &Applied) -> Result<Option<String>, Fault> {
        use futures::StreamExt as _;
        let generation = set.body["metadata"]["generation"].as_i64();
        let sets = Api::<StatefulSet>::namespaced(self.client.clone(), &self.place.namespace);
        let seen = kube::runtime::watcher::watch_object(sets, &set.item.name);
        let mut seen = Box::pin(seen);
        while let Some(one) = seen.next().await {
            let Ok(one) = one else { continue };
            let Some(status) = one.and_then(|one| one.status) else { return Ok(None) };
            if status.observed_generation >= generation {
                return Ok(status.update_revision);
            }
        }
        Ok(None)
    }
}

/// The last live revision before the one in force, that is another plan.
fn earlier(parent: &Parent) -> Option<&Revision> {
    let live = parent.live()?;
    let mut before = parent.revisions.iter().rev();
    before.find(|one| one.state == State::Live && one.number < live.number && one.hash != live.hash)
}

fn plan_of(parent: &Parent, revision: &Revision) -> Result<Plan, Fault> {
    let thing = parent.thing();
    let application = parent.application.parse().map_err(|_| Fault::Unreadable {
        object: thing.clone(),
        why: "its application's name is none".to_owned(),
    })?;
    Ok(Plan { application, objects: revision.objects(&thing)? })
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower::service_fn;

    use crate::cluster::Cluster;
    use crate::plan::{Object, Plan};

    /// An API server that has one Job, and one that is about to go.
    async fn known(request: Request<Body>) -> Result<Response<Body>, std::convert::Infallible> {
        let (code, body) = match request.uri().path().rsplit('/').next() {
            Some("there") => (200, json!({ "metadata": { "uid": "u" } })),
            Some("going") => (200, json!({ "metadata": { "deletionTimestamp": "2026-01-01" } })),
            _ => (404, json!({ "kind": "Status", "status": "Failure", "code": 404 })),
        };
        let answer =
            Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
        Ok(answer.expect("an answer"))
    }

    fn object(kind: &str, version: &str, name: &str) -> Object {
        let body: Value =
            json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name } });
        Object::from_value(body).unwrap()
    }

    #[tokio::test]
    async fn what_an_earlier_revision_did_is_not_done_again() {
        let cluster = Cluster::of(service_fn(known), "shop");
        let job = |name| object("Job", "batch/v1", name);
        let objects =
            vec![object("Service", "v1", "gone"), job("gone"), job("going"), job("there")];
        let plan = Plan { application: "shop".parse().unwrap(), objects };
        let plan = cluster.without_past_jobs(plan).await.unwrap();
        let left = plan.objects.iter().map(|one| (one.kind().kind.as_str(), one.name()));
        assert_eq!(left.collect::<Vec<_>>(), [("Service", "gone"), ("Job", "there")]);
    }
}
