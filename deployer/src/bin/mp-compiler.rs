//! What do the published Metaparticle libraries start?

use std::process::ExitCode;

fn main() -> ExitCode {
    metaparticle::compiler::run(std::env::args_os().skip(1))
}
