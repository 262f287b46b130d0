//! What do the published Metaparticle libraries start? `mp-compiler`: it reads the JSON that they write, and
//! deploys what that asks for.
//!
//! Its flags, names and files are the original's. What the original lost is done: patterns reach the gateway,
//! jobs have dry runs and schedules, the namespace is the context's, and all of it may be run again, which
//! changes nothing where nothing has changed. What is asked for goes to the standard output, what is told
//! about it beside that.

mod attach;
mod digests;
mod fault;
mod files;
mod flags;
mod remote;

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use metaparticle_gateway::request::in_full;
use tokio_util::sync::CancellationToken;

use self::fault::Fault;
use self::flags::Flags;
use crate::application::{Application, Host};
use crate::cluster::{self, Cluster, Options, Target, until_interrupted};
use crate::report::{Format, Report};
use crate::settings;
use crate::spec::{self, Reading, Setting};

/// Does what `words` say, which stand behind the program's name.
pub fn run(words: impl Iterator<Item = OsString>) -> ExitCode {
    let words = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let flags = match Flags::read(words) {
        Ok(flags) => flags,
        Err(flags::Fault::Help) => {
            say(&mut io::stdout(), &flags::Fault::Help.to_string());
            return ExitCode::SUCCESS;
        }
        Err(fault) => {
            tell(&format!("{fault}\n`mp-compiler --help` lists all flags"));
            return ExitCode::from(2);
        }
    };
    match perform(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            tell(&in_full(&fault));
            ExitCode::from(fault.exit_code())
        }
    }
}

fn perform(flags: &Flags) -> Result<(), Fault> {
    if flags.executor != "kubernetes" {
        return Err(Fault::Executor(flags.executor.clone()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Fault::Runtime)?;
    let stop = CancellationToken::new();
    runtime.block_on(until_interrupted(&stop, work(flags, &stop)))
}

async fn work(flags: &Flags, stop: &CancellationToken) -> Result<(), Fault> {
    let text = text(flags).await?;
    if flags.dry_run {
        let namespace = Some(flags.namespace.clone()).filter(|name| !name.is_empty());
        let application = read(&text, &Setting { namespace, ..Setting::default() }, !flags.delete)?;
        rehearse(flags, &application);
        return Ok(());
    }
    // What is wrong is told before anybody is asked.
    read(&text, &Setting::default(), false)?;
    let gateway = gateway(flags)?;
    let cluster = cluster::connect(&target(flags)).await?;
    let namespace = Some(cluster.place().namespace.clone());
    // A server deploys what it is given, and keeps it: it is not deployed from here, too.
    let deploys = flags.deploy && !flags.delete && flags.host.is_empty();
    // Who only listens asks nothing: an API server that is away for a while is waited for.
    let door = if deploys { cluster.door(gateway).await? } else { Setting::default().door };
    let application = read(&text, &Setting { door, namespace }, deploys)?;
    if flags.delete && !flags.deploy {
        tell("nothing is deleted with --deploy=false; leave it out to delete");
    } else if flags.delete {
        let report = Report::new(io::stderr(), Format::Plain);
        let options = Options { stop: stop.clone(), ..options() };
        cluster
            .delete(application.name().as_str(), &options, &move |event| report.tell(&event))
            .await?;
        return Ok(());
    } else if deploys {
        Box::pin(deploy(&cluster, application.clone(), stop)).await?;
    }
    if flags.attach {
        attach::attach(&cluster, &application, stop).await?;
    }
    Ok(())
}

/// The spec, as bytes: a file, which the server is given if one is named; else what the server has.
async fn text(flags: &Flags) -> Result<Vec<u8>, Fault> {
    let Flags { host, port, name, deploy, delete, dry_run, .. } = flags;
    if flags.file.is_empty() && !name.is_empty() && !host.is_empty() {
        return Ok(remote::get(host, *port, name).await?);
    }
    let text = local(flags)?;
    if !host.is_empty() && *deploy && !delete && !dry_run {
        let application = read(&text, &Setting::default(), true)?;
        remote::put(host, *port, application.name().as_str(), &text).await?;
    }
    Ok(text)
}

fn local(flags: &Flags) -> Result<Vec<u8>, Fault> {
    let unread = |source| Fault::Unread { file: flags.file.clone(), source };
    match flags.file.as_str() {
        "" if flags.name.is_empty() => Err(Fault::NoSpec),
        "" => Err(Fault::NoServer),
        "-" => {
            let mut text = Vec::new();
            io::stdin().read_to_end(&mut text).map_err(unread)?;
            Ok(text)
        }
        file => std::fs::read(file).map_err(unread),
    }
}

/// What the spec asks for; with its notes told, where it is about to be done.
fn read(text: &[u8], setting: &Setting, about_to: bool) -> Result<Application, Fault> {
    let Reading { application, notes } = spec::read(text, setting)?;
    for note in notes.iter().filter(|_| about_to) {
        tell(&format!("note: {note}"));
    }
    Ok(application)
}

/// The gateway that somebody names.
fn gateway(flags: &Flags) -> Result<Option<Host>, Fault> {
    let said = Some(flags.gateway.clone()).filter(|host| !host.is_empty());
    let said = said.or_else(settings::gateway).map(|host| host.parse());
    said.transpose().map_err(Fault::Gateway)
}

fn target(flags: &Flags) -> Target {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Target {
        kubeconfig: some(&flags.kubeconfig).map(Into::into),
        context: some(&flags.context),
        namespace: some(&flags.namespace),
    }
}

/// As the libraries expect: they have nobody to ask, and no flag to say so.
fn options() -> Options {
    Options { who: "mp-compiler".to_owned(), production: true, ..Options::default() }
}

/// What would be done, without asking any cluster.
fn rehearse(flags: &Flags, application: &Application) {
    let plan = application.plan();
    for object in &plan.objects {
        if flags.delete {
            tell(&format!("would delete {object}"));
        } else {
            say(&mut io::stdout(), files::text(object).trim_end());
        }
    }
}

async fn deploy(
    cluster: &Cluster,
    application: Application,
    stop: &CancellationToken,
) -> Result<(), Fault> {
    if application.services().is_empty() && application.jobs().is_empty() {
        return Ok(());
    }
    let application = digests::resolved(application).await;
    let plan = application.plan();
    let folder = Path::new(files::FOLDER);
    // They are for whoever wants to look: nothing depends on them.
    if let Err(error) = files::write(folder, &files::of(&application, &plan)) {
        tell(&format!("note: what is deployed cannot be written to {}: {error}", folder.display()));
    }
    let report = Report::new(io::stderr(), Format::Plain);
    let options = Options { stop: stop.clone(), ..options() };
    cluster.deploy(&plan, &options, &move |event| report.tell(&event)).await?;
    Ok(())
}

/// A line beside what was asked for. Nothing can be done where nobody listens.
fn tell(line: &str) {
    say(&mut io::stderr(), line);
}

fn say(to: &mut impl io::Write, line: &str) {
    drop(writeln!(to, "{line}"));
}
