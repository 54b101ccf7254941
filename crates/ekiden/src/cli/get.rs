//! `ekiden get`: shows one invocation, with what its attempts left and where its result went.

use super::{ClientArgs, Failure, InvocationArgs, render};
use anyhow::Context;
use clap::Args;
use std::process::ExitCode;

/// Show one invocation.
#[derive(Debug, Args)]
pub(super) struct Get {
    #[command(flatten)]
    invocation: InvocationArgs,
    #[command(flatten)]
    client: ClientArgs,
}

impl Get {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.client.client()?;
        let found = client.whole(self.invocation.invocation()).await?;
        if self.client.json {
            render::json(&found)?;
        } else {
            render::record(&serde_json::from_value(found).context("the record")?);
        }
        Ok(ExitCode::SUCCESS)
    }
}
