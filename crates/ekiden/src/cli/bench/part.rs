//! What a benchmark makes other processes of: each runs until its standard input ends, as it does
//! when the process that started it is gone.

use super::{
    calls::Calls,
    load::Load,
    platform::{Platform, in_place},
};
use crate::{
    cli::{ConfigArgs, Failure},
    settings::Settings,
};
use anyhow::Context;
use clap::{Args, Subcommand};
use ekiden_broker::Broker;
use ekiden_store::Store;
use serde_json::json;
use std::{fs, io, process::ExitCode, time::Duration};

/// How often a worker tells how often it was called.
const TELL: Duration = Duration::from_millis(5);

/// A process of the benchmark's
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Part {
    /// Send tasks
    Load(Load),
    /// Serve the API; prints its address
    Api(PlaceArgs),
    /// Run tasks; prints how often it was called, and at the end how much memory it has
    Worker(PlaceArgs),
}

/// Where the benchmark takes place.
#[derive(Debug, Args)]
pub(in crate::cli) struct PlaceArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// How many invocations run at once
    #[arg(long)]
    slots: u32,
    /// For how many seconds what ended is kept
    #[arg(long)]
    keep: Option<u64>,
}

impl Part {
    pub(in crate::cli) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Load(load) => return load.run().await,
            Self::Api(place) => api(place.load()?).await?,
            Self::Worker(place) => worker(place.load()?).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl PlaceArgs {
    fn load(&self) -> Result<Settings, Failure> {
        let mut settings = in_place(&self.config.load()?);
        settings.worker.slots = self.slots;
        if let Some(seconds) = self.keep {
            settings.retention.keep = Duration::from_secs(seconds);
        }
        Ok(settings)
    }
}

async fn api(settings: Settings) -> anyhow::Result<()> {
    let platform = open(settings, Calls::default()).await?;
    let (address, api) = platform.api().await?;
    outln!("{address}");
    until_told_to_end().await;
    api.stop().await;
    platform.close().await.close().await;
    Ok(())
}

async fn worker(settings: Settings) -> anyhow::Result<()> {
    let calls = Calls::default();
    let platform = open(settings, calls.clone()).await?;
    let worker = platform.worker();
    let mut tell = tokio::time::interval(TELL);
    let mut end = std::pin::pin!(until_told_to_end());
    loop {
        tokio::select! {
            () = &mut end => break,
            _ = tell.tick() => {
                let called = calls.take();
                if called.count > 0 {
                    outln!("{}", json!(called));
                }
            }
        }
    }
    let resident = rss_mb()?;
    worker.stop().await;
    platform.close().await.close().await;
    outln!("{resident}");
    Ok(())
}

async fn open(settings: Settings, calls: Calls) -> anyhow::Result<Platform> {
    let store = Store::open(settings.store()).await?;
    let broker = Broker::amqp(settings.broker().context("a broker")?)?;
    Ok(Platform::new(settings, store, broker, calls))
}

async fn until_told_to_end() {
    let ended = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
    // However it ended: nobody is left who would say so.
    drop(ended.await);
}

/// How much memory this process has resident, in MiB.
pub(super) fn rss_mb() -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.parse().ok())
        .context("VmRSS of /proc/self/status")?;
    Ok((kib / 1024.0 * 10.0).round() / 10.0)
}
