//! stub
use crate::*;
use std::sync::Arc;
use std::time::Duration;
#[derive(Debug, Clone, Default)]
pub struct Ready;
impl Ready {
    pub fn set(&self, _: State) {}
}
#[derive(Debug)]
pub enum State {
    Starting,
    Ready,
    Draining,
}
#[derive(Debug, Clone, Default)]
pub struct Mistakes;
impl Mistakes {
    pub fn count(&self) -> u64 {
        0
    }
    pub fn set(&self, _: Vec<String>) {}
}
#[derive(Clone)]
pub struct Admin {
    pub latest: snapshot::Latest,
    pub ready: Ready,
    pub clock: tasks::Clock,
    pub facts: Arc<dyn Fn() -> metrics::Facts + Send + Sync>,
    pub mistakes: Mistakes,
}
impl Admin {
    pub async fn serve(
        self,
        _l: tokio::net::TcpListener,
        _t: tasks::Tasks,
        s: tokio_util::sync::CancellationToken,
    ) {
        s.cancelled().await
    }
}
pub fn explain_for_people(_: &snapshot::Snapshot, _: &str, _: &str) -> anyhow::Result<String> {
    Ok(String::new())
}
