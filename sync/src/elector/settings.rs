//! What was the elector told? Its flags, each with its environment variable; nobody else reads the
//! environment.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Takes locks for programs in any language, over HTTP on loopback.
#[derive(Debug, Parser)]
#[command(name = "elector", version, about, max_term_width = 100)]
pub struct Settings {
    /// Where to listen on loopback, and as whom: a port, or PORT=NAME for one of several containers
    #[arg(
        long,
        value_name = "PORT[=NAME]",
        env = "METAPARTICLE_ELECTOR_LISTEN",
        value_delimiter = ',',
        default_value = "13131",
        value_parser = listener
    )]
    pub listen: Vec<Listener>,
    /// A port besides, for old clients in Go and Rust, which ask at 8080
    #[arg(long, value_name = "PORT", env = "METAPARTICLE_ELECTOR_COMPAT_PORT")]
    pub compat_port: Option<u16>,
    /// The namespace of the Leases [default: the pod's own]
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE")]
    pub namespace: Option<String>,
    /// Who this is in Leases: the pod's uid, from the downward API [default: made up, and kept in --state]
    #[arg(long, value_name = "TEXT", env = "POD_UID")]
    pub identity: Option<String>,
    /// The pod, for people who read Leases, and for --on-lost delete-pod
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pub pod: Option<String>,
    /// A folder that outlives this process: an emptyDir
    #[arg(long, value_name = "FOLDER", env = "METAPARTICLE_ELECTOR_STATE")]
    pub state: Option<PathBuf>,
    /// How much longer to wait for a holder that fell silent
    #[arg(long, value_name = "SECONDS", env = "METAPARTICLE_ELECTOR_LOCK_DELAY", default_value = "0", value_parser = seconds)]
    pub lock_delay: Duration,
    /// What to do when a lock is lost that a client counted on, which may not notice
    #[arg(long, value_enum, env = "METAPARTICLE_ELECTOR_ON_LOST", default_value = "none")]
    pub on_lost: OnLost,
    /// This is a native side-car: when it is told to end, the application has ended already
    #[arg(long, env = "METAPARTICLE_ELECTOR_NATIVE_SIDECAR")]
    pub native_sidecar: bool,
    /// After SIGTERM: how long clients may go on asking for what they hold
    #[arg(long, value_name = "SECONDS", env = "METAPARTICLE_ELECTOR_DRAIN_TIMEOUT", default_value = "25", value_parser = seconds)]
    pub drain_timeout: Duration,
    /// Keep the locks in this process alone: to try it without a cluster
    #[arg(long, env = "METAPARTICLE_ELECTOR_MEMORY")]
    pub memory: bool,
    /// Only ask whether the elector at the first --listen is ready: for probes, which cannot reach loopback
    #[arg(long)]
    pub probe: bool,
}

/// What to do when a lock is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnLost {
    /// Say so in the log and in the metrics
    None,
    /// Delete the pod: the only thing that stops a client that does not listen
    DeletePod,
}

/// A port on loopback, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// Who asks there, where there are several in one pod.
    pub name: Option<String>,
}

fn listener(text: &str) -> Result<Listener, String> {
    let (port, name) = match text.split_once('=') {
        Some((port, name)) if !name.is_empty() => (port, Some(name.to_owned())),
        Some(_) => return Err("a listener is a port, or PORT=NAME: 13131, 13133=worker".to_owned()),
        None => (text, None),
    };
    let port = port
        .parse()
        .map_err(|_| "a port is a number below 65536: 13131, 13133=worker".to_owned())?;
    Ok(Listener { port, name })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let whole = text.strip_suffix('s').unwrap_or(text).parse().map(Duration::from_secs);
    whole.map_err(|_| "a time is a whole number of seconds: 15".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{Listener, Settings};

    #[test]
    fn a_listener_may_have_a_name() {
        let of = |args: &[&str]| {
            Settings::try_parse_from([&["elector"], args].concat()).map(|all| all.listen)
        };
        let listener = |port, name: Option<&str>| Listener { port, name: name.map(str::to_owned) };
        assert_eq!(of(&[]).expect("a default"), [listener(13131, None)]);
        let two = of(&["--listen", "13131=a,13133=b"]).expect("two");
        assert_eq!(two, [listener(13131, Some("a")), listener(13133, Some("b"))]);
        for wrong in ["", "x", "1=", "65536"] {
            let refused = of(&["--listen", wrong]).expect_err(wrong).to_string();
            assert!(refused.contains("13133=worker"), "{refused}");
        }
    }
}
