//! `ekiden selftest`: whether tasks end as they must on the configured database and broker.

mod checks;
mod functions;
mod stage;

use super::{ConfigArgs, Failure, render};
use crate::signals;
use anyhow::anyhow;
use clap::Args;
use serde_json::json;
use stage::Stage;
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Check on this database and broker that tasks end as they must, whatever happens
///
/// It works in a place of its own, a schema `ekiden_selftest` or a file `ekiden_selftest.db` beside the
/// database, and in queues of its own, and removes them at the end. Nobody's data is touched. It exits
/// with status 1 if a check failed.
#[derive(Debug, Args)]
pub(super) struct Selftest {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of one check.
struct Checked {
    name: &'static str,
    took: Duration,
    /// What was wrong, if anything.
    failed: Option<String>,
}

impl Selftest {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let stop = signals::stop()?;
        let stage = Stage::open(self.config.load()?).await?;
        let checked = stop.run_until_cancelled(self.check(&stage)).await;
        stage.close().await?;
        let Some(checked) = checked else {
            return Err(anyhow!("interrupted").into());
        };
        let is_ok = checked.iter().all(|checked| checked.failed.is_none());
        if self.json {
            let each = checked.iter().map(|it| {
                json!({
                    "check": it.name, "ok": it.failed.is_none(),
                    "ms": it.took.as_secs_f64() * 1000.0, "failed": it.failed,
                })
            });
            render::json(&json!({ "ok": is_ok, "checks": each.collect::<Vec<_>>() }))?;
        }
        Ok(if is_ok {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// Makes every check, one after the other, each whatever came of those before.
    async fn check(&self, stage: &Stage) -> Vec<Checked> {
        let mut all = Vec::new();
        for check in checks::ALL {
            let started = Instant::now();
            let failed = match tokio::time::timeout(PATIENCE, check.make(stage)).await {
                Ok(made) => made.err().map(|error| format!("{error:#}")),
                Err(_) => Some(format!("no end within {PATIENCE:?}")),
            };
            let checked = Checked {
                name: check.name(),
                took: started.elapsed(),
                failed,
            };
            if !self.json {
                let level = if checked.failed.is_none() {
                    "ok"
                } else {
                    "FAILED"
                };
                let took = checked.took.as_secs_f64();
                outln!("{level:<7} {took:>6.2} s  {}", checked.name);
                if let Some(failed) = &checked.failed {
                    outln!("{:<18} -> {failed}", "");
                }
            }
            all.push(checked);
        }
        all
    }
}
