//! What do replicas remember together? A scope: a typed value that each may change, and no change is lost.

use metaparticle::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Counters {
    requests: u64,
    last: String,
}

async fn count(replica: Context) -> Result<Counters> {
    let counters = replica.scope::<Counters>("counters")?;
    // Called again when another replica was faster: it only looks at the value, and changes it.
    counters
        .update(|counters| {
            counters.requests += 1;
            counters.last = replica.replica().to_owned();
        })
        .await?;
    counters.read().await
}

/// Three replicas that count together: in memory here (`--scopes FOLDER`: in files), in a cluster in a
/// ConfigMap.
pub fn counted() -> App {
    app("counted").scope("counters").service("count", spread(3, count).public())
}

fn main() -> ExitCode {
    counted().main()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_request_is_lost_however_many_come_at_once() -> Result<()> {
        let world = counted().simulate(1)?;
        futures::future::join_all((0..10).map(|_| world.get("/"))).await;
        assert_eq!(world.get("/").await.json::<Counters>()?.requests, 11);
        Ok(())
    }

    #[test]
    fn pods_may_change_config_maps_and_nothing_else() -> Result<()> {
        let plan = counted().plan()?;
        let role = plan.object("Role", "count").expect("a role");
        let rules = role.body()["rules"].as_array().expect("its rules");
        assert!(rules.iter().all(|rule| rule["resources"][0] == "configmaps"), "{rules:?}");
        Ok(())
    }
}
