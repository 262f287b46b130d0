//! Does one command deploy a program, and does it keep what it promises the next time? The example, before a
//! gateway: deployed, deployed again, changed under load, deleted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt as _;
use kube::api::ListParams;
use metaparticle_e2e::{Gateway, Load, world};
use metaparticle_testbed::{Space, figures, in_namespace, kubectl, program};
use serde_json::Value;
use tokio::process::Command;

use crate::QUIET;

const HOST: &str = "hello.example";

/// A folder with the program and its file, as `deploy/examples/hello` is one.
struct Desk {
    folder: PathBuf,
    deployer: PathBuf,
    namespace: String,
    registry: String,
}

impl Desk {
    async fn new(space: &Space) -> Result<Self> {
        let deployer = program::built("metaparticle").await?;
        let hello = program::built("hello").await?;
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = here.join("../../target/hello").join(space.name());
        fs::create_dir_all(&folder)?;
        fs::copy(hello, folder.join("hello"))?;
        let file = fs::read_to_string(here.join("../examples/hello/metaparticle.yaml"))?;
        let ours = file.replace("../../../target/release/hello", "hello");
        ensure!(ours != file, "the example names its program otherwise");
        fs::write(folder.join("metaparticle.yaml"), ours)?;
        let (namespace, registry) = (space.name().to_owned(), space.registry());
        Ok(Self { folder, deployer, namespace, registry })
    }

    async fn say(&self, words: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.deployer);
        command.current_dir(&self.folder).args(words).args(["--namespace", &self.namespace]);
        Ok(command.kill_on_drop(true).output().await?)
    }

    /// Deploys, and gives what was told, by the names of events.
    async fn deploy(&self) -> Result<BTreeMap<String, Value>> {
        let words = ["deploy", "--registry", &self.registry, "--output", "json"];
        let output = self.say(&words).await?;
        let said = String::from_utf8(output.stdout)?;
        ensure!(output.status.success(), "{}\n{said}", String::from_utf8_lossy(&output.stderr));
        let mut told = BTreeMap::new();
        for line in said.lines() {
            let event: Value = serde_json::from_str(line)?;
            told.insert(event["event"].as_str().context("an event")?.to_owned(), event);
        }
        Ok(told)
    }

    /// The same program but for one letter of what it says.
    fn change(&self) -> Result<()> {
        let path = self.folder.join("hello");
        let mut program = fs::read(&path)?;
        let (old, new) = (b"hello, world", b"hallo, world");
        let places: Vec<_> = (0..program.len() - old.len())
            .filter(|place| program[*place..].starts_with(old))
            .collect();
        ensure!(!places.is_empty(), "the example says something else");
        for place in places {
            program[place..place + new.len()].copy_from_slice(new);
        }
        Ok(fs::write(path, program)?)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// The pods, each with which one of its name it is, and how often it was restarted.
async fn pods(space: &Space) -> Result<BTreeMap<String, (Option<String>, i32)>> {
    let pods = space.api::<Pod>().list(&ListParams::default().labels("app=hello")).await?;
    let restarts = |pod: &Pod| {
        let statuses =
            pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        statuses.map(|status| status.restart_count).sum()
    };
    Ok(pods.items.iter().map(|pod| (pod.name_any(), (pod.uid(), restarts(pod)))).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_program_is_deployed_again_for_nothing_and_changed_under_load_without_a_failure() {
    let _quiet = QUIET.write().await;
    in_namespace("hello", async |space| {
        let desk = Desk::new(space).await?;
        let gateway = Gateway::start(space).await?;

        let first = desk.deploy().await?;
        ensure!(first["pushed"]["uploaded"].as_u64() > Some(0), "{first:?}");
        world::known(&gateway, &format!("{}/hello:8080", space.name()), 4).await?;
        let answer = gateway.asker().get(HOST, "/").await?;
        ensure!(answer.status == 200 && answer.body.contains("hello, world"), "{answer:?}");

        let before = pods(space).await?;
        let second = desk.deploy().await?;
        ensure!(second["pushed"]["uploaded"] == 0, "{second:?}");
        ensure!(second["live"]["changed"] == false, "{second:?}");
        ensure!(before.len() == 4 && pods(space).await? == before, "pods were replaced");
        let unchanged = desk.say(&["diff", "--registry", &desk.registry]).await?;
        ensure!(unchanged.status.code() == Some(0), "{unchanged:?}");

        desk.change()?;
        let load = Load { host: HOST.to_owned(), rate: 500, keys: 100, connections: 32 };
        let loading = load.begin(gateway.address);
        let third = desk.deploy().await;
        let outcome = loading.end().await;
        let third = third?;
        ensure!(third["live"]["revision"] == 2, "{third:?}");
        ensure!(outcome.failures() == 0 && outcome.asked > 500, "{outcome:?}");
        let answer = gateway.asker().get(HOST, "/").await?;
        ensure!(answer.body.contains("hallo, world"), "{answer:?}");
        let times = |told: &BTreeMap<String, Value>| {
            ["built", "pushed", "live"].map(|event| told[event]["seconds"].to_string()).join(", ")
        };
        figures::tell(
            "hello",
            &format!(
                "hello: built, pushed, live in {} s; again in {} s; changed in {} s: {} asked, 0 failed",
                times(&first),
                times(&second),
                times(&third),
                outcome.asked
            ),
        );

        let deleted = desk.say(&["delete", "--wait"]).await?;
        ensure!(deleted.status.success(), "{deleted:?}");
        let kinds = "all,ingress,configmap,lease,poddisruptionbudget,serviceaccount,role,rolebinding";
        let left = ["-n", space.name(), "get", kinds, "-l", "app.kubernetes.io/part-of=hello", "-o", "name"];
        ensure!(kubectl(&left).await?.is_empty(), "something is left");
        let maps = space.api::<ConfigMap>().list(&ListParams::default()).await?;
        ensure!(maps.items.iter().all(|map| !map.name_any().starts_with("mp-")), "{maps:?}");
        Ok(())
    })
    .await;
}
