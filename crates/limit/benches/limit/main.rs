//! The limit that Ekiden is held against: what is written, sent and read for each task, in the same
//! tables and with the same durability, in the fastest form that was found by hand. None of our own
//! code carries it; only the ids are ours. Nothing is decided here, nothing is retried, and nothing
//! fails: a platform that keeps what Ekiden promises can come near to it.
//!
//! `cargo xtask bench` runs it beside `ekiden bench`.

mod api;
mod queue;
mod report;
mod tables;
mod tasks;

use anyhow::Context;
use clap::Parser;
use queue::Queue;
use report::Report;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tables::Tables;
use tasks::Load;

/// Measure what PostgreSQL and RabbitMQ can carry at most; prints one JSON line
#[derive(Debug, Parser)]
struct Limit {
    /// The PostgreSQL in which a schema of its own is made, and dropped at the end
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database: String,
    /// The RabbitMQ in which a queue of its own is made, and deleted at the end
    #[arg(long, value_name = "URL", env = "AMQP_URL", hide_env_values = true)]
    broker: String,
    /// How many tasks each phase has
    #[arg(short = 'n', long, value_name = "N", default_value = "20000")]
    tasks: usize,
    /// How long a payload is, in bytes
    #[arg(long, value_name = "BYTES", default_value = "1024")]
    payload: usize,
    /// How many tasks are in one commit
    #[arg(long, value_name = "N", default_value = "500", value_parser = positive)]
    batch: usize,
    /// How many batches are under way at once, on each side
    #[arg(long, value_name = "N", default_value = "4", value_parser = positive)]
    flights: usize,
    /// How many ids are in one message
    #[arg(long, value_name = "N", default_value = "50", value_parser = positive)]
    ids_per_message: usize,
    /// The `ekiden` that sends requests, to measure the API's limit too
    #[arg(long, value_name = "PROGRAM")]
    sender: Option<PathBuf>,
    /// Over how many connections it sends them; may be given several times
    #[arg(long, value_name = "N", default_values = ["32", "64", "256"])]
    connections: Vec<usize>,
    /// What `cargo bench` says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a number above 0 is needed".to_owned()),
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let limit = Limit::parse();
    let tables = Arc::new(Tables::make(&limit.database, limit.flights).await?);
    let measured = limit.measure(&tables).await;
    tables.remove().await.context("the schema is left behind")?;
    println!("{}", measured?);
    Ok(())
}

impl Limit {
    async fn measure(&self, tables: &Arc<Tables>) -> anyhow::Result<Report> {
        let mut report = Report::default();
        let (rates, followed) = self.of_tasks(tables).await?;
        report.rates(rates);
        report.followed(&followed);
        if let Some(sender) = &self.sender {
            for connections in &self.connections {
                tables.empty().await?;
                let load = api::Load {
                    tasks: self.tasks,
                    connections: *connections,
                    payload: self.payload,
                };
                report.answers(*connections, api::measure(tables, sender, load).await?);
            }
        }
        Ok(report)
    }

    /// Enqueues and drains: one after the other, then both at once, and then task by task.
    async fn of_tasks(
        &self,
        tables: &Arc<Tables>,
    ) -> anyhow::Result<(tasks::Rates, Vec<Duration>)> {
        let load = Load {
            tasks: self.tasks,
            payload: self.payload,
            batch: self.batch,
            flights: self.flights,
            ids_per_message: self.ids_per_message,
        };
        let queue = Queue::make(&self.broker).await?;
        let measured = async {
            let rates = tasks::measure(tables, &queue, load).await?;
            Ok((rates, tasks::follow(tables, &queue, load).await?))
        };
        let measured = measured.await;
        queue.delete().await.context("the queue is left behind")?;
        measured
    }
}
