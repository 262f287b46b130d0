//! How is one work measured? All who do it are started and asked whether they do it right; then each
//! is measured in turn, round after round, and every round another one is first.

use std::path::Path;

use anyhow::Context;

use crate::certificate::Certificate;
use crate::client::Client;
use crate::contestants::{Contestant, Gateway, Place};
use crate::load::Load;
use crate::origin::Origins;
use crate::progress::Progress;
use crate::report::bars;
use crate::results::{Outcome, Row, Table};
use crate::settings::Settings;
use crate::verify::{Alike, Judge};
use crate::works::{Measured, Work};
use crate::{idle, latency, measure};

/// About how long starting, checking and ending one takes, in seconds.
const SETTING_UP: f64 = 0.5;
/// About how much longer than its window a run takes.
const AROUND_A_RUN: f64 = 0.45;

/// So many times as often a work is measured that decides about a bar.
pub(crate) const MORE_OF_A_BAR: u16 = 3;

/// What all works share.
#[derive(Debug)]
pub(crate) struct Hall<'a> {
    pub(crate) settings: &'a Settings,
    /// Who is asked for and installed.
    pub(crate) gateways: &'a [Gateway],
    pub(crate) peers: &'a Path,
    pub(crate) certificate: &'a Certificate,
}

/// What all who do one work share.
struct Stage<'a> {
    work: &'a Work,
    origins: Origins,
    load: Load<'a>,
}

/// One that stands and answers right, and what it did so far.
struct Entrant {
    contestant: Contestant,
    alike: Alike,
    outcome: Outcome,
}

impl Hall<'_> {
    fn who_does(&self, work: &Work) -> impl Iterator<Item = Gateway> {
        self.gateways.iter().copied().filter(|gateway| gateway.does(work))
    }

    /// A machine that others share changes from one second to the next: many short rounds, each against
    /// its own neighbours, say more than few long ones.
    fn rounds(&self, work: &Work) -> u16 {
        match work.measured {
            Measured::Idle => 1,
            Measured::Cpu if bars::decide(work) => u16::from(self.settings.rounds) * MORE_OF_A_BAR,
            Measured::Cpu | Measured::Latency => u16::from(self.settings.rounds),
        }
    }

    /// About how long one measurement takes, in seconds.
    fn step(&self, work: &Work) -> f64 {
        let window = self.settings.seconds.as_secs_f64();
        match work.measured {
            Measured::Cpu => window + AROUND_A_RUN,
            Measured::Idle => idle::ABOUT,
            Measured::Latency => 2.0 * (window + AROUND_A_RUN),
        }
    }

    /// About how long `work` takes, in seconds.
    pub(crate) fn plan(&self, work: &Work) -> f64 {
        let each = SETTING_UP + f64::from(self.rounds(work)) * self.step(work);
        self.who_does(work).map(|_| each).sum()
    }

    /// Measures `work`.
    pub(crate) async fn measure(
        &self,
        work: &Work,
        progress: &mut Progress,
    ) -> anyhow::Result<Table> {
        let origins = Origins::start(work).context("cannot start the replicas")?;
        let stage = Stage { work, origins, load: Load::new(work)? };
        let mut table = Table::new(work);
        let mut entrants = self.enter(&stage, &mut table, progress).await?;
        for round in 1..=self.rounds(work) {
            let count = entrants.len();
            for turn in 0..count {
                let entrant = &mut entrants[(turn + usize::from(round) - 1) % count];
                let name = entrant.contestant.gateway.name();
                let said = self.turn(entrant, &stage, round).await;
                progress.step(self.step(work), &format!("{} {round} {name}: {said}", work.name));
            }
        }
        table.rows.extend(entrants.into_iter().map(Entrant::row));
        let place = |name| self.gateways.iter().position(|gateway| gateway.name() == name);
        table.rows.sort_by_key(|row| place(row.gateway));
        Ok(table)
    }

    /// Starts and checks all who do the work; those who cannot are put into the table at once.
    async fn enter(
        &self,
        stage: &Stage<'_>,
        table: &mut Table,
        progress: &mut Progress,
    ) -> anyhow::Result<Vec<Entrant>> {
        let Stage { work, origins, load: _ } = stage;
        let client = Client::new(self.certificate)?;
        let mut judge = Judge::new(work, origins);
        let mut entrants = Vec::new();
        for gateway in self.who_does(work) {
            let place = Place::new(gateway, work, origins, self.certificate, self.peers)?;
            let entered = async {
                let contestant = Contestant::start(gateway, place).await?;
                let alike = judge.check(contestant.address, &client).await.context("wrong")?;
                anyhow::Ok(Entrant { contestant, alike, outcome: Outcome::nothing_yet(work) })
            };
            let name = gateway.name();
            let said = match entered.await {
                Ok(entrant) => {
                    entrants.push(entrant);
                    "answers right".to_owned()
                }
                Err(error) => {
                    let why = format!("{error:#}");
                    let outcome = Outcome::Left(why.clone());
                    table.rows.push(Row { gateway: name, alike: None, outcome });
                    why
                }
            };
            progress.step(SETTING_UP, &format!("{} {name}: {said}", work.name));
        }
        Ok(entrants)
    }

    /// Measures one of them once, and says what came of it.
    async fn turn(&self, entrant: &mut Entrant, stage: &Stage<'_>, round: u16) -> String {
        let Stage { work, origins, load } = stage;
        let Entrant { contestant, outcome, .. } = entrant;
        let window = self.settings.seconds;
        let said = match outcome {
            Outcome::Cpu(runs) => measure::run(contestant, work, load, origins, window)
                .await
                .map(|run| keep(runs, run)),
            Outcome::Idle(runs) => idle::run(contestant, work).await.map(|run| keep(runs, run)),
            Outcome::Latency(runs) => {
                latency::run(contestant, work, load, origins, window, runs.first())
                    .await
                    .map(|run| keep(runs, run))
            }
            Outcome::Left(why) => Ok(why.clone()),
        };
        said.unwrap_or_else(|error| {
            let why = format!("void in round {round}: {error:#}");
            *outcome = Outcome::Left(why.clone());
            why
        })
    }
}

/// Keeps `run` and says what it was.
fn keep<T: std::fmt::Display>(runs: &mut Vec<T>, run: T) -> String {
    let said = run.to_string();
    runs.push(run);
    said
}

impl Entrant {
    fn row(self) -> Row {
        let Self { contestant, alike, outcome } = self;
        Row { gateway: contestant.gateway.name(), alike: Some(alike), outcome }
    }
}
