//! What does the environment say? The only room that reads it.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// When what is made says it was made, in seconds since 1970: the word of reproducible builds.
pub(crate) fn source_date_epoch() -> u64 {
    text("SOURCE_DATE_EPOCH").and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// Where this process's own libraries were looked for.
pub(crate) fn library_path() -> Vec<PathBuf> {
    let said = var("LD_LIBRARY_PATH").unwrap_or_default();
    env::split_paths(&said).filter(|path| path.is_absolute()).collect()
}

/// The files where `docker login` and `podman login` leave credentials, the first asked first.
pub(crate) fn credential_files() -> Vec<PathBuf> {
    let home = var("HOME").map(PathBuf::from);
    let docker = var("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| home.as_ref().map(|home| home.join(".docker")))
        .map(|folder| folder.join("config.json"));
    let named = var("REGISTRY_AUTH_FILE").map(PathBuf::from);
    let session = var("XDG_RUNTIME_DIR").map(|folder| PathBuf::from(folder).join(PODMAN));
    let own = var("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| home.map(|home| home.join(".config")))
        .map(|folder| folder.join(PODMAN));
    [named, docker, session, own].into_iter().flatten().collect()
}

const PODMAN: &str = "containers/auth.json";

/// What a server that keeps specs is told, so that it listens to us.
#[cfg(feature = "deploy")]
pub(crate) fn server_token() -> Option<String> {
    text("METAPARTICLE_TOKEN")
}

/// The Service of the gateway, for who cannot see that there is one.
#[cfg(feature = "deploy")]
pub(crate) fn gateway() -> Option<String> {
    text("METAPARTICLE_GATEWAY")
}

/// Whether somebody says where the kubeconfig is.
#[cfg(feature = "deploy")]
pub(crate) fn kubeconfig_said() -> bool {
    var("KUBECONFIG").is_some()
}

/// Who is at this machine.
#[cfg(feature = "deploy")]
pub(crate) fn user() -> Option<String> {
    ["USER", "LOGNAME"].into_iter().find_map(text)
}

/// The value of a variable that a program declares.
#[cfg(feature = "deploy")]
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var_os(name).and_then(|value| value.into_string().ok())
}

/// How wide the terminal is that errors go to; `None` where they go elsewhere.
#[cfg(feature = "deploy")]
pub(crate) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// What is empty was not said.
fn var(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn text(name: &str) -> Option<String> {
    var(name).and_then(|value| value.into_string().ok())
}
