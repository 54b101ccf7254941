//! `ekiden bench`: how fast this machine, database and broker carry tasks, as one JSON line.

mod load;
mod stage;

use super::{ConfigArgs, Failure};
use clap::Args;
use serde_json::{Map, Value, json};
use stage::Stage;
use std::{process::ExitCode, time::Duration};

/// Measure how fast this machine, database and broker carry tasks. The tasks stay in the database:
/// give it one of its own.
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
    /// How many tasks are followed one by one while nothing else happens
    #[arg(long, value_name = "N", default_value = "300")]
    idle: usize,
}

impl Bench {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let settings = self.config.load()?;
        let stage = Stage::open(settings).await?;
        let line = self.measure(&stage).await;
        stage.close().await;
        outln!("{}", Value::Object(line?));
        Ok(ExitCode::SUCCESS)
    }

    async fn measure(&self, stage: &Stage) -> anyhow::Result<Map<String, Value>> {
        let mut line = Map::new();
        let mut put = |key: &str, value: Value| line.insert(key.to_owned(), value);
        put("store", stage.store_name().into());
        put("broker", stage.broker_name().into());
        put("tasks", self.tasks.into());
        put("payload_bytes", self.payload.into());
        put("connections", self.connections.into());
        put("slots", stage.slots().into());

        eprintln!("enqueue: {} tasks over HTTP, no worker", self.tasks);
        let before = stage.usage().await?;
        let enqueued = self.enqueue(stage).await?;
        put("enqueue_per_s", per_second(self.tasks, enqueued.took));
        put("enqueue_p50_ms", millis(enqueued.percentile(0.50)));
        put("enqueue_p99_ms", millis(enqueued.percentile(0.99)));

        eprintln!("drain: the same tasks, one worker, a handler that does nothing");
        let worker = stage.worker();
        let drained = stage.until_empty(self.tasks).await?;
        put("drain_per_s", per_second(self.tasks, drained));
        if let (Some(before), Some(after)) = (before, stage.usage().await?) {
            let each = |of: i64| json!((of as f64 / self.tasks as f64 * 1000.0).round() / 1000.0);
            put("commits_per_task", each(after.commits - before.commits));
            put(
                "wal_bytes_per_task",
                each(after.wal_bytes - before.wal_bytes),
            );
        }

        eprintln!("both at once: {} tasks", self.tasks);
        let started = std::time::Instant::now();
        self.enqueue(stage).await?;
        stage.until_empty(self.tasks).await?;
        put("both_per_s", per_second(self.tasks, started.elapsed()));

        eprintln!("idle: {} tasks, one after the other", self.idle);
        let idle = load::follow(stage, self.idle, self.payload).await?;
        put("p50_ms", millis(idle.percentile(0.50)));
        put("p99_ms", millis(idle.percentile(0.99)));
        put("rss_mb", json!(stage::rss_mb()?));
        worker.stop().await;
        Ok(line)
    }

    async fn enqueue(&self, stage: &Stage) -> anyhow::Result<load::Timings> {
        load::enqueue(stage.address(), self.tasks, self.connections, self.payload).await
    }
}

fn per_second(tasks: usize, took: Duration) -> Value {
    json!((tasks as f64 / took.as_secs_f64()).round())
}

fn millis(time: Duration) -> Value {
    json!((time.as_secs_f64() * 100_000.0).round() / 100.0)
}
