//! `ekiden result`: what an invocation gave.

use super::{ClientArgs, Failure, InvocationArgs, render};
use anyhow::Context;
use clap::Args;
use serde_json::json;
use std::{
    io::{ErrorKind, Write},
    process::ExitCode,
};

/// Print what an invocation gave, byte for byte.
#[derive(Debug, Args)]
pub(super) struct Output {
    #[command(flatten)]
    invocation: InvocationArgs,
    #[command(flatten)]
    client: ClientArgs,
}

impl Output {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.client.client()?;
        let result = client.result(self.invocation.invocation()).await?;
        if self.client.json {
            // JSON holds text only.
            render::json(&json!({ "result": String::from_utf8_lossy(&result) }))?;
            return Ok(ExitCode::SUCCESS);
        }
        match std::io::stdout().write_all(&result) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written.context("cannot write the result")?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
