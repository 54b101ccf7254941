//! `ekiden demo`: the platform on a temporary directory, with functions and tasks that show what it
//! does.

mod functions;
mod story;

use super::Failure;
use crate::{
    client::Client,
    clock::SystemClock,
    platform::{Plan, Platform},
    settings::Settings,
    signals,
    telemetry::{self, LogFormat, Traces},
};
use anyhow::{Context, bail};
use clap::Args;
use ekiden_domain::{Clock, FunctionName};
use ekiden_store::{Database, Store};
use std::{fmt, net::SocketAddr, process::ExitCode, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long the whole story may take.
const PATIENCE: Duration = Duration::from_secs(50);
/// How often it is looked whether the platform is ready.
const LOOK: Duration = Duration::from_millis(20);

/// Show what Ekiden does, on sample tasks in a temporary directory.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Exit once all tasks have ended; with status 0 if each did as expected
    #[arg(long)]
    exit: bool,
    /// Print what became of the tasks as JSON, and nothing else
    #[arg(long)]
    json: bool,
}

/// What the demo drives.
struct Stage {
    client: Client,
    store: Store,
    /// Where the API listens.
    endpoint: String,
    /// Whether a program reads what is printed.
    is_json: bool,
}

impl Demo {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        telemetry::start_log(LogFormat::Human, &Traces::default())?;
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        let path = directory.path().join("ekiden.db");
        let mut settings = Settings::defaults();
        settings.functions = functions::registered()?;
        settings.server.listen = free_address(settings.server.listen).await?;
        settings.database.database = Database::Sqlite { path };
        // Asked to end, it has shown enough.
        settings.worker.drain_grace = Duration::ZERO;
        let plan = Plan {
            settings,
            roles: Vec::new(),
            migrate: false,
            insecure: false,
            handlers: functions::handlers(),
            metrics: telemetry::start_metrics()?,
        };
        let stop = signals::stop()?;
        Ok(self.perform(plan, stop).await?)
    }

    async fn perform(self, plan: Plan, stop: CancellationToken) -> anyhow::Result<ExitCode> {
        let platform = Platform::open(plan).await?;
        let endpoint = format!("http://{}", platform.address()?);
        let gate = platform.gate();
        let stage = Stage {
            client: Client::new(&endpoint, None)?,
            store: platform.store(),
            endpoint,
            is_json: self.json,
        };
        let ending = stop.child_token();
        let running = tokio::spawn(platform.run(ending.clone()));
        while gate.reason().is_some() && !running.is_finished() && !stop.is_cancelled() {
            tokio::time::sleep(LOOK).await;
        }
        let told = stop.run_until_cancelled(tokio::time::timeout(PATIENCE, story::tell(&stage)));
        let as_expected = match told.await {
            None => false,
            Some(Err(_)) => bail!("the demo's tasks did not end within {PATIENCE:?}"),
            Some(Ok(told)) => told?,
        };
        if !self.exit && !stop.is_cancelled() {
            stage.say(format_args!("It goes on running; end it with Ctrl-C."));
            stop.cancelled().await;
        }
        ending.cancel();
        running.await.context("the platform")??;
        Ok(if as_expected || !self.exit {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// The usual address, or another port if that one is taken.
async fn free_address(usual: SocketAddr) -> anyhow::Result<SocketAddr> {
    match TcpListener::bind(usual).await {
        Ok(_) => Ok(usual),
        Err(_) => Ok((usual.ip(), 0).into()),
    }
}

impl Stage {
    /// Tells a person.
    fn say(&self, text: fmt::Arguments<'_>) {
        if !self.is_json {
            outln!("{text}");
        }
    }

    /// Removes a function, as its owner would.
    async fn delete(&self, function: &FunctionName) -> anyhow::Result<()> {
        let now = SystemClock.now();
        self.store.delete_function(function, now).await?;
        Ok(())
    }
}
