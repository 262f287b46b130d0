//! What is to be compared, how often and for how long?

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::contestants::Gateway;
use crate::works::{self, Work};

/// Measures what a request costs, here and in what people use instead.
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
pub(crate) struct Settings {
    /// How often each gateway does each work; three times as often where a bar is decided
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) rounds: u8,
    /// How long it is measured each time
    #[arg(long, value_name = "N", default_value = "0.3", value_parser = seconds)]
    pub(crate) seconds: Duration,
    /// The works, by name [default: all]
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = works::find)]
    works: Vec<&'static Work>,
    /// The gateways, by name [default: all]
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_enum)]
    gateways: Vec<Gateway>,
    /// A folder for compare.md, compare.json and compare.svg [default: the table is printed only]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// A file whose lines between `<!-- compare: begin -->` and `<!-- compare: end -->` become the summary
    #[arg(long, value_name = "FILE.md")]
    pub(crate) insert: Option<PathBuf>,
    /// Where `install.sh` and cargo put the peers that they built [default: beside this program]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) peers: Option<PathBuf>,
}

impl Settings {
    /// The works that are asked for, in the order of the table.
    pub(crate) fn works(&self) -> impl Iterator<Item = &'static Work> {
        works::ALL.iter().filter(|work| {
            self.works.is_empty() || self.works.iter().any(|wanted| wanted.name == work.name)
        })
    }

    /// Whether a gateway is asked for.
    pub(crate) fn has(&self, gateway: Gateway) -> bool {
        self.gateways.is_empty() || self.gateways.contains(&gateway)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "seconds are a number from 0.1 to 60: 1.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if (0.1..=60.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(wrong())
    }
}
