//! Who talks with whom? Events go to people or machines; a person says when it is enough.

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::cli::{Fault, Output};
use crate::report::{Event, Format, Report, Told};
use crate::settings;

/// Somebody had enough of waiting.
const INTERRUPTED: i32 = 130;

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

/// Waits for `work`; when the person has enough of waiting, tells it so.
///
/// Whoever has enough twice does not want to hear what becomes of it.
pub(super) async fn until_interrupted<T>(
    stop: &CancellationToken,
    work: impl Future<Output = T>,
) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        _ = tokio::signal::ctrl_c() => stop.cancel(),
    }
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => std::process::exit(INTERRUPTED),
    }
}
