//! How does a test start `mp-compiler`? In a folder of its own, with a kubeconfig whose context is the test's
//! namespace: the published libraries name none.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context as _, Result, ensure};
use kube::config::Kubeconfig;
use metaparticle_testbed::Space;
use tokio::process::Command;

/// The folder, and the program that is on its path.
#[derive(Debug)]
pub struct Desk {
    /// Where a spec and the plan files are.
    pub folder: PathBuf,
    kubeconfig: PathBuf,
    path: OsString,
}

impl Desk {
    /// A folder for a test's namespace; `compiler` is called `mp-compiler` there.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new(space: &Space, compiler: &Path) -> Result<Self> {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/compiler");
        let folder = target.join(space.name());
        let programs = folder.join("bin");
        fs::create_dir_all(&programs)?;
        fs::copy(compiler, programs.join("mp-compiler"))?;
        let mut config = Kubeconfig::read()?;
        for named in &mut config.contexts {
            let context = named.context.as_mut().context("a context")?;
            context.namespace = Some(space.name().to_owned());
        }
        let kubeconfig = folder.join("kubeconfig");
        // JSON is YAML, too.
        fs::write(&kubeconfig, serde_json::to_vec(&config)?)?;
        let before = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(programs).chain(std::env::split_paths(&before));
        let work = folder.join("work");
        fs::create_dir_all(&work)?;
        Ok(Self { folder: work, kubeconfig, path: std::env::join_paths(path)? })
    }

    /// A program in the folder, which finds the compiler and the cluster.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("PATH", &self.path)
            // The tests' gateway is beside the cluster: no class says that there is one.
            .env("METAPARTICLE_GATEWAY", "gateway.example")
            .kill_on_drop(true);
        command
    }

    /// What the compiler says to `line`.
    ///
    /// # Errors
    ///
    /// When it fails; then with what it said.
    pub async fn compile(&self, line: &str) -> Result<Output> {
        let output = self.command("mp-compiler").args(line.split_whitespace()).output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "mp-compiler {line}: {}\n{said}", output.status);
        Ok(output)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        drop(self.folder.parent().map(fs::remove_dir_all));
    }
}
