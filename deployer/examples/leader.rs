//! How does one act for all? Candidates, of whom one leads; when it dies, or cannot be sure that it leads,
//! another one does.

use metaparticle::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
struct Clock {
    ticks: u64,
    by: String,
    /// Whose the last tick was: terms only grow from leader to leader.
    term: Option<Term>,
}

impl Clock {
    /// One tick, of who leads; not of a leader of yesterday, who does not know yet.
    fn tick(&mut self, by: &str, term: &Term) -> Result<()> {
        if self.term.as_ref() > Some(term) {
            return Err(Error::unavailable(format!("{} leads already", self.by)));
        }
        *self = Self { ticks: self.ticks + 1, by: by.to_owned(), term: Some(term.clone()) };
        Ok(())
    }
}

/// What the leader does, until it leads no more.
async fn tick(held: Held, me: Context) -> Result<()> {
    let clock = me.scope::<Clock>("clock")?;
    loop {
        held.check()?;
        clock.update(|clock| clock.tick(me.replica(), held.token())).await??;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn time(replica: Context) -> Result<Clock> {
    replica.scope("clock")?.read().await
}

/// Three candidates, and a service that shows what the leader does.
pub fn ticking() -> App {
    app("ticking")
        .scope("clock")
        .leader("ticker", candidates(3, tick))
        .service("time", spread(2, time).public())
}

fn main() -> ExitCode {
    ticking().main()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for a clock that is as it should be, not for ever.
    async fn until(
        world: &metaparticle::local::Local,
        what: &str,
        is: impl Fn(&Clock) -> bool,
    ) -> Result<Clock> {
        let asking = async {
            loop {
                let clock = world.get("/").await?.json::<Clock>()?;
                if is(&clock) {
                    return Ok(clock);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let seen = tokio::time::timeout(Duration::from_secs(60), asking).await;
        seen.unwrap_or_else(|_| panic!("no {what} in a minute"))
    }

    #[tokio::test]
    async fn when_the_leader_dies_another_one_leads() -> Result<()> {
        let world = ticking().start().await?;
        let first = until(&world, "first tick", |clock| clock.ticks > 0).await?;
        world.kill(&first.by)?;
        let second = until(&world, "other leader", |clock| clock.by != first.by).await?;
        assert!(second.ticks > first.ticks);
        world.stop().await;
        Ok(())
    }

    #[test]
    fn a_leader_of_yesterday_changes_nothing() -> Result<()> {
        let mut clock = Clock::default();
        clock.tick("ticker-0", &Term::from(9))?;
        clock.tick("ticker-1", &Term::from(10))?;
        assert!(clock.tick("ticker-0", &Term::from(9)).is_err());
        assert_eq!((clock.ticks, clock.by.as_str()), (2, "ticker-1"));
        Ok(())
    }

    #[test]
    fn candidates_may_take_leases() -> Result<()> {
        let plan = ticking().plan()?;
        assert_eq!(plan.replicas("ticker"), Some(3));
        let role = plan.object("Role", "ticker").expect("a role");
        assert!(role.body().to_string().contains("leases"));
        Ok(())
    }
}
