//! Does a request cost more instructions than it did? Counted in the whole program, over real
//! connections, under valgrind: unlike time, they are alike on a busy machine.
//!
//! ```text
//! instructions --program target/counted/metaparticle-gateway            # fails when it costs more
//! instructions --program target/counted/metaparticle-gateway --accept   # writes what it costs now
//! ```
//!
//! Two runs that differ by some hundred requests differ by what those cost. Where it went, callgrind
//! has written down: `callgrind_annotate --inclusive=yes target/instructions/spread.callgrind`.

mod baseline;
mod gateway;
mod origin;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Parser;

use self::baseline::Baseline;
use self::gateway::Gateway;

/// Counts the instructions of a request
#[derive(Debug, Parser)]
struct Settings {
    /// The gateway, as `cargo build --profile counted` makes it
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// What requests cost when it was last accepted
    #[arg(long, value_name = "FILE", default_value = "benches/instructions.txt")]
    baseline: PathBuf,
    /// Where the profiles are written
    #[arg(long, value_name = "FOLDER", default_value = "target/instructions")]
    out: PathBuf,
    /// Accept what they cost now
    #[arg(long)]
    accept: bool,
}

/// What is asked of the gateway.
const WORKS: [(&str, &str); 3] = [
    ("spread", "pattern: spread"),
    ("shard", "pattern: shard\n    shard-key: header:x-user"),
    ("scatter-4", "pattern: scatter\n    scatter-merge: concat"),
];
/// Requests before anything is counted, and those that are.
const BEFORE: u32 = 100;
const COUNTED: u32 = 400;

fn main() -> anyhow::Result<()> {
    let Settings { program, baseline, out, accept } = Settings::parse();
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let origins = origin::start()?;
    let mut found = Vec::new();
    for (name, words) in WORKS {
        let gateway = Gateway { program: &program, folder: &out, name, words, origins: &origins };
        let before = gateway.run(BEFORE)?;
        let after = gateway.run(BEFORE + COUNTED)?;
        found.push((name.to_owned(), after.saturating_sub(before) / u64::from(COUNTED)));
    }
    let found = Baseline::of(found)?;
    if accept {
        return found.write(&baseline);
    }
    let told = found.against(&Baseline::read(&baseline)?);
    for line in &told.lines {
        writeln!(std::io::stderr(), "{line}")?;
    }
    if told.is_dearer {
        bail!(
            "a request costs more instructions than it did; look at {}, mend it, or accept it with \
             `make instructions-accept` and say why in the commit",
            out.display()
        );
    }
    Ok(())
}
