//! The whole road in one thread, leaves in memory, and a clock that goes on only when all wait: what
//! is measured is the design, and nothing of the machine.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::BodyExt;
use metaparticle_benches::{picture, request};
use metaparticle_gateway::handle::Handle;
use metaparticle_gateway::log::Log;
use metaparticle_gateway::memory::Memory;
use metaparticle_gateway::request::{Peer, Trust};
use metaparticle_gateway::send::{Sender, Timers};
use metaparticle_gateway::tasks::{Clock, Tasks};

use crate::leaves::{self, LEAVES, Leaves, REPLICAS};
use crate::trial::{Run, Trial, ask_all};

/// One trial; the same one gives the same numbers.
pub(crate) fn run(trial: &Trial) -> anyhow::Result<Run> {
    // The gateway draws from this thread's chance.
    fastrand::seed(trial.seed);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(paused(trial))
}

async fn paused(trial: &Trial) -> anyhow::Result<Run> {
    let places = 1..=u16::try_from(LEAVES * REPLICAS)?;
    let addresses: Vec<_> = places.map(|port| SocketAddr::from(([10, 0, 0, 1], port))).collect();
    let world = leaves::world(trial.hedge, &addresses)?;
    let (_publisher, latest) = picture(&world);
    let leaves = Leaves::new(trial);
    let handle = Handle {
        latest,
        sender: Sender {
            carrier: leaves.clone(),
            clock: Clock::start(),
            timers: Timers::default(),
        },
        memory: Memory::new(1 << 30),
        log: Log::new(false),
        tasks: Tasks::default(),
    };
    let peer = Peer::new(SocketAddr::from(([192, 0, 2, 7], 9)), false, &Trust::default());
    let answers = ask_all(trial, || async {
        let answer = handle.handle(&mut request("alice").into(), &peer, None, false).await;
        ensure!(answer.status.is_success(), "{answer:?}");
        let body = answer.body.collect().await.map_err(anyhow::Error::from_boxed)?;
        is_whole(&body.to_bytes())
    });
    let answers = answers.await?;
    let snapshot = handle.latest.load();
    let service = snapshot.service("leaves").context("the service is there")?;
    let run = Run::of(answers, &leaves, &service.live)?;
    // In memory nothing is on its way: leaves see all that is sent.
    let (sent, seen) = (run.extra(), run.extra_within(0..usize::MAX));
    ensure!((sent - seen).abs() < 1e-9, "{sent} more requests were sent, and {seen} arrived");
    Ok(run)
}

/// An answer has the parts of all leaves.
pub(crate) fn is_whole(body: &Bytes) -> anyhow::Result<()> {
    let parts: Vec<u8> = serde_json::from_slice(body)?;
    ensure!(parts.len() == LEAVES, "{} parts of {LEAVES}", parts.len());
    Ok(())
}
