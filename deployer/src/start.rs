//! What does the program do that its user runs? What its first argument says; without one, it runs here.
//!
//! ```text
//! cargo run                       all of it in this process, on loopback
//! cargo run -- serve              one part of it, in a pod: the environment says which
//! cargo run -- deploy, plan, …    what the deployer does with an application
//! ```

use std::ffi::OsString;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::application::Application;
use crate::cli;
use crate::local::Options;
use crate::pattern::App;
use crate::read::{Program, Written};
use crate::scope::{Files, Memory, Store};
use crate::{log, pod};

/// The exit code of an application that is not right.
const WRONG: u8 = 3;
/// Of the deployer it is the REST API, of a program its part in a pod.
const SERVE: &str = "serve";

#[derive(Debug, Parser)]
#[command(
    max_term_width = 100,
    subcommand_value_name = "COMMAND",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    here: Here,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all of it on this machine: what it does without a command
    Run {
        #[command(flatten)]
        here: Here,
    },
    /// Be one part of it, as the environment of a pod says
    #[command(hide = true)]
    Serve,
    /// What the deployer does with it: `deploy`, `plan`, `diff`, `status`, `logs`, `delete`, …
    #[command(external_subcommand)]
    Deployer(Vec<OsString>),
}

#[derive(Debug, Args)]
struct Here {
    /// Where it is asked
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the gateway tells what it does
    #[arg(long, default_value = "127.0.0.1:9900")]
    admin: SocketAddr,
    /// Where replicas are killed and revived
    #[arg(long, default_value = "127.0.0.1:9901")]
    control: SocketAddr,
    /// A folder for scopes; without it they are forgotten at the end
    #[arg(long)]
    scopes: Option<PathBuf>,
}

impl App {
    /// Does what the program's arguments say: without any, runs all of it here until Ctrl-C.
    ///
    /// A program that has arguments of its own calls [`main_with`](Self::main_with).
    pub fn main(self) -> ExitCode {
        self.main_with(std::env::args_os())
    }

    /// The same with these arguments, of which the first is the program's name.
    pub fn main_with(self, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
        let matches = command().try_get_matches_from(arguments);
        let read =
            matches.and_then(|matches| Ok((Arguments::from_arg_matches(&matches)?, matches)));
        let (arguments, matches) = match read {
            Ok(read) => read,
            Err(wrong) => {
                // Help is no mistake, and is written to standard output.
                let code = if wrong.use_stderr() { WRONG } else { 0 };
                wrong.print().ok();
                return ExitCode::from(code);
            }
        };
        if let (Some(Command::Deployer(words)), Some(flag)) = (&arguments.command, said(&matches)) {
            let word = words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
            let why = format!(
                "`--{flag}` is for a run on this machine: what is for `{word}` stands behind it"
            );
            return failed(&why, WRONG);
        }
        if let Err(mistakes) = self.check() {
            return failed(&format!("the application is not right:\n{mistakes}"), WRONG);
        }
        match arguments.command {
            None => self.here(arguments.here),
            Some(Command::Run { here }) => self.here(here),
            Some(Command::Serve) => {
                log::init();
                block_on(pod::serve(self))
            }
            Some(Command::Deployer(words)) => match self.application() {
                Ok(application) => deployer(application, words),
                Err(mistakes) => failed(&mistakes.to_string(), WRONG),
            },
        }
    }

    fn here(self, here: Here) -> ExitCode {
        log::init();
        block_on(self.run_here(here))
    }

    /// Runs until Ctrl-C; or, where there is nothing but jobs, until they have ended.
    async fn run_here(self, here: Here) -> Result<(), String> {
        let text = |why: std::io::Error| why.to_string();
        // Heard before anybody is told that it runs.
        let mut interrupt = signal(SignalKind::interrupt()).map_err(text)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(text)?;
        let scopes: Arc<dyn Store> = match here.scopes {
            Some(folder) => Arc::new(Files::new(folder)),
            None => Arc::new(Memory::default()),
        };
        let Here { listen, admin, control, .. } = here;
        let options = Options { listen, admin, control, scopes };
        let local = self.start_with(options).await.map_err(|why| why.to_string())?;
        say(local.text());
        let only_jobs = self.services.is_empty() && self.leaders.is_empty();
        let done = tokio::select! {
            done = local.finished(), if only_jobs => done.map_err(|why| why.in_full()),
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        };
        say("\nending…\n");
        tokio::select! {
            () = local.stop() => done,
            _ = interrupt.recv() => Err("ended at once, at the second signal".to_owned()),
        }
    }
}

/// What the program understands; that is also what the deployer does.
fn command() -> clap::Command {
    let deployer = cli::Arguments::command();
    let commands = deployer.get_subcommands().filter(|one| one.get_name() != SERVE);
    let about = |one: &clap::Command| one.get_about().map(ToString::to_string).unwrap_or_default();
    let lines = commands.map(|one| format!("  {:<9} {}\n", one.get_name(), about(one)));
    let lines: String = lines.collect();
    Arguments::command().after_help(format!("In a cluster (COMMAND --help says more):\n{lines}"))
}

/// A flag of [`Here`] that was said.
fn said(matches: &ArgMatches) -> Option<&'static str> {
    let is_said = |flag: &&str| matches.value_source(flag) == Some(ValueSource::CommandLine);
    ["listen", "admin", "control", "scopes"].into_iter().find(is_said)
}

/// What the deployer does with an application whose image is this very program.
pub(crate) fn deployer(application: Application, words: Vec<OsString>) -> ExitCode {
    let name = application.name().clone();
    let images = application.images().into_iter().cloned();
    let path = PathBuf::from(crate::image::OWN);
    let program = |image| Program { name: name.clone(), path: path.clone(), image };
    let programs = images.map(program).collect();
    let words = std::iter::once(name.as_str().into()).chain(words);
    cli::main(Some(Written { application, programs }), words)
}

fn block_on(work: impl Future<Output = Result<(), String>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(|why| why.to_string()).and_then(|runtime| {
        let done = runtime.block_on(work);
        // What still runs was told to end, and has had its time.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why, 1),
    }
}

fn failed(why: &str, code: u8) -> ExitCode {
    // Nobody may be left to be told.
    writeln!(std::io::stderr(), "error: {why}").ok();
    ExitCode::from(code)
}

fn say(text: &str) {
    // Whoever read it may have closed the pipe.
    std::io::stdout().write_all(text.as_bytes()).ok();
}
