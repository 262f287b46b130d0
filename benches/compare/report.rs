//! How is it told? Tables for people, all rounds for programs, a plot, and a summary in a page of
//! somebody else's.

pub(crate) mod bars;
mod summary;
mod table;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;

use crate::contest::MORE_OF_A_BAR;
use crate::plot;
use crate::progress::say;
use crate::results::Results;
use crate::settings::Settings;

const HOW: &str = "\
Each proxy has one core for itself and one worker or thread; the load and the replicas share the other \
core. A number is the CPU time, in and out of the kernel, that all processes of the proxy took in a \
window of a running load, divided by the requests that the replicas answered in it: median (least..most) \
of all rounds. *× ours* is how many times as much as ours it took, round by round: above 1 costs more than ours. \
Rounds go in turn, and each begins with another one. Access logs are off, but for `gateway-log`; every \
gateway's answers were checked first. Requests a second are beside the point: the load shares its core.";

/// Prints the tables, and writes what is asked for into files.
pub(crate) fn write(results: &Results, settings: &Settings) -> anyhow::Result<()> {
    let text = markdown(results)?;
    std::io::stdout().write_all(text.as_bytes())?;
    if let Some(folder) = &settings.out {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        save(&folder.join("compare.md"), &text)?;
        save(&folder.join("compare.json"), &(serde_json::to_string_pretty(results)? + "\n"))?;
        save(&folder.join("compare.svg"), &plot::svg(results)?)?;
    }
    if let Some(page) = &settings.insert {
        let old = std::fs::read_to_string(page);
        let old = old.with_context(|| format!("cannot read {}", page.display()))?;
        let new = summary::inserted(&old, &summary::text(results)?);
        save(page, &new.with_context(|| format!("cannot insert into {}", page.display()))?)?;
    }
    Ok(())
}

fn save(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    say(&format!("wrote {}", file.display()));
    Ok(())
}

fn markdown(results: &Results) -> Result<String, std::fmt::Error> {
    let mut text = format!("# What a request costs\n\n{HOW}\n\n{}\n", occasion(results));
    writeln!(text, "\n## Bars\n\n{}", bars::render(results)?)?;
    writeln!(text, "## Works")?;
    for one in &results.tables {
        writeln!(
            text,
            "\n### {}\n\n{}.\n\n{}",
            one.work,
            one.about,
            table::render(one)?.trim_end()
        )?;
    }
    writeln!(text, "\n## Who took part\n")?;
    for (name, version) in &results.versions {
        writeln!(text, "* `{name}`: {version}")?;
    }
    Ok(text)
}

/// When and where it was.
fn occasion(results: &Results) -> String {
    let Results { machine, rounds, seconds, took_seconds, .. } = results;
    format!(
        "{}, commit {}, {} cores of {}, {}; rounds: {rounds} of {seconds} s, {MORE_OF_A_BAR} times as many \
         where a bar is decided; {} minutes in all.",
        machine.date,
        machine.commit,
        machine.cores,
        machine.processor,
        machine.system,
        took_seconds.div_ceil(60)
    )
}
