//! `ekiden serve`: the platform, or some of its roles.

use super::{ConfigArgs, Failure, render};
use crate::{
    platform::{Plan, Platform},
    settings::Role,
    signals,
    telemetry::{self, LogFormat, Traces},
};
use clap::Args;
use ekiden_executor::Handlers;
use serde_json::json;
use std::process::ExitCode;

/// Run the platform, or some of its roles.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigArgs,
    /// Play this role only; repeat it for several
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<Role>,
    /// Migrate an older PostgreSQL schema instead of refusing it
    #[arg(long)]
    migrate: bool,
    /// Serve other machines without authentication
    #[arg(long)]
    insecure: bool,
    /// Validate the configuration and exit
    #[arg(long)]
    check: bool,
    /// How log lines look
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    log_format: LogFormat,
    /// The same as --log-format json; with --check, answer as JSON
    #[arg(long)]
    json: bool,
}

impl Serve {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let settings = self.config.load()?;
        if self.check {
            settings.check(&self.roles).map_err(anyhow::Error::from)?;
            if let Err(problems) = settings.check_exposure(self.insecure, false) {
                // The database may hold a key, which this does not look at.
                eprintln!("warning: {problems}");
            }
            if self.json {
                render::json(&json!({ "valid": true }))?;
            } else {
                outln!("the configuration is valid");
            }
            return Ok(ExitCode::SUCCESS);
        }
        let traces = Traces::start(&settings.telemetry)?;
        let log_format = if self.json {
            LogFormat::Json
        } else {
            self.log_format
        };
        telemetry::start_log(log_format, &traces)?;
        let plan = Plan {
            settings,
            roles: self.roles,
            migrate: self.migrate,
            insecure: self.insecure,
            handlers: Handlers::new(),
            metrics: telemetry::start_metrics()?,
        };
        let stop = signals::stop()?;
        let served = async { Platform::open(plan).await?.run(stop).await }.await;
        traces.end().await;
        served?;
        Ok(ExitCode::SUCCESS)
    }
}
