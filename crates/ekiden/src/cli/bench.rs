//! `ekiden bench`: how fast this machine, database and broker carry tasks, as a table and one JSON
//! line.

mod calls;
mod follow;
mod list;
mod load;
mod part;
mod phases;
mod platform;
mod process;
mod report;
mod rows;
mod stage;
mod workers;

pub(super) use part::Part;

use super::{ConfigArgs, Failure};
use crate::{settings::Settings, signals};
use anyhow::bail;
use clap::{Args, builder::TypedValueParser};
use phases::Phases;
use process::Place;
use report::Report;
use stage::{Size, Stage, is_alone};
use std::{process::ExitCode, time::Duration};
use tokio_util::sync::CancellationToken;

/// How long what ended is kept in the long run: the shortest time that can be configured.
const KEEP: Duration = Duration::from_secs(60);

/// Measure how fast this machine, database and broker carry tasks
///
/// It works in a place of its own, a schema `ekiden_bench` or a file `ekiden_bench.db` beside the
/// database, and in queues of its own, and removes them at the end. Nobody's data is touched; whoever
/// else uses the database or the broker is slowed down.
#[derive(Debug, Args)]
pub(super) struct Bench {
    #[command(flatten)]
    config: ConfigArgs,
    /// How many tasks each phase has
    #[arg(short = 'n', long, value_name = "N", default_value = "20000", value_parser = some())]
    tasks: usize,
    /// How many connections enqueue at once
    #[arg(short, long, value_name = "N", default_value = "64", value_parser = some())]
    connections: usize,
    /// How long a payload is, in bytes
    #[arg(long, value_name = "BYTES", default_value = "1024")]
    payload: usize,
    /// How many invocations run at once in a worker [default: worker.slots]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    slots: Option<u32>,
    /// How many processes have a worker; several need PostgreSQL and RabbitMQ
    #[arg(long, value_name = "N", default_value = "1", value_parser = processes())]
    workers: usize,
    /// How many processes have an API; several need PostgreSQL and RabbitMQ
    #[arg(long, value_name = "N", default_value = "1", value_parser = processes())]
    apis: usize,
    /// How many tasks are followed one by one, while nothing else happens and under load
    #[arg(long, value_name = "N", default_value = "300", value_parser = some())]
    follow: usize,
    /// How many rows the list is asked about; 0 for no list
    #[arg(long, value_name = "N", default_value = "100000")]
    rows: usize,
    /// How many further tasks wait while some are drained; 0 for no backlog
    #[arg(long, value_name = "N", default_value = "0")]
    backlog: usize,
    /// How many tasks go through after all that, while those that ended a minute ago are forgotten; 0 for
    /// none
    #[arg(long, value_name = "N", default_value = "0")]
    long: usize,
    /// Print the JSON line alone, without the table
    #[arg(long)]
    json: bool,
}

/// A number of what a phase cannot be without.
fn some() -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u32)
        .range(1..)
        .map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}

/// A number of processes.
fn processes() -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u16).range(1..=100).map(usize::from)
}

impl Bench {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let mut settings = self.config.load()?;
        settings.worker.slots = self.slots.unwrap_or(settings.worker.slots);
        if is_alone(&settings) && (self.apis > 1 || self.workers > 1) {
            let needed =
                "several processes need PostgreSQL (database.url) and RabbitMQ (broker.url)";
            return Err(Failure::Usage(needed.to_owned()));
        }
        let size = Size {
            apis: self.apis,
            workers: self.workers,
            place: Place {
                config: self.config.config.clone(),
                slots: settings.worker.slots,
                keep: None,
            },
        };
        let stop = signals::stop()?;
        let mut report = Report::default();
        let at = At {
            settings: &settings,
            size: &size,
            stop: &stop,
        };
        self.measure(&at, &mut report, async |phases| phases.run().await)
            .await?;
        if self.backlog > 0 {
            // Where nothing is left of what was before.
            self.measure(&at, &mut report, async |phases| phases.backlog().await)
                .await?;
        }
        if self.long > 0 {
            settings.retention.keep = KEEP;
            let mut size = size.clone();
            size.place.keep = Some(KEEP);
            let at = At {
                settings: &settings,
                size: &size,
                stop: &stop,
            };
            self.measure(&at, &mut report, async |phases| phases.long().await)
                .await?;
        }
        if !self.json {
            eprintln!("{}", report.table());
        }
        outln!("{}", report.line());
        Ok(ExitCode::SUCCESS)
    }

    /// Measures in a place that is made for it, and removed whatever becomes of it.
    async fn measure(
        &self,
        at: &At<'_>,
        report: &mut Report,
        phases: impl AsyncFnOnce(&mut Phases<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let stage = Stage::open(at.settings, at.size.clone()).await?;
        let mut measuring = Phases {
            bench: self,
            stage: &stage,
            report,
        };
        let measured = at.stop.run_until_cancelled(phases(&mut measuring)).await;
        eprintln!("removing what was made for this");
        stage.close().await?;
        measured.unwrap_or_else(|| bail!("interrupted"))
    }
}

/// Where and how it is measured, and what interrupts it.
struct At<'a> {
    settings: &'a Settings,
    size: &'a Size,
    stop: &'a CancellationToken,
}
