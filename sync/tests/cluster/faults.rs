//! What happens when processes are stopped, or killed?

use std::time::Duration;

use anyhow::ensure;
use k8s_openapi::api::core::v1::ConfigMap;
use metaparticle_testbed::{figures, in_namespace};
use nix::sys::signal::Signal;
use tokio::time::Instant;

use crate::QUIET;
use crate::contender::{Contender, TTL, no_stale_write};

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_holder_that_was_stopped_and_goes_on_writes_nothing_more() {
    let _quiet = QUIET.read().await;
    in_namespace("sigstop", async |space| {
        space.apply::<ConfigMap>(&Contender::register()?).await?;
        let mut one = Contender::start(space.name())?;
        one.says("wrote").await?;
        let mut other = Contender::start(space.name())?;
        for _ in 0..3 {
            // In the middle of its writes, at no particular place.
            one.signal(Signal::SIGSTOP)?;
            other.says("held").await?;
            other.says("wrote").await?;
            one.signal(Signal::SIGCONT)?;
            one.says("refused").await?;
            other.talks(Duration::from_secs(1)).await?;
            std::mem::swap(&mut one, &mut other);
        }
        let refused = one.refused + other.refused;
        let writes = no_stale_write(one.wrote.into_iter().chain(other.wrote))?;
        figures::tell(
            "pause",
            &format!(
                "SIGSTOP past the deadline: {writes} writes accepted, 0 stale; {refused} refused"
            ),
        );
        ensure!(refused >= 3, "nothing was refused: it was not tried");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_holder_that_is_killed_is_followed_when_its_time_is_over() {
    let _quiet = QUIET.read().await;
    in_namespace("kill", async |space| {
        space.apply::<ConfigMap>(&Contender::register()?).await?;
        let mut one = Contender::start(space.name())?;
        one.says("wrote").await?;
        let mut other = Contender::start(space.name())?;
        // Long enough that it waits, and not so long that this is what is measured.
        other.talks(Duration::from_secs(2)).await?;
        one.signal(Signal::SIGKILL)?;
        let killed = Instant::now();
        other.says("held").await?;
        let took = killed.elapsed();
        figures::tell(
            "kill",
            &format!("kill -9: the other held it after {took:.2?}, of a lease of {TTL:?}"),
        );
        ensure!(took < TTL + Duration::from_secs(2), "{took:?}");
        other.says("wrote").await?;
        no_stale_write(one.wrote.into_iter().chain(other.wrote))?;
        Ok(())
    })
    .await;
}
