//! `ekiden stop`: stops one invocation.

use super::{ClientArgs, Failure, InvocationArgs, render};
use crate::client::Record;
use anyhow::Context;
use clap::Args;
use std::process::ExitCode;

/// Stop one invocation.
#[derive(Debug, Args)]
pub(super) struct Stop {
    #[command(flatten)]
    invocation: InvocationArgs,
    #[command(flatten)]
    client: ClientArgs,
}

impl Stop {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.client.client()?;
        let invocation = self.invocation.invocation();
        client.stop(invocation).await?;
        let found = client.get(invocation).await?;
        if self.client.json {
            render::json(&found)?;
        } else {
            let record: Record = serde_json::from_value(found).context("the record")?;
            outln!("{} {}", record.invocation_id, record.status);
        }
        Ok(ExitCode::SUCCESS)
    }
}
