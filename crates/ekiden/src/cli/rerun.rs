//! `ekiden rerun`: enqueues an invocation's payload once more.

use super::{ClientArgs, Failure, InvocationArgs, invoke};
use clap::Args;
use std::process::ExitCode;

/// Run an invocation's payload once more, as an invocation of its own.
#[derive(Debug, Args)]
pub(super) struct Rerun {
    #[command(flatten)]
    invocation: InvocationArgs,
    /// Follow it to its end, and succeed only if it Succeeded
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    client: ClientArgs,
}

impl Rerun {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.client.client()?;
        let invocation = self.invocation.invocation();
        let accepted = client.rerun(invocation).await?;
        if self.wait {
            invoke::wait(&client, invocation.function, &accepted, self.client.json).await
        } else {
            invoke::tell(&accepted, self.client.json)
        }
    }
}
