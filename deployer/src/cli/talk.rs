//! Who is told what happens, and who may ask? Events go to people or machines.

use std::path::Path;
use std::sync::Arc;

use crate::cli::{Fault, Output};
use crate::report::{Event, Format, Report, Told};
use crate::settings;

/// Who tells people and machines what happens: people beside what they asked for, machines instead of it.
pub(super) fn teller(output: Output) -> Arc<Told<'static>> {
    match output {
        Output::Json => {
            let report = Report::new(std::io::stdout(), Format::Json);
            Arc::new(move |event: Event| report.tell(&event))
        }
        Output::Text => {
            let columns = settings::columns();
            let format = columns.map_or(Format::Plain, |columns| Format::Live { columns });
            let report = Report::new(std::io::stderr(), format);
            Arc::new(move |event: Event| report.tell(&event))
        }
    }
}

/// What callers must bear.
pub(super) fn token(file: &Path) -> Result<String, Fault> {
    let text = std::fs::read_to_string(file);
    let unreadable = |cause| Fault::Unreadable { file: file.to_owned(), cause };
    Ok(text.map_err(unreadable)?.trim().to_owned())
}
