//! `ekiden bench`: how fast this machine, database and broker carry tasks, as a table and one JSON
//! line.

mod load;
mod report;
mod stage;

use super::{ConfigArgs, Failure};
use crate::signals;
use anyhow::bail;
use clap::Args;
use report::Report;
use stage::Stage;
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

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
    #[arg(short = 'n', long, value_name = "N", default_value = "20000")]
    tasks: usize,
    /// How many connections enqueue at once
    #[arg(short, long, value_name = "N", default_value = "64")]
    connections: usize,
    /// How long a payload is, in bytes
    #[arg(long, value_name = "BYTES", default_value = "1024")]
    payload: usize,
    /// How many invocations run at once [default: worker.slots]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    slots: Option<u32>,
    /// How many tasks are followed one by one, while nothing else happens and under load
    #[arg(long, value_name = "N", default_value = "300")]
    follow: usize,
}

impl Bench {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let mut settings = self.config.load()?;
        settings.worker.slots = self.slots.unwrap_or(settings.worker.slots);
        let stop = signals::stop()?;
        let stage = Stage::open(settings).await?;
        let measured = stop.run_until_cancelled(self.measure(&stage)).await;
        eprintln!("removing what was made for this");
        stage.close().await?;
        let Some(report) = measured else {
            return Err(anyhow::anyhow!("interrupted").into());
        };
        let report = report?;
        eprintln!("{}", report.table());
        outln!("{}", report.line());
        Ok(ExitCode::SUCCESS)
    }

    async fn measure(&self, stage: &Stage) -> anyhow::Result<Report> {
        let mut report = Report::default();
        report.say("store", stage.store_name());
        report.say("broker", stage.broker_name());
        report.count("tasks", self.tasks);
        report.count("payload_bytes", self.payload);
        report.count("connections", self.connections);
        report.count("slots", stage.slots() as usize);

        eprintln!("enqueue: {} tasks over HTTP, no worker", self.tasks);
        let before = stage.usage().await?;
        let enqueued = self.enqueue(stage).await?;
        report.rate("enqueue_per_s", self.tasks, enqueued.took);
        report.millis("enqueue_p50_ms", enqueued.percentile(0.50));
        report.millis("enqueue_p99_ms", enqueued.percentile(0.99));

        eprintln!("drain: the same tasks, one worker, a handler that does nothing");
        let worker = stage.worker();
        let drained = stage.until_empty(self.tasks).await?;
        report.rate("drain_per_s", self.tasks, drained);
        if let (Some(before), Some(after)) = (before, stage.usage().await?) {
            let each = |of: i64| of as f64 / self.tasks as f64;
            report.number("commits_per_task", each(after.commits - before.commits));
            report.number(
                "wal_bytes_per_task",
                each(after.wal_bytes - before.wal_bytes),
            );
        }

        eprintln!("batches: {} tasks, 1,000 in a request", self.tasks);
        worker.stop().await;
        let batched = load::enqueue_batches(stage.address(), self.load()).await?;
        report.rate("batch_enqueue_per_s", self.tasks, batched);
        let worker = stage.worker();
        stage.until_empty(self.tasks).await?;

        eprintln!("both at once: {} tasks", self.tasks);
        let started = Instant::now();
        self.enqueue(stage).await?;
        stage.until_empty(self.tasks).await?;
        let both = started.elapsed();
        report.rate("both_per_s", self.tasks, both);

        let pace = both.div_f64(self.tasks as f64) * 2;
        eprintln!(
            "under load: {} tasks followed at half that rate",
            self.follow
        );
        let loaded = self.follow_under_load(stage, pace).await?;
        report.millis("loaded_p50_ms", loaded.percentile(0.50));
        report.millis("loaded_p99_ms", loaded.percentile(0.99));

        eprintln!("idle: {} tasks, one after the other", self.follow);
        let idle = load::follow(stage, self.follow, self.payload).await?;
        report.millis("p50_ms", idle.percentile(0.50));
        report.millis("p99_ms", idle.percentile(0.99));
        report.number("rss_mb", stage::rss_mb()?);
        worker.stop().await;

        // The last, as it leaves results that are tried again.
        eprintln!("in vain: drained as before, with each result for a receiver that refuses it");
        let (deliverer, _receiver) = stage.deliver_in_vain().await?;
        self.enqueue(stage).await?;
        let worker = stage.worker();
        let drained = stage.until_empty(self.tasks).await?;
        report.rate("in_vain_drain_per_s", self.tasks, drained);
        worker.stop().await;
        deliverer.stop().await;
        let undelivered = stage.undelivered().await?;
        if undelivered != self.tasks as u64 {
            bail!("{undelivered} of {} results were tried in vain", self.tasks);
        }
        Ok(report)
    }

    /// All tasks of a phase, as fast as they are accepted.
    const fn load(&self) -> load::Load {
        load::Load {
            tasks: self.tasks,
            connections: self.connections,
            payload: self.payload,
            pace: Duration::ZERO,
        }
    }

    async fn enqueue(&self, stage: &Stage) -> anyhow::Result<load::Timings> {
        load::enqueue(stage.address(), self.load()).await
    }

    /// Follows tasks while others come at this pace, and then waits for those.
    async fn follow_under_load(
        &self,
        stage: &Stage,
        pace: Duration,
    ) -> anyhow::Result<load::Timings> {
        let others = load::Load {
            tasks: usize::MAX,
            pace,
            ..self.load()
        };
        let followed = tokio::select! {
            followed = load::follow(stage, self.follow, self.payload) => followed?,
            ended = load::enqueue(stage.address(), others) => {
                ended?;
                bail!("the load ended before what was followed");
            }
        };
        stage.until_quiet().await?;
        Ok(followed)
    }
}
