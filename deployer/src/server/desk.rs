//! How is what is asked for done?

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use metaparticle_gateway::request::in_full;
use serde_json::json as value;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Refusal, json, nothing, text};
use crate::application::Host;
use crate::cluster::{self, Cluster, Kept, Logs, Style};
use crate::report::{Event, Told};
use crate::spec::{self, Setting};

/// The lines of each container that are shown.
const LINES: i64 = 1000;

/// How long it may take to read them.
const LOGS_WITHIN: Duration = Duration::from_secs(30);

/// Who does it.
pub(super) struct Desk {
    pub(super) cluster: Cluster,
    /// The gateway, where somebody names it.
    pub(super) gateway: Option<Host>,
    pub(super) told: Arc<Told<'static>>,
    pub(super) stop: CancellationToken,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

impl Desk {
    pub(super) async fn all(&self) -> Result<Answer, Refusal> {
        let kept = self.cluster.specs().await?;
        Ok(json(StatusCode::OK, &kept.into_iter().map(|one| one.document).collect()))
    }

    pub(super) async fn one(&self, name: &str) -> Result<Answer, Refusal> {
        Ok(json(StatusCode::OK, &self.kept(name).await?.document))
    }

    /// As the original: the name is the path's, whatever the spec calls itself.
    pub(super) async fn put(
        &self,
        name: &str,
        body: &Bytes,
        rehearsal: bool,
    ) -> Result<Answer, Refusal> {
        let namespace = Some(self.cluster.place().namespace.clone());
        let door = self.cluster.door(self.gateway.clone()).await?;
        let (mut document, _) = spec::parse(body)?;
        // Whoever asks for this path, or deletes it, means what was put there.
        if let Some(fields) = document.as_object_mut() {
            fields.retain(|field, _| !field.eq_ignore_ascii_case("name"));
            fields.insert("name".to_owned(), value!(name));
        }
        let reading = spec::read_value(&document, &Setting { door, namespace })?;
        let application = reading.application.name().to_string();
        let mut plan = reading.application.plan();
        if plan.objects.is_empty() {
            let notes: Vec<_> = reading.notes.iter().map(ToString::to_string).collect();
            return Err(Refusal::Nothing(notes.join("; ")));
        }
        let kept = Kept { name: name.to_owned(), application, document };
        plan.objects.insert(0, kept.object());
        if rehearsal {
            self.cluster.diff(&plan).await?;
        } else {
            // Whoever put it asks for its status: the published client gives up after five seconds.
            let options = cluster::Options { wait: false, ..self.options() };
            let deployed = Box::pin(self.cluster.deploy(&plan, &options, &*self.told)).await;
            // Who asked is answered; whoever reads what the server says wants to know, too.
            deployed.inspect_err(|fault| (self.told)(Event::Failed { why: in_full(fault) }))?;
        }
        Ok(json(StatusCode::OK, &kept.document))
    }

    pub(super) async fn delete(&self, name: &str) -> Result<Answer, Refusal> {
        match self.kept(name).await {
            Ok(kept) => {
                let options = cluster::Options { wait: false, ..self.options() };
                self.cluster.delete(&kept.application, &options, &*self.told).await?;
                Ok(nothing())
            }
            Err(Refusal::NoService(_)) => Ok(nothing()),
            Err(other) => Err(other),
        }
    }

    pub(super) async fn status(&self, name: &str) -> Result<Answer, Refusal> {
        let kept = self.kept(name).await?;
        let status = self.cluster.status(&kept.application).await?;
        let mut body = serde_json::to_value(&status).expect("a status is JSON");
        body["ready"] = value!(status.is_ready());
        Ok(json(StatusCode::OK, &body))
    }

    pub(super) async fn logs(&self, name: &str) -> Result<Answer, Refusal> {
        let kept = self.kept(name).await?;
        let logs = Logs { tail: Some(LINES), ..Logs::of_application(&kept.application) };
        let lines = Arc::new(Mutex::new(String::new()));
        let page = Arc::clone(&lines);
        let heard = move |line: cluster::Line| {
            if line.is_said() {
                let mut lines = page.lock().unwrap_or_else(PoisonError::into_inner);
                lines.push_str(&line.written(Style::Compatible));
                lines.push('\n');
            }
        };
        // What was read until then is an answer, too.
        if let Ok(read) = timeout(LOGS_WITHIN, self.cluster.logs(&logs, &heard)).await {
            read?;
        }
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(text(lines))
    }

    async fn kept(&self, name: &str) -> Result<Kept, Refusal> {
        let all = self.cluster.specs().await?;
        all.into_iter()
            .find(|kept| kept.name == name)
            .ok_or_else(|| Refusal::NoService(name.to_owned()))
    }

    fn options(&self) -> cluster::Options {
        cluster::Options {
            who: "metaparticle serve".to_owned(),
            production: true,
            stop: self.stop.clone(),
            ..cluster::Options::default()
        }
    }
}
