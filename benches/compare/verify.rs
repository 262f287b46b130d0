//! Are the answers right? Asked before anything is timed; whoever answers wrong is not timed.
//!
//! One replica's answer must come through byte for byte; the same user must come to the same replica
//! on any connection, and users to all of them; a merged answer must be what ours says, byte for byte
//! or at least as JSON, and ours must be what the leaves said.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::client::{Answer, Client};
use crate::origin::Origins;
use crate::works::{Merge, Pattern, Work};

const USERS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

/// How alike the answers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Alike {
    /// Byte for byte.
    Bytes,
    /// As JSON: white space or the order of an object's fields differ.
    Json,
}

/// What is right for a work.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    work: &'a Work,
    origins: &'a Origins,
    /// What the first one answered that was judged: ours.
    first: Option<Bytes>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(work: &'a Work, origins: &'a Origins) -> Self {
        Self { work, origins, first: None }
    }

    /// Asks whoever stands at `address`, and says what is wrong.
    pub(crate) async fn check(
        &mut self,
        address: SocketAddr,
        client: &Client,
    ) -> anyhow::Result<Alike> {
        let asked = async {
            match self.work.pattern {
                Pattern::Scatter(merge) => self.merged(address, client, merge).await,
                _ => self.passed_on(address, client).await,
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.context("it does not answer")?
    }

    async fn passed_on(&self, address: SocketAddr, client: &Client) -> anyhow::Result<Alike> {
        let mut seen = BTreeSet::new();
        for number in 0..USERS {
            let user = format!("user-{number}");
            let answer = self.ask(address, client, &user).await?;
            let origin = answer.origin.context("an answer without its replica's `x-origin`")?;
            let replica = self.origins.replicas.iter().find(|replica| replica.name == origin);
            let replica = replica.with_context(|| format!("{origin} is nobody's name"))?;
            ensure!(answer.body == replica.body, "the body is not what {origin} said");
            if self.work.is_sharded() {
                let again = self.ask(address, client, &user).await?.origin.unwrap_or_default();
                ensure!(again == origin, "{user} came to {origin} first, and then to {again}");
            }
            seen.insert(origin);
        }
        let all = self.origins.replicas.len();
        ensure!(seen.len() == all, "of {all} replicas only {} were asked", seen.len());
        Ok(Alike::Bytes)
    }

    async fn merged(
        &mut self,
        address: SocketAddr,
        client: &Client,
        merge: Merge,
    ) -> anyhow::Result<Alike> {
        let answer = self.ask(address, client, "user-0").await?.body;
        let read: Value = serde_json::from_slice(&answer).context("the answer is not JSON")?;
        let right = self.right(merge)?;
        ensure!(read == right, "it answers {}", String::from_utf8_lossy(&answer));
        let first = self.first.get_or_insert_with(|| answer.clone());
        Ok(if *first == answer { Alike::Bytes } else { Alike::Json })
    }

    async fn ask(
        &self,
        address: SocketAddr,
        client: &Client,
        user: &str,
    ) -> anyhow::Result<Answer> {
        let answer = client.get(address, self.work, user).await?;
        ensure!(answer.status == 200, "it answers with the status {}", answer.status);
        Ok(answer)
    }

    /// What the leaves said, in their order.
    fn right(&self, merge: Merge) -> anyhow::Result<Value> {
        let parts = self.origins.replicas.iter().map(|replica| serde_json::from_str(&replica.body));
        let (mut items, mut fields) = (Vec::new(), serde_json::Map::new());
        for part in parts {
            match part? {
                Value::Array(part) => items.extend(part),
                Value::Object(part) => fields.extend(part),
                other => bail!("a leaf that says {other}"),
            }
        }
        Ok(if merge == Merge::Array { Value::Array(items) } else { Value::Object(fields) })
    }
}

#[cfg(test)]
mod tests;
