//! What does a person say to deploy something, and with which code does it end? The commands; what they do is
//! in the rooms before this one.
//!
//! | code | |
//! |---|---|
//! | 0 | it is done |
//! | 1 | it failed |
//! | 2 | `diff` found differences |
//! | 3 | what was said is wrong |
//! | 4 | the cluster cannot be reached |
//! | 5 | that is not permitted |
//! | 124 | it took too long |
//! | 130 | it was interrupted, and goes on in the cluster |

mod arguments;
mod doctor;
mod eject;
mod fault;
mod show;
mod talk;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use metaparticle_gateway::request::in_full;
use tokio_util::sync::CancellationToken;

use crate::application::Host;
use crate::cluster::{self, Cluster, Line, Logs, Style, Target, until_interrupted};
use crate::package::{self, Destination};
use crate::plan::Plan;
use crate::read::{self, Written};
use crate::render;
use crate::report::{Event, Told};
use crate::server;

use self::talk::{teller, token};

pub use self::arguments::{Arguments, Command, Common, Images, Output};
pub use self::fault::Fault;

/// `diff` found differences.
const DIFFERENT: u8 = 2;

/// Does what the arguments say: to the application of a file, or to `own`, that of the program itself. Begins a
/// runtime of its own.
pub fn main(own: Option<Written>, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody may be left to be told.
            error.print().ok();
            return ExitCode::from(if error.use_stderr() { fault::WRONG } else { 0 });
        }
    };
    let told = teller(arguments.common.output);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = runtime.map_err(Fault::Runtime).and_then(|runtime| {
        let asked = Asked { common: arguments.common, own, told: Arc::clone(&told) };
        // The runtime does not wait for what only reads, such as the logs.
        let ended = runtime.block_on(asked.run(arguments.command));
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|fault| {
        told(match fault {
            Fault::Cluster(cluster::Fault::Detached)
            | Fault::Server(server::Fault::Cluster(cluster::Fault::Detached)) => Event::Detached {},
            _ => Event::Failed { why: in_full(&fault) },
        });
        ExitCode::from(fault.exit_code())
    })
}

/// What was asked, of whom.
struct Asked {
    common: Common,
    own: Option<Written>,
    told: Arc<Told<'static>>,
}

impl Asked {
    async fn run(self, command: Command) -> Result<ExitCode, Fault> {
        match command {
            Command::Build { images, push, oci_layout, tar } => {
                self.build(&images, push, oci_layout.as_deref(), tar.as_deref()).await?;
            }
            Command::Plan => self.print(&render::yaml(&self.written()?.0.application.plan()))?,
            Command::Diff { images } => return self.diff(&images).await,
            Command::Deploy { images, dry_run: true, .. } => {
                return self.diff(&images).await.map(|_| ExitCode::SUCCESS);
            }
            Command::Deploy {
                images,
                timeout,
                wait_for_jobs,
                no_rollback,
                force_conflicts,
                ..
            } => {
                let options = cluster::Options {
                    timeout,
                    jobs_to_their_end: wait_for_jobs,
                    roll_back: !no_rollback,
                    force_conflicts,
                    ..self.options()
                };
                self.deploy(&images, &options).await?;
            }
            Command::Status { application } => return self.status(application).await,
            Command::Logs { application, follow, since, previous } => {
                let name = self.name(application)?;
                let logs = Logs { follow, since, previous, ..Logs::of_application(&name) };
                self.logs(&logs).await?;
            }
            Command::Rollback { revision, application, timeout, force_conflicts } => {
                let options = cluster::Options { timeout, force_conflicts, ..self.options() };
                self.rollback(revision, application, &options).await?;
            }
            Command::History { application } => {
                let name = self.name(application)?;
                let history = self.cluster().await?.history(&name).await?;
                self.show(history.as_slice(), show::history)?;
            }
            Command::Scale { services, application } => self.scale(&services, application).await?,
            Command::Delete { application, wait } => self.delete(application, wait).await?,
            Command::Eject { folder, force } => {
                let (written, home) = self.written()?;
                let files = eject::write(&written, &home, &folder, force)?;
                self.show(&files, |files| files.join("\n") + "\n")?;
            }
            Command::Doctor { images } => return self.doctor(&images).await,
            Command::Serve { listen, token_file, gateway } => {
                self.serve(listen, token_file.as_deref(), gateway).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn build(
        &self,
        images: &Images,
        push: bool,
        layout: Option<&Path>,
        tar: Option<&Path>,
    ) -> Result<(), Fault> {
        let (written, home) = self.written()?;
        let built = package::build(&written, &home, &*self.told).await?;
        for package::Built { program, image } in &built {
            let wrong = |cause| package::Fault::Image { program: program.name.to_string(), cause };
            if let Some(folder) = layout {
                image.write_layout(&folder.join(program.name.as_str())).map_err(wrong)?;
            }
            if let Some(folder) = tar {
                let file = folder.join(format!("{}.tar", program.name));
                image.write_tar(&file).map_err(wrong)?;
            }
        }
        if push && !built.is_empty() {
            // Only where nobody says where to, the cluster is asked.
            let cluster = match images.registry {
                Some(_) => None,
                None => Some(self.cluster().await?),
            };
            let to = self.destination(images, &written, cluster.as_ref()).await?;
            package::push(&built, &to, &*self.told).await?;
        }
        Ok(())
    }

    /// The plan, with the names that the programs' images have in the registry: there already where they are
    /// `pushed`, else as they would be.
    async fn plan(
        &self,
        (written, home): (Written, PathBuf),
        images: &Images,
        cluster: &Cluster,
        pushed: bool,
    ) -> Result<Plan, Fault> {
        if written.programs.is_empty() {
            return Ok(written.application.plan());
        }
        let to = self.destination(images, &written, Some(cluster)).await?;
        let built = package::build(&written, &home, &*self.told).await?;
        if pushed {
            package::push(&built, &to, &*self.told).await?;
        }
        Ok(package::named(written.application, &built, &to)?.plan())
    }

    /// Where images go: as was said, or as the cluster says.
    async fn destination(
        &self,
        images: &Images,
        written: &Written,
        cluster: Option<&Cluster>,
    ) -> Result<Destination, Fault> {
        let Images { registry, pull_registry, insecure_registry } = images;
        if let Some(registry) = registry {
            let pull = pull_registry.as_deref();
            return Ok(Destination::new(registry, pull, *insecure_registry)?);
        }
        if let Some(cluster) = cluster
            && let Some(local) = cluster.local_registry().await?
        {
            return Ok(Destination::new(&local.host, local.pulled_from.as_deref(), false)?);
        }
        let names: Vec<_> = written.programs.iter().map(|one| format!("`{}`", one.name)).collect();
        Err(package::Fault::Nowhere(names.join(", ")).into())
    }

    async fn diff(&self, images: &Images) -> Result<ExitCode, Fault> {
        let cluster = self.cluster().await?;
        let plan = self.plan(self.written()?, images, &cluster, false).await?;
        let differences = cluster.diff(&plan).await?;
        let different = differences.iter().any(|one| one.change.is_any());
        self.show(&differences, |all| show::differences(all))?;
        Ok(if different { ExitCode::from(DIFFERENT) } else { ExitCode::SUCCESS })
    }

    async fn deploy(&self, images: &Images, options: &cluster::Options) -> Result<(), Fault> {
        let cluster = self.cluster().await?;
        let (written, home) = self.written()?;
        // Where it goes is said, and may be refused, before anything is pushed.
        cluster.open(written.application.name().as_str(), options, &*self.told)?;
        let plan = self.plan((written, home), images, &cluster, true).await?;
        let deployed = cluster.deploy_there(&plan, options, &*self.told);
        until_interrupted(&options.stop, deployed).await?;
        Ok(())
    }

    async fn rollback(
        &self,
        revision: Option<u32>,
        application: Option<String>,
        options: &cluster::Options,
    ) -> Result<(), Fault> {
        let name = self.name(application)?;
        let cluster = self.cluster().await?;
        let done = cluster.rollback(&name, revision, options, &*self.told);
        until_interrupted(&options.stop, done).await?;
        Ok(())
    }

    async fn scale(
        &self,
        services: &[(String, u32)],
        application: Option<String>,
    ) -> Result<(), Fault> {
        let name = self.name(application)?;
        let cluster = self.cluster().await?;
        cluster.open(&name, &self.options(), &*self.told)?;
        for (service, count) in services {
            cluster.scale(&name, service, *count, &*self.told).await?;
        }
        Ok(())
    }

    async fn delete(&self, application: Option<String>, wait: bool) -> Result<(), Fault> {
        let name = self.name(application)?;
        let options = cluster::Options { wait, ..self.options() };
        let cluster = self.cluster().await?;
        let done = cluster.delete(&name, &options, &*self.told);
        until_interrupted(&options.stop, done).await?;
        Ok(())
    }

    async fn status(&self, application: Option<String>) -> Result<ExitCode, Fault> {
        let name = self.name(application)?;
        let status = self.cluster().await?.status(&name).await?;
        self.show(&status, show::status)?;
        Ok(if status.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn serve(
        &self,
        listen: SocketAddr,
        token_file: Option<&Path>,
        gateway: Option<Host>,
    ) -> Result<(), Fault> {
        let token = token_file.map(token).transpose()?;
        let token = token.or_else(crate::settings::server_token);
        let stop = CancellationToken::new();
        let options = server::Options { listen, token, gateway, stop: stop.clone() };
        let cluster = self.cluster().await?;
        let served = server::serve(cluster, options, Arc::clone(&self.told));
        Ok(until_interrupted(&stop, served).await?)
    }

    /// Until all was said; or, where more may come, until the person has enough.
    async fn logs(&self, logs: &Logs) -> Result<(), Fault> {
        let style = match self.common.output {
            Output::Json => Style::Json,
            Output::Text if io::stdout().is_terminal() => Style::Colour,
            Output::Text => Style::Plain,
        };
        let heard = move |line: Line| {
            let written = line.written(style);
            // Whoever does not read any more hears nothing.
            if line.is_said() || style == Style::Json {
                writeln!(io::stdout(), "{written}").ok();
            } else {
                writeln!(io::stderr(), "{written}").ok();
            }
        };
        let cluster = self.cluster().await?;
        tokio::select! {
            done = cluster.logs(logs, &heard) => Ok(done?),
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    }

    /// The application, and the folder where its programs' paths begin.
    fn written(&self) -> Result<(Written, PathBuf), Fault> {
        if let Some(own) = &self.own {
            return Ok((own.clone(), PathBuf::new()));
        }
        let file = &self.common.file;
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|cause| Fault::Unreadable { file: file.clone(), cause })?;
        let written = read::application(&text);
        let written =
            written.map_err(|mistakes| Fault::Mistaken { file: file.clone(), mistakes })?;
        Ok((written, file.parent().unwrap_or_else(|| Path::new("")).to_owned()))
    }

    /// The application that is meant.
    fn name(&self, said: Option<String>) -> Result<String, Fault> {
        match said {
            Some(name) => Ok(name),
            None => Ok(self.written()?.0.application.name().to_string()),
        }
    }

    fn target(&self) -> Target {
        let Common { kubeconfig, context, namespace, .. } = self.common.clone();
        Target { kubeconfig, context, namespace }
    }

    fn options(&self) -> cluster::Options {
        cluster::Options { production: self.common.yes, ..cluster::Options::default() }
    }

    async fn cluster(&self) -> Result<Cluster, Fault> {
        Ok(cluster::connect(&self.target()).await?)
    }

    /// A result: as people read it, or as JSON.
    fn show<T: serde::Serialize + ?Sized>(
        &self,
        result: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Fault> {
        match self.common.output {
            Output::Text => self.print(&text(result)),
            Output::Json => {
                let line = serde_json::to_string(result).expect("results are JSON");
                self.print(&(line + "\n"))
            }
        }
    }

    fn print(&self, text: &str) -> Result<(), Fault> {
        match io::stdout().write_all(text.as_bytes()) {
            // Whoever read it has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(Fault::Output),
        }
    }
}
