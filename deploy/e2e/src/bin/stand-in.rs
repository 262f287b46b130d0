//! Who makes images where the published Python library asks Docker for them? `metaparticle` itself: of Python, its
//! modules, and the folder that is to run.
//!
//! `stand-in FOLDER IMAGE ARGUMENT…`; `PYTHONPATH` has the modules besides Python's own.

use std::env;
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use metaparticle::image::{self, Extra};
use metaparticle::registry::{self, Reference};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut words = env::args().skip(1);
    let (folder, to) = words.next().zip(words.next()).context("stand-in FOLDER IMAGE ARGUMENT…")?;
    let to: Reference = to.parse()?;
    let (program, home, modules) = python()?;
    let extra = |from: &Path, to: String| Extra { from: from.to_owned(), to };
    let paths = env::var_os("PYTHONPATH").unwrap_or_default();
    let paths: Vec<_> = env::split_paths(&paths).collect();
    let places: Vec<_> = (0..paths.len()).map(|number| format!("/packages/{number}")).collect();
    let mut files = vec![
        extra(&modules, modules.display().to_string()),
        extra(Path::new(&folder), "/app".to_owned()),
    ];
    files.extend(paths.iter().zip(&places).map(|(from, to)| extra(from, to.clone())));
    let options = image::Options {
        name: Some("python".to_owned()),
        arguments: words.collect(),
        env: [
            ("PYTHONHOME".to_owned(), home),
            ("PYTHONPATH".to_owned(), places.join(":")),
            ("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned()),
        ]
        .into(),
        files,
        ..image::Options::default()
    };
    let image = image::of(&program, &options)?;
    let tags = to.tag().map(str::to_owned).into_iter().collect();
    let options = registry::Options { tags, ..registry::Options::default() };
    let pushed = registry::push(&image, &to, &options, &|_| {}).await?;
    writeln!(stderr(), "pushed {}", pushed.reference)?;
    Ok(())
}

/// The program, its home, and its own modules.
fn python() -> Result<(PathBuf, String, PathBuf)> {
    let script = "import sys, os; print(sys.executable, sys.base_prefix, os.path.dirname(os.__file__), sep='\\n')";
    let output = Command::new("python3").args(["-c", script]).output()?;
    ensure!(output.status.success(), "python3 does not run");
    let said = String::from_utf8(output.stdout)?;
    let mut lines = said.lines();
    let mut next = || lines.next().context("python3 says nothing");
    Ok((std::fs::canonicalize(next()?)?, next()?.to_owned(), next()?.into()))
}
