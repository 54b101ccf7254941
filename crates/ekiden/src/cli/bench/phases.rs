//! What is measured, one phase after the other.

use super::{
    Bench,
    follow::follow,
    list,
    load::{Load, Sent, Timings},
    process::send,
    report::Report,
    rows::Rows,
    stage::Stage,
};
use anyhow::bail;
use ekiden_domain::Timestamp;
use std::time::Duration;

/// How many are in a request, where they come in batches, and how many such requests are under way.
const BATCH: usize = 1000;
const MOST_BATCHES: usize = 4;
/// How many connections the producers of other systems are measured with.
const FEW_CONNECTIONS: usize = 32;

/// How often a task is looked at that is followed under load.
const LOOK: Duration = Duration::from_millis(1);
const MIB: f64 = 1024.0 * 1024.0;

/// A measurement under way.
pub(super) struct Phases<'a> {
    pub(super) bench: &'a Bench,
    pub(super) stage: &'a Stage,
    pub(super) report: &'a mut Report,
}

impl Phases<'_> {
    /// Every phase that can follow another.
    pub(super) async fn run(&mut self) -> anyhow::Result<()> {
        self.begin();
        self.enqueue_and_drain().await?;
        self.enqueue_over_few().await?;
        self.batches().await?;
        let workers = self.stage.workers().await?;
        let pace = self.both().await?;
        self.latencies(pace).await?;
        self.report.number("rss_mb", workers.stop().await?);
        if self.bench.rows > 0 {
            self.list().await?;
        }
        self.in_vain().await
    }

    /// What is measured with.
    fn begin(&mut self) {
        self.report.say("store", self.stage.store_name());
        self.report.say("broker", self.stage.broker_name());
        for (name, count) in [
            ("tasks", self.bench.tasks),
            ("payload_bytes", self.bench.payload),
            ("connections", self.bench.connections),
            ("slots", self.stage.slots() as usize),
            ("apis", self.bench.apis),
            ("workers", self.bench.workers),
            ("rows", self.bench.rows),
            ("backlog", self.bench.backlog),
            ("long", self.bench.long),
        ] {
            self.report.count(name, count);
        }
    }

    async fn enqueue_and_drain(&mut self) -> anyhow::Result<()> {
        let tasks = self.bench.tasks;
        eprintln!("enqueue: {tasks} tasks over HTTP, no worker");
        let before = self.stage.usage().await?;
        let sent = send(&self.load()).await?;
        self.sent("enqueue", sent);
        eprintln!("drain: the same tasks, a handler that does nothing");
        let workers = self.stage.workers().await?;
        let drained = self.stage.until_ended(tasks).await?;
        self.report.rate("drain_per_s", tasks, drained.took());
        // A connection tells the database of its last second only when it is closed.
        workers.stop().await?;
        if let (Some(before), Some(after)) = (before, self.stage.usage().await?) {
            let each = |of: i64| of as f64 / tasks as f64;
            let commits = each(after.commits - before.commits);
            self.report.number("commits_per_task", commits);
            let wal = each(after.wal_bytes - before.wal_bytes);
            self.report.number("wal_bytes_per_task", wal);
        }
        Ok(())
    }

    async fn enqueue_over_few(&mut self) -> anyhow::Result<()> {
        eprintln!("enqueue: as before, over {FEW_CONNECTIONS} connections");
        let load = Load {
            connections: FEW_CONNECTIONS,
            ..self.load()
        };
        let sent = send(&load).await?;
        self.sent("enqueue_32", sent);
        self.drain().await
    }

    async fn batches(&mut self) -> anyhow::Result<()> {
        let tasks = self.bench.tasks;
        eprintln!("batches: {tasks} tasks, 1,000 in a request");
        let sent = send(&self.batch_load(tasks)).await?;
        self.report.number("batch_enqueue_per_s", sent.per_s);
        self.drain().await
    }

    /// Enqueues and drains at once. Returns the time from one task to the next at half that rate.
    async fn both(&mut self) -> anyhow::Result<Duration> {
        let tasks = self.bench.tasks;
        eprintln!("both at once: {tasks} tasks in batches");
        let took = self.both_at_once(&self.batch_load(tasks)).await?;
        self.report.rate("batch_both_per_s", tasks, took);
        eprintln!("both at once: {tasks} tasks");
        let took = self.both_at_once(&self.load()).await?;
        self.report.rate("both_per_s", tasks, took);
        Ok(took.div_f64(tasks as f64) * 2)
    }

    async fn both_at_once(&self, load: &Load) -> anyhow::Result<Duration> {
        let sent = send(load).await?;
        let ended = self.stage.until_ended(load.tasks).await?.ended;
        Ok(ended.since(Timestamp::from_millis(sent.began_at)))
    }

    async fn latencies(&mut self, pace: Duration) -> anyhow::Result<()> {
        let (stage, tasks) = (self.stage, self.bench.follow);
        eprintln!("under load: {tasks} tasks followed at half that rate");
        let others = Load {
            tasks: usize::MAX,
            pace: u64::try_from(pace.as_nanos())?,
            ..self.load()
        };
        let loaded = tokio::select! {
            // Who looks all the time takes a processor from those who work.
            followed = follow(stage, tasks, self.bench.payload, LOOK) => followed?,
            ended = send(&others) => {
                ended?;
                bail!("the load ended before what was followed");
            }
        };
        stage.until_quiet().await?;
        self.report.number("loaded_p50_ms", loaded.percentile(0.50));
        self.report.number("loaded_p99_ms", loaded.percentile(0.99));
        eprintln!("idle: {tasks} tasks, one after the other");
        // Nobody else wants the processors, and the shortest sleep is a good part of what is measured.
        let idle = follow(stage, tasks, self.bench.payload, Duration::ZERO).await?;
        self.report.number("p50_ms", idle.percentile(0.50));
        self.report.number("p99_ms", idle.percentile(0.99));
        Ok(())
    }

    async fn list(&mut self) -> anyhow::Result<()> {
        let (stage, tasks) = (self.stage, self.bench.tasks);
        eprintln!("list: writing {} rows", self.bench.rows);
        let rows = Rows::fill(stage, self.bench.rows).await?;
        eprintln!("list: every filter in each order");
        list::measure(stage, rows, self.report).await?;
        eprintln!("list: while {tasks} tasks are drained");
        send(&self.batch_load(tasks)).await?;
        let workers = stage.workers().await?;
        let mut each = Vec::new();
        tokio::select! {
            drained = stage.until_ended(tasks) => drop(drained?),
            failed = list::ask_on(stage, rows, &mut each) => failed?,
        }
        workers.stop().await?;
        let each = Timings::new(each);
        self.report
            .number("list_draining_p50_ms", each.percentile(0.50));
        self.report
            .number("list_draining_p99_ms", each.percentile(0.99));
        Ok(())
    }

    /// Leaves results that are tried again.
    async fn in_vain(&mut self) -> anyhow::Result<()> {
        let (stage, tasks) = (self.stage, self.bench.tasks);
        eprintln!("in vain: drained as before, with each result for a receiver that refuses it");
        let _receiver = stage.deliver_in_vain().await?;
        let load = Load {
            addresses: stage.addresses()[..1].to_vec(),
            ..self.load()
        };
        send(&load).await?;
        let workers = stage.workers().await?;
        let drained = stage.until_ended(tasks).await?;
        self.report
            .rate("in_vain_drain_per_s", tasks, drained.took());
        workers.stop().await?;
        let undelivered = stage.undelivered().await?;
        if undelivered != tasks as u64 {
            bail!("{undelivered} of {tasks} results were tried in vain");
        }
        Ok(())
    }

    /// Leaves tasks that have not ended.
    pub(super) async fn backlog(&mut self) -> anyhow::Result<()> {
        let (tasks, backlog) = (self.bench.tasks, self.bench.backlog);
        eprintln!("backlog: {tasks} tasks drained, and {backlog} wait behind them");
        send(&self.batch_load(tasks + backlog)).await?;
        let workers = self.stage.workers().await?;
        let drained = self.stage.until_called(tasks).await?;
        self.report
            .rate("backlog_drain_per_s", drained.calls, drained.took());
        workers.stop().await?;
        Ok(())
    }

    /// Leaves what ended in the last minute.
    pub(super) async fn long(&mut self) -> anyhow::Result<()> {
        const PARTS: usize = 10;
        let part = (self.bench.long / PARTS).max(1);
        eprintln!("long: {PARTS} times {part} tasks, and what ended a minute ago is forgotten");
        let workers = self.stage.workers().await?;
        let (mut rates, mut sizes) = (Vec::new(), Vec::new());
        for _ in 0..PARTS {
            let took = self.both_at_once(&self.batch_load(part)).await?;
            let rate = (part as f64 / took.as_secs_f64()).round();
            eprintln!("long: {rate}/s");
            rates.push(rate);
            if let Some(usage) = self.stage.usage().await? {
                sizes.push((usage.table_bytes as f64 / MIB).round());
            }
        }
        self.report.number("long_first_per_s", rates[0]);
        self.report.number("long_last_per_s", rates[PARTS - 1]);
        rates.sort_unstable_by(f64::total_cmp);
        self.report.number("long_slowest_per_s", rates[0]);
        self.report.number("long_fastest_per_s", rates[PARTS - 1]);
        // By the second part there is as much as there ever should be.
        if let [_, early, .., last] = sizes[..] {
            self.report.number("long_early_mb", early);
            self.report.number("long_last_mb", last);
        }
        self.report.number("long_rss_mb", workers.stop().await?);
        Ok(())
    }

    async fn drain(&self) -> anyhow::Result<()> {
        let workers = self.stage.workers().await?;
        self.stage.until_ended(self.bench.tasks).await?;
        workers.stop().await?;
        Ok(())
    }

    /// All tasks of a phase, as fast as they are accepted.
    fn load(&self) -> Load {
        Load {
            addresses: self.stage.addresses().to_vec(),
            tasks: self.bench.tasks,
            connections: self.bench.connections,
            payload: self.bench.payload,
            batch: 1,
            pace: 0,
        }
    }

    fn batch_load(&self, tasks: usize) -> Load {
        Load {
            tasks,
            connections: self.bench.connections.min(MOST_BATCHES),
            batch: BATCH,
            ..self.load()
        }
    }

    fn sent(&mut self, name: &str, sent: Sent) {
        self.report.number(format!("{name}_per_s"), sent.per_s);
        self.report.number(format!("{name}_p50_ms"), sent.p50_ms);
        self.report.number(format!("{name}_p99_ms"), sent.p99_ms);
    }
}
