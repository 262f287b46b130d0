//! Packages programs, deploys them behind the gateway, and looks after them: `metaparticle --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    metaparticle::cli::main(None, std::env::args_os())
}
