//! What was the compiler asked to do? The flags of the original, in every spelling that it understood.
//!
//! It read them as Go programs with `pflag` do: `--name=value`, `--name value`, `-nvalue`, `-n value`,
//! `-n=value`, `--flag` and `--flag=false` for what is on or off, flags and
//! other words in any order, nothing after `--`.

use std::iter::Peekable;
use std::vec::IntoIter;

use thiserror::Error;

/// All flags with their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) port: u16,
    pub(super) host: String,
    pub(super) file: String,
    pub(super) name: String,
    pub(super) dry_run: bool,
    pub(super) delete: bool,
    pub(super) deploy: bool,
    pub(super) attach: bool,
    pub(super) executor: String,
    pub(super) namespace: String,
    pub(super) gateway: String,
    pub(super) kubeconfig: String,
    pub(super) context: String,
    /// `-v`: how much is told.
    pub(super) verbosity: u8,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            port: 8080,
            host: String::new(),
            file: String::new(),
            name: String::new(),
            dry_run: false,
            delete: false,
            deploy: true,
            attach: false,
            executor: "kubernetes".to_owned(),
            namespace: String::new(),
            gateway: String::new(),
            kubeconfig: String::new(),
            context: String::new(),
            verbosity: 0,
        }
    }
}

/// Why flags cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Fault {
    /// Nobody knows it.
    #[error("unknown flag: {0}")]
    Unknown(String),
    /// It has no value.
    #[error("flag needs an argument: {0}")]
    NoValue(String),
    /// It has a value that it cannot have.
    #[error("invalid argument {value:?} for {flag}: {allowed}")]
    Value {
        /// The flag, as it was written.
        flag: String,
        /// Its value.
        value: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// Somebody asks what flags there are.
    #[error("{}", usage())]
    Help,
}

/// Where a flag's value goes.
enum Slot {
    Switch(fn(&mut Flags) -> &mut bool),
    Text(fn(&mut Flags) -> &mut String),
    Port,
    Verbosity,
    /// One of glog's that changes nothing here: all that is told goes to the standard error output.
    Passed {
        switch: bool,
    },
}

struct Flag {
    name: &'static str,
    short: Option<char>,
    slot: Slot,
    about: &'static str,
}

const fn flag(name: &'static str, slot: Slot, about: &'static str) -> Flag {
    Flag { name, short: None, slot, about }
}

const fn short(short: char, flag: Flag) -> Flag {
    Flag { short: Some(short), ..flag }
}

/// All of them: the original's, then glog's, then ours.
const TABLE: [Flag; 20] = [
    flag(
        "attach",
        Slot::Switch(|to| &mut to.attach),
        "show the logs: of services until it is ended",
    ),
    flag("delete", Slot::Switch(|to| &mut to.delete), "delete instead of deploying"),
    flag("deploy", Slot::Switch(|to| &mut to.deploy), "deploy (true), or only attach (false)"),
    flag("dry-run", Slot::Switch(|to| &mut to.dry_run), "print the objects, and do nothing"),
    flag("executor", Slot::Text(|to| &mut to.executor), "kubernetes"),
    short(
        'f',
        flag(
            "file",
            Slot::Text(|to| &mut to.file),
            "the spec to deploy; `-` reads it from the input",
        ),
    ),
    flag(
        "host",
        Slot::Text(|to| &mut to.host),
        "the server that keeps specs (`metaparticle serve`)",
    ),
    short('n', flag("name", Slot::Text(|to| &mut to.name), "the spec to get from that server")),
    flag("port", Slot::Port, "that server's port (8080)"),
    short('v', flag("v", Slot::Verbosity, "how much is told, from 0")),
    flag("logtostderr", Slot::Passed { switch: true }, "as always"),
    flag("alsologtostderr", Slot::Passed { switch: true }, "as always"),
    flag("stderrthreshold", Slot::Passed { switch: false }, "without effect"),
    flag("vmodule", Slot::Passed { switch: false }, "without effect"),
    flag("log_dir", Slot::Passed { switch: false }, "without effect"),
    flag("log_backtrace_at", Slot::Passed { switch: false }, "without effect"),
    flag(
        "kubeconfig",
        Slot::Text(|to| &mut to.kubeconfig),
        "instead of KUBECONFIG and ~/.kube/config",
    ),
    flag("context", Slot::Text(|to| &mut to.context), "instead of the file's current context"),
    flag("namespace", Slot::Text(|to| &mut to.namespace), "instead of the context's"),
    flag(
        "gateway",
        Slot::Text(|to| &mut to.gateway),
        "the gateway's Service, where no class says that there is one (METAPARTICLE_GATEWAY)",
    ),
];

const SWITCH: &str = "`true` or `false`";

impl Flags {
    /// Reads what stands behind the program's name.
    pub(super) fn read(words: Vec<String>) -> Result<Self, Fault> {
        let mut flags = Self::default();
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            if word == "--" {
                break;
            } else if let Some(long) = word.strip_prefix("--") {
                flags.long(&word, long, &mut words)?;
            } else if word.len() > 1 && word.starts_with('-') {
                flags.short(&word, &mut words)?;
            }
        }
        Ok(flags)
    }

    fn long(&mut self, word: &str, text: &str, rest: &mut Rest) -> Result<(), Fault> {
        let (name, value) =
            text.split_once('=').map_or((text, None), |(name, it)| (name, Some(it)));
        if name == "help" {
            return Err(Fault::Help);
        }
        let plain = |name: &str| name.replace('_', "-");
        let found = TABLE.iter().find(|flag| plain(flag.name) == plain(name));
        let flag = found.ok_or_else(|| Fault::Unknown(format!("--{name}")))?;
        let value = match value {
            Some(value) => value.to_owned(),
            None => flag.value_behind(word, rest)?,
        };
        self.set(flag, &format!("--{name}"), value)
    }

    /// `-f file`, `-ffile`, `-f=file`: all short flags have values, which end the word.
    fn short(&mut self, word: &str, rest: &mut Rest) -> Result<(), Fault> {
        let mut letters = word[1..].chars();
        let letter = letters.next().unwrap_or_default();
        let named = format!("-{letter}");
        if letter == 'h' {
            return Err(Fault::Help);
        }
        let found = TABLE.iter().find(|flag| flag.short == Some(letter));
        let flag = found.ok_or_else(|| Fault::Unknown(format!("{named} in {word}")))?;
        let behind = letters.as_str();
        let value = match behind.strip_prefix('=') {
            Some(value) => value.to_owned(),
            None if behind.is_empty() => flag.value_behind(&named, rest)?,
            None => behind.to_owned(),
        };
        self.set(flag, &named, value)
    }

    fn set(&mut self, flag: &Flag, named: &str, value: String) -> Result<(), Fault> {
        let wrong = |value: &str, allowed| Fault::Value {
            flag: named.to_owned(),
            value: value.to_owned(),
            allowed,
        };
        match flag.slot {
            Slot::Switch(slot) => {
                *slot(self) = switch(&value).ok_or_else(|| wrong(&value, SWITCH))?
            }
            Slot::Text(slot) => *slot(self) = value,
            Slot::Port => {
                let port = value.parse().ok().filter(|port| *port > 0);
                self.port = port.ok_or_else(|| wrong(&value, "a port from 1 to 65535"))?;
            }
            Slot::Verbosity => {
                self.verbosity = value.parse().map_err(|_| wrong(&value, "a number from 0"))?;
            }
            Slot::Passed { switch: true } if switch(&value).is_none() => {
                return Err(wrong(&value, SWITCH));
            }
            Slot::Passed { .. } => {}
        }
        Ok(())
    }
}

type Rest = Peekable<IntoIter<String>>;

impl Flag {
    /// The value of a flag that stands alone: a switch is on, others have the next word.
    fn value_behind(&self, named: &str, rest: &mut Rest) -> Result<String, Fault> {
        match self.slot {
            Slot::Switch(_) | Slot::Passed { switch: true } => Ok("true".to_owned()),
            _ => rest.next().ok_or_else(|| Fault::NoValue(named.to_owned())),
        }
    }
}

/// As Go reads what is on or off.
fn switch(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// What flags there are.
fn usage() -> String {
    let mut text = "Usage: mp-compiler -f SPEC [flags]\n".to_owned();
    for Flag { name, short, about, .. } in &TABLE {
        let short = short.map_or("    ".to_owned(), |letter| format!("-{letter}, "));
        text.push_str(&format!("\n  {short}--{name:<17} {about}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Fault, Flags, TABLE};

    /// The flags that `line` means, as what differs from the default.
    #[track_caller]
    fn check(line: &str, change: impl FnOnce(&mut Flags)) {
        let words = line.split_whitespace().map(str::to_owned).collect();
        let mut expected = Flags::default();
        change(&mut expected);
        assert_eq!(Flags::read(words), Ok(expected), "{line}");
    }

    #[track_caller]
    fn check_fault(line: &str, expected: &str) {
        let words = line.split_whitespace().map(str::to_owned).collect();
        let fault = Flags::read(words).expect_err(line);
        assert_eq!(fault.to_string(), expected, "{line}");
    }

    #[test]
    fn what_the_published_libraries_say_is_understood() {
        check("-f .metaparticle/spec.json", |to| to.file = ".metaparticle/spec.json".to_owned());
        check("-f s.json --deploy=false --attach=true", |to| {
            (to.file, to.deploy, to.attach) = ("s.json".to_owned(), false, true);
        });
        check("-f s.json --delete", |to| (to.file, to.delete) = ("s.json".to_owned(), true));
    }

    #[test]
    fn a_text_is_written_in_every_way() {
        for line in [
            "-f s",
            "-fs",
            "-f=s",
            "--file s",
            "--file=s",
            "x --file=s y",
            "-f t -f s",
            "-f s -- -f t",
        ] {
            check(line, |to| to.file = "s".to_owned());
        }
        for line in ["-n s", "-ns", "-n=s", "--name s", "--name=s"] {
            check(line, |to| to.name = "s".to_owned());
        }
        check("--host=h --port 99", |to| (to.host, to.port) = ("h".to_owned(), 99));
        check("--executor docker", |to| to.executor = "docker".to_owned());
        check("--namespace=n --kubeconfig k --context c", |to| {
            to.namespace = "n".to_owned();
            (to.kubeconfig, to.context) = ("k".to_owned(), "c".to_owned());
        });
        // As pflag has it: one dash, short flags.
        check("-file", |to| to.file = "ile".to_owned());
        check("-f --delete", |to| to.file = "--delete".to_owned());
        check("--file=", |to| to.file = String::new());
        check("--file=a=b", |to| to.file = "a=b".to_owned());
        check("-", |_| {});
    }

    #[test]
    fn a_switch_is_written_in_every_way() {
        for on in ["--delete", "--delete=true", "--delete=1", "--delete=t", "--delete=TRUE"] {
            check(on, |to| to.delete = true);
        }
        for off in ["--deploy=false", "--deploy=0", "--deploy=F", "--deploy=False"] {
            check(off, |to| to.deploy = false);
        }
        // As pflag has it: a switch takes no word that stands behind it.
        check("--delete false", |to| to.delete = true);
        check("--attach --dry-run", |to| (to.attach, to.dry_run) = (true, true));
        check("--dry_run", |to| to.dry_run = true);
        check("--delete --delete=false", |_| {});
    }

    #[test]
    fn the_flags_of_glog_are_understood() {
        for line in ["-v 3", "-v3", "-v=3", "--v 3", "--v=3"] {
            check(line, |to| to.verbosity = 3);
        }
        check("--logtostderr --alsologtostderr=false -v 1", |to| to.verbosity = 1);
        check("--stderrthreshold 2 --vmodule=a=2 --log_dir /tmp --log-dir=/tmp", |_| {});
        check("--log_backtrace_at=a.go:7", |_| {});
    }

    #[test]
    fn every_flag_of_the_table_can_be_said() {
        for flag in &TABLE {
            let words = vec![format!("--{}=1", flag.name)];
            assert!(Flags::read(words).is_ok(), "{}", flag.name);
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        check_fault("--flie s", "unknown flag: --flie");
        check_fault("-x", "unknown flag: -x in -x");
        check_fault("-f", "flag needs an argument: -f");
        check_fault("--file", "flag needs an argument: --file");
        check_fault("--delete=maybe", "invalid argument \"maybe\" for --delete: `true` or `false`");
        check_fault(
            "--logtostderr=2",
            "invalid argument \"2\" for --logtostderr: `true` or `false`",
        );
        check_fault("--port x", "invalid argument \"x\" for --port: a port from 1 to 65535");
        check_fault("--port=0", "invalid argument \"0\" for --port: a port from 1 to 65535");
        check_fault("-v high", "invalid argument \"high\" for -v: a number from 0");
        for line in ["--help", "-h", "-f s -h"] {
            let words = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(Flags::read(words), Err(Fault::Help), "{line}");
        }
    }
}
