//! Does a node run what was packed without Docker? A program that asks for libraries is compiled on the spot,
//! and its image has them; containerd unpacks it, and a pod runs it as restricted as pods can be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use metaparticle::image::{self, Options};
use metaparticle::registry::{self, Reference};
use metaparticle_testbed::in_namespace;
use serde_json::json;

const SOURCE: &str = r#"
    use std::net::ToSocketAddrs as _;
    fn main() {
        println!("kubernetes found: {}", ("kubernetes.default.svc", 443).to_socket_addrs().is_ok());
        println!("tmp is ours: {}", std::fs::write("/tmp/mark", "x").is_ok());
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let user = status.lines().find_map(|line| line.strip_prefix("Uid:\t")).unwrap_or_default();
        println!("user: {}", user.split('\t').next().unwrap_or_default());
        println!("libraries: {}", std::path::Path::new("/lib/x86_64-linux-gnu/libc.so.6").exists()
            || std::path::Path::new("/lib/aarch64-linux-gnu/libc.so.6").exists()
            || std::path::Path::new("/lib64/libc.so.6").exists());
    }
"#;

fn compiled() -> Result<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packed");
    fs::create_dir_all(&place)?;
    let (source, program) = (place.join("hello.rs"), place.join("hello"));
    fs::write(&source, SOURCE)?;
    let rustc = Command::new("rustc").arg("-o").arg(&program).arg(&source).status();
    ensure!(rustc.context("rustc")?.success(), "rustc does not compile it");
    Ok(program)
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_program_with_the_libraries_it_brings_runs_on_a_node_without_any() {
    in_namespace("packed", async |space| {
        let image = image::of(&compiled()?, &Options::default())?;
        let to: Reference = format!("{}/{}", space.registry(), space.name()).parse()?;
        let options = registry::Options::default();
        let pushed = registry::push(&image, &to, &options, &|_| {}).await?;
        let again = registry::push(&image, &to, &options, &|_| {}).await?;
        ensure!(again.uploaded_bytes == 0, "an unchanged image is sent again");
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "hello", "labels": { "app": "hello" } },
            "spec": {
                "restartPolicy": "Never",
                "securityContext": {
                    "runAsNonRoot": true,
                    "seccompProfile": { "type": "RuntimeDefault" },
                },
                "containers": [{
                    "name": "main",
                    "image": pushed.reference.to_string(),
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "capabilities": { "drop": ["ALL"] },
                    },
                }],
            },
        }))?;
        space.apply(&pod).await?;
        let ended = |pods: &[Pod]| {
            let status = pods.first()?.status.as_ref()?;
            let phase = status.phase.clone().filter(|it| it == "Succeeded" || it == "Failed")?;
            let id = status.container_statuses.as_ref()?.first()?.image_id.clone();
            Some((phase, id))
        };
        let (phase, id) = space.until("its end", "app=hello", ended).await?;
        let said = space.logs("hello").await?;
        ensure!(phase == "Succeeded", "{said}");
        ensure!(id.ends_with(image.digest().as_str()), "another image ran: {id}");
        let wanted = "kubernetes found: true\ntmp is ours: true\nuser: 65532\nlibraries: true\n";
        ensure!(said == wanted, "{said}");
        Ok(())
    })
    .await;
}
