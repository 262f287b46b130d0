//! Are all pods heard, those that come, too?

use std::collections::BTreeSet;
use std::sync::Mutex;

use anyhow::{bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use metaparticle::cluster::{Line, Logs, Style};
use metaparticle_testbed::in_namespace;
use metaparticle_testbed::workload::task;
use tokio::sync::Notify;

use crate::world::World;

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_pod_that_comes_is_heard_and_no_line_is_told_twice() {
    in_namespace("logs", async |space| {
        let world = World::new(space).await?;
        world.deploy(&world.web(1)?).await?;
        let (lines, new) = (Mutex::new(Vec::new()), Notify::new());
        let heard = |line: Line| {
            lines.lock().expect("the lines").push(line);
            new.notify_one();
        };
        // Its probes ask once a second, and it says so.
        let until = async |pods: usize| {
            loop {
                let said = lines
                    .lock()
                    .expect("the lines")
                    .iter()
                    .filter_map(pod)
                    .collect::<BTreeSet<_>>();
                if said.len() == pods {
                    return;
                }
                new.notified().await;
            }
        };
        let logs = Logs::of_service("web").followed();
        let test = async {
            until(1).await;
            let pods = space.api::<Pod>().list(&Default::default()).await?.items;
            space.remove::<Pod>(&pods[0].name_any()).await?;
            until(2).await;
            Ok::<_, anyhow::Error>(())
        };
        tokio::select! {
            ended = world.cluster.logs(&logs, &heard) => bail!("it ended: {ended:?}"),
            done = test => done?,
        }
        let lines = lines.lock().expect("the lines");
        let times = lines.iter().filter_map(|line| match line {
            Line::Said { pod, time, .. } => Some((pod.clone(), time.clone())),
            _ => None,
        });
        let times = times.collect::<Vec<_>>();
        ensure!(times.iter().collect::<BTreeSet<_>>().len() == times.len(), "twice: {times:?}");
        let detected = lines.iter().filter(|line| matches!(line, Line::Detected { .. })).count();
        ensure!(detected == 2, "{detected} containers were detected");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn what_was_said_so_far_is_told_and_ends() {
    in_namespace("said", async |space| {
        let world = World::new(space).await?;
        drop(space.apply(&task("confused", &world.image, &["aks"])?).await?);
        space
            .until("its end", "app=confused", |pods: &[Pod]| {
                (pods.first()?.status.as_ref()?.phase.as_deref() == Some("Failed")).then_some(())
            })
            .await?;
        let lines = Mutex::new(Vec::new());
        let heard =
            |line: Line| lines.lock().expect("the lines").push(line.written(Style::Compatible));
        world.cluster.logs(&Logs::of_service("confused"), &heard).await?;
        let said = lines.lock().expect("the lines").clone();
        ensure!(said == ["confused:main usage: replica, or replica ask URL…"], "{said:?}");
        Ok(())
    })
    .await;
}

fn pod(line: &Line) -> Option<String> {
    match line {
        Line::Said { pod, .. } => Some(pod.clone()),
        _ => None,
    }
}
