//! `ekiden result`: what an invocation gave.

use super::{ClientArgs, Failure, InvocationArgs, render};
use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
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
            render::json(&match str::from_utf8(&result) {
                Ok(text) => json!({ "result": text }),
                // JSON holds text only.
                Err(_) => json!({ "result": BASE64.encode(&result), "resultEncoding": "base64" }),
            })?;
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
