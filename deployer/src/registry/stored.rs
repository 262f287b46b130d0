//! Where are credentials kept? In `config.json` as docker writes it, which podman's `auth.json` resembles, or
//! with a helper that it names: a program that is asked, and may take its time.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Credential, Fault, Reference};

/// What docker's `config.json` says, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// The name that Docker Hub's credentials are kept under.
const HUB: &str = "https://index.docker.io/v1/";

/// What a helper gives for a user when its secret is an identity token.
const TOKEN: &str = "<token>";

/// Some helpers ask their user.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the first of these files says that says anything of this registry; nobody, if none does.
pub(super) async fn find(files: &[PathBuf], reference: &Reference) -> Result<Credential, Fault> {
    for path in files {
        let text = match tokio::task::spawn_blocking({
            let path = path.clone();
            move || std::fs::read(path)
        })
        .await
        .map_err(io::Error::from)
        .flatten()
        {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Fault::file(path.clone(), &error)),
        };
        let config = serde_json::from_slice::<Config>(&text)
            .map_err(|error| Fault::File { path: path.clone(), why: error.to_string() })?;
        let found = config.credential(path, reference).await?;
        if found != Credential::Anonymous {
            return Ok(found);
        }
    }
    Ok(Credential::Anonymous)
}

impl Config {
    async fn credential(&self, path: &Path, reference: &Reference) -> Result<Credential, Fault> {
        let names = names(reference);
        let named = |name: &String| self.cred_helpers.iter().find(|(key, _)| bare(key) == *name);
        if let Some((key, helper)) = names.iter().find_map(named) {
            return ask(&program(helper), key, path).await;
        }
        let kept = |name: &String| self.auths.iter().find(|(key, _)| bare(key) == *name);
        if let Some((key, entry)) = names.iter().find_map(kept) {
            let found = entry.credential().ok_or_else(|| Fault::File {
                path: path.to_owned(),
                why: format!("`auths[{key:?}].auth` is not USER:PASSWORD in base64"),
            })?;
            if found != Credential::Anonymous {
                return Ok(found);
            }
        }
        if self.creds_store.is_empty() {
            return Ok(Credential::Anonymous);
        }
        let registry = reference.registry();
        let server = if registry.is_hub() { HUB } else { registry.as_str() };
        ask(&program(&self.creds_store), server, path).await
    }
}

/// What credentials for it may be kept under, the closest first: podman has some for a part of a registry.
fn names(reference: &Reference) -> Vec<String> {
    let registry = reference.registry();
    let whole = format!("{registry}/{}", reference.repository());
    let mut names: Vec<_> =
        whole.rmatch_indices('/').map(|(at, _)| whole[..at].to_owned()).collect();
    names.insert(0, whole);
    if registry.is_hub() {
        names.extend(["index.docker.io", "registry-1.docker.io"].map(str::to_owned));
    }
    names
}

/// A key without what older writers put around the registry.
fn bare(key: &str) -> &str {
    let key = key.trim_start_matches("https://").trim_start_matches("http://");
    let key = key.trim_end_matches('/');
    key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key)
}

impl Entry {
    /// What it says; `None` when it cannot be read.
    fn credential(&self) -> Option<Credential> {
        if !self.identitytoken.is_empty() {
            return Some(Credential::Identity(self.identitytoken.clone()));
        }
        if !self.registrytoken.is_empty() {
            return Some(Credential::Token(self.registrytoken.clone()));
        }
        if !self.auth.is_empty() {
            let text = String::from_utf8(FORGIVING.decode(self.auth.trim()).ok()?).ok()?;
            let (user, password) = text.split_once(':')?;
            let (user, password) = (user.to_owned(), password.trim_end_matches('\0').to_owned());
            return Some(Credential::Password { user, password });
        }
        if self.username.is_empty() {
            return Some(Credential::Anonymous);
        }
        let (user, password) = (self.username.clone(), self.password.clone());
        Some(Credential::Password { user, password })
    }
}

/// base64, with what fills it up or without.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a helper is called: always in the search path, never a path of its own.
fn program(helper: &str) -> String {
    format!("docker-credential-{}", helper.replace('/', "-"))
}

/// Asks a helper, without keeping others from their work.
pub(super) async fn ask(program: &str, server: &str, path: &Path) -> Result<Credential, Fault> {
    let fails =
        |why: String| Fault::Helper { program: program.to_owned(), path: path.to_owned(), why };
    let answer = timeout(PATIENCE, run(program, server)).await;
    let answer = answer.map_err(|_| fails(format!("no answer in {} s", PATIENCE.as_secs())))?;
    let output = answer.map_err(|error| fails(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        // The protocol has no other sign for it.
        if said.contains("credentials not found") {
            return Ok(Credential::Anonymous);
        }
        let more = String::from_utf8_lossy(&output.stderr);
        return Err(fails(format!(
            "{} ({})",
            [said.trim(), more.trim()].join(" ").trim(),
            output.status
        )));
    }
    let helped = serde_json::from_slice::<Helped>(&output.stdout);
    // Nothing of what it said: there may be a secret in it.
    let Helped { username, secret } =
        helped.map_err(|_| fails("its answer has no Username and Secret in JSON".to_owned()))?;
    Ok(if username == TOKEN {
        Credential::Identity(secret)
    } else {
        Credential::Password { user: username, password: secret }
    })
}

async fn run(program: &str, server: &str) -> io::Result<std::process::Output> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // One that needs no question need not read it.
        match input.write_all(server.as_bytes()).await {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    child.wait_with_output().await
}
