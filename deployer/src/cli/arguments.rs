//! What was `metaparticle`, or a program that deploys itself, asked to do? Its commands and their flags;
//! what they do is in the rooms.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use metaparticle_gateway::words::unit;

use crate::application::{Host, Wrong};

/// Packages programs, deploys them behind the gateway, and looks after them.
#[derive(Debug, Parser)]
#[command(name = "metaparticle", version, about, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Where, and how it is told.
    #[command(flatten)]
    pub common: Common,
}

/// What all commands understand.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Common {
    /// The application's file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "METAPARTICLE_FILE",
        default_value = "metaparticle.yaml"
    )]
    pub file: PathBuf,
    /// The kubeconfig; that of KUBECONFIG, ~/.kube/config, or the pod's account, where nothing is said
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; the current one, where nothing is said
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The namespace; the context's, where nothing is said
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Also where the context's name speaks of production
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// For people, or one JSON object a line
    #[arg(short, long, global = true, value_name = "FORM", default_value = "text")]
    pub output: Output,
}

/// Who reads what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// People.
    Text,
    /// Machines.
    Json,
}

/// Where images are pushed to, and pulled from.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Images")]
pub struct Images {
    /// The registry, and the path in it, that images are pushed to; what the cluster says of itself
    /// (`kube-public/local-registry-hosting`), where nothing is said
    #[arg(long, value_name = "HOST[/PATH]", env = "METAPARTICLE_REGISTRY")]
    pub registry: Option<String>,
    /// What nodes call it, where that is another name
    #[arg(long, value_name = "HOST[/PATH]", env = "METAPARTICLE_PULL_REGISTRY")]
    pub pull_registry: Option<String>,
    /// Speak plain HTTP to it; on loopback that needs no word
    #[arg(long)]
    pub insecure_registry: bool,
}

/// One thing to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make images of the programs; push them, or write them to a folder or a file
    Build {
        /// Where to push to.
        #[command(flatten)]
        images: Images,
        /// Push them, too
        #[arg(long)]
        push: bool,
        /// Write an OCI layout, a folder for each program, into this folder
        #[arg(long, value_name = "FOLDER")]
        oci_layout: Option<PathBuf>,
        /// Write an archive of each program into this folder
        #[arg(long, value_name = "FOLDER")]
        tar: Option<PathBuf>,
    },
    /// Show the objects that would be applied, in order; asks nobody
    Plan,
    /// Show what a deploy would change; exits with 2 when it would
    Diff {
        /// Where images would go; they are packaged, but not pushed.
        #[command(flatten)]
        images: Images,
    },
    /// Package, push, apply, and wait until all is ready; what fails is rolled back
    Deploy {
        /// Where images go.
        #[command(flatten)]
        images: Images,
        /// How long to wait
        #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
        timeout: Duration,
        /// Wait until jobs have ended well, too; else until they run
        #[arg(long)]
        wait_for_jobs: bool,
        /// Leave what failed as it is
        #[arg(long)]
        no_rollback: bool,
        /// Only ask the API server what it would do: nothing is pushed, nothing is written
        #[arg(long)]
        dry_run: bool,
        /// Take fields that somebody else has changed since
        #[arg(long)]
        force_conflicts: bool,
    },
    /// Show what of an application runs, and whether it is well
    Status {
        /// The application; the file's, where nothing is said.
        application: Option<String>,
    },
    /// Show what an application's pods say
    Logs {
        /// The application; the file's, where nothing is said.
        application: Option<String>,
        /// Go on with what they will say, and with pods to come
        #[arg(short, long)]
        follow: bool,
        /// Only what was said in the last so much time
        #[arg(long, value_name = "TIME", value_parser = time)]
        since: Option<Duration>,
        /// What containers said before they were restarted
        #[arg(long, conflicts_with = "follow")]
        previous: bool,
    },
    /// Apply an earlier revision again: the one before, where none is named
    Rollback {
        /// Which, as `history` shows it.
        revision: Option<u32>,
        /// The application; the file's, where nothing is said
        #[arg(long, value_name = "NAME")]
        application: Option<String>,
        /// How long to wait
        #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
        timeout: Duration,
        /// Take fields that somebody else has changed since
        #[arg(long)]
        force_conflicts: bool,
    },
    /// Show the revisions that were deployed
    History {
        /// The application; the file's, where nothing is said.
        application: Option<String>,
    },
    /// Have more or fewer instances of services, until the next deploy
    Scale {
        /// Which service, and how many: `web=5`.
        #[arg(required = true, value_name = "SERVICE=COUNT", value_parser = scaled)]
        services: Vec<(String, u32)>,
        /// The application; the file's, where nothing is said
        #[arg(long, value_name = "NAME")]
        application: Option<String>,
    },
    /// Delete an application, and all that was made for it; that there is none is no fault
    Delete {
        /// The application; the file's, where nothing is said.
        application: Option<String>,
        /// Until it is gone
        #[arg(long)]
        wait: bool,
    },
    /// Write the objects as YAML and a Dockerfile for each program, to go on without this tool
    Eject {
        /// The folder.
        folder: PathBuf,
        /// Also where files are in the way
        #[arg(long)]
        force: bool,
    },
    /// Find out what would keep a deploy from working
    Doctor {
        /// Where images are.
        #[command(flatten)]
        images: Images,
    },
    /// Serve the REST API of the original: whatever is put there is deployed
    Serve {
        /// Where to listen
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// The file with the token that callers must bear, which METAPARTICLE_TOKEN may say, too; needed where
        /// others than this machine can call
        #[arg(long, value_name = "FILE", env = "METAPARTICLE_TOKEN_FILE")]
        token_file: Option<PathBuf>,
        /// The gateway's Service, where no class of Ingresses says that there is one
        #[arg(long, value_name = "HOST", value_parser = host)]
        gateway: Option<Host>,
    },
}

fn time(text: &str) -> Result<Duration, String> {
    let read = unit::read_time(text);
    read.ok_or_else(|| "a time with its unit (ms, s, m, h), such as `90s`".to_owned())
}

fn host(text: &str) -> Result<Host, String> {
    text.parse().map_err(|wrong: Wrong| wrong.to_string())
}

fn scaled(text: &str) -> Result<(String, u32), String> {
    let read = text.split_once('=').and_then(|(name, count)| {
        Some((name.to_owned(), count.parse().ok()?)).filter(|_| !name.is_empty())
    });
    read.ok_or_else(|| "a service and a number, such as `web=5`".to_owned())
}
