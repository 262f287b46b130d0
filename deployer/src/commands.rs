//! What does the deployer do with an application? The seam between a program of patterns and the commands.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use crate::application::Application;

/// Does what `words` (`plan`, `deploy --namespace shop`, …) say with `application`, whose image is this program.
pub(crate) fn run(application: &Application, words: &[OsString]) -> ExitCode {
    match words.first().and_then(|word| word.to_str()) {
        Some("plan") => {
            let objects = application.plan().objects;
            let objects: Vec<_> = objects.iter().map(|object| object.body()).collect();
            let text = serde_json::to_string_pretty(&objects).unwrap_or_default();
            // Whoever read it may have closed the pipe.
            writeln!(std::io::stdout(), "{text}").ok();
            ExitCode::SUCCESS
        }
        word => {
            let word = word.unwrap_or_default();
            let told = format!("error: there is no command `{word}`; there are `run` and `plan`");
            writeln!(std::io::stderr(), "{told}").ok();
            ExitCode::from(3)
        }
    }
}
