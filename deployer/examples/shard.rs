//! How has each user a place? Shards: the one that owns the key answers, always the same, with a state of its
//! own.

use std::collections::BTreeMap;
use std::sync::Mutex;

use metaparticle::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Visit {
    user: String,
}

/// What one shard knows: how often each of its users was here.
#[derive(Default)]
struct Visits(Mutex<BTreeMap<String, u32>>);

async fn count(visit: Visit, shard: Context<Visits>) -> Result<String> {
    let mut visits = shard.state().0.lock().expect("no panic");
    let times = visits.entry(visit.user.clone()).or_default();
    *times += 1;
    Ok(format!("{}: visit {times}, counted by {}", visit.user, shard.replica()))
}

/// Three shards, by user. Nobody stands in for one that is away: no other has its users.
pub fn visits() -> App {
    let by_user = |visit: &Visit| visit.user.clone();
    app("visits").service("users", shard(3, by_user, count).on_owner_down("fail").public())
}

fn main() -> ExitCode {
    visits().main()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_user_is_counted_in_one_place() -> Result<()> {
        let world = visits().simulate(1)?;
        let first = world.get("/?user=jim").await.json::<String>()?;
        let second = world.post("/", r#"{"user": "jim"}"#).await.json::<String>()?;
        assert_eq!(first.replace("visit 1", "visit 2"), second);
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn users_of_other_shards_do_not_notice_that_one_is_dead() -> Result<()> {
        let world = visits().simulate(1)?;
        let jims = world.get("/?user=jim").await.shard().expect("a shard").to_owned();
        world.kill(&jims);
        for user in 0..20 {
            let answer = world.get(&format!("/?user={user}")).await;
            assert_eq!(answer.status().is_success(), answer.shard().is_some());
            assert_ne!(answer.shard(), Some(jims.as_str()));
        }
        assert_eq!(world.get("/?user=jim").await.status(), 503);
        Ok(())
    }

    #[test]
    fn shards_keep_their_names_and_only_who_finds_them_is_public() -> Result<()> {
        let plan = visits().plan()?;
        assert_eq!(plan.replicas("users-shard"), Some(3));
        assert!(plan.object("StatefulSet", "users-shard").is_some());
        assert!(plan.is_public("users") && !plan.is_public("users-shard"));
        Ok(())
    }
}
