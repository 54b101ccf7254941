//! `ekiden invoke`: enqueues an invocation, and may follow it to its end.

use super::{ClientArgs, Failure, render};
use crate::client::{Accepted, Client, Event, Invocation, NewInvocation, Record};
use anyhow::Context;
use clap::Args;
use ekiden_domain::{FunctionName, Status};
use serde_json::{Value, json};
use std::{fs, io::Read, path::PathBuf, process::ExitCode, time::Duration};

/// How often a followed invocation is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Enqueue an invocation.
#[derive(Debug, Args)]
pub(super) struct Invoke {
    /// The function, as SERVICE/FUNCTION
    function: FunctionName,
    /// The payload
    #[arg(short, long, value_name = "DATA", conflicts_with = "file")]
    data: Option<String>,
    /// A file with the payload; - is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Your id for it; a second one of the same id is refused
    #[arg(long)]
    id: Option<String>,
    /// Run it after this many seconds (0 to 3600)
    #[arg(long, value_name = "SECONDS")]
    delay: Option<String>,
    /// A version or alias
    #[arg(long)]
    qualifier: Option<String>,
    /// Follow it to its end, and succeed only if it Succeeded
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    client: ClientArgs,
}

impl Invoke {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.client.client()?;
        let new = NewInvocation {
            payload: payload(self.data, self.file)?,
            qualifier: self.qualifier,
            id: self.id,
            delay: self.delay,
        };
        let accepted = client.invoke(&self.function, new).await?;
        if self.wait {
            wait(&client, &self.function, &accepted, self.client.json).await
        } else {
            tell(&accepted, self.client.json)
        }
    }
}

/// Says how the invocation is called.
pub(super) fn tell(accepted: &Accepted, is_json: bool) -> Result<ExitCode, Failure> {
    let (request, invocation) = (&accepted.request_id, &accepted.invocation_id);
    if is_json {
        render::json(&json!({ "requestId": request, "invocationId": invocation }))?;
    } else {
        outln!("{invocation}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Follows the invocation to its end and shows it then.
pub(super) async fn wait(
    client: &Client,
    function: &FunctionName,
    accepted: &Accepted,
    is_json: bool,
) -> Result<ExitCode, Failure> {
    let invocation = Invocation {
        function,
        id: &accepted.invocation_id,
    };
    let ended = follow(client, invocation, |event| {
        if !is_json {
            eprintln!("{}  {}", render::time(event.timestamp), event.status);
        }
    });
    let ended = ended.await?;
    let record: Record = serde_json::from_value(ended.clone()).context("the record")?;
    if is_json {
        render::json(&ended)?;
    } else {
        render::record(&record);
    }
    Ok(if record.status == Status::Succeeded {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn payload(data: Option<String>, file: Option<PathBuf>) -> anyhow::Result<Vec<u8>> {
    match (data, file) {
        (Some(data), _) => Ok(data.into_bytes()),
        (None, Some(path)) if path.as_os_str() == "-" => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .read_to_end(&mut bytes)
                .context("cannot read standard input")?;
            Ok(bytes)
        }
        (None, Some(path)) => {
            fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
        }
        (None, None) => Ok(Vec::new()),
    }
}

/// Looks at an invocation until it is final, and tells of each of its events.
pub(super) async fn follow(
    client: &Client,
    invocation: Invocation<'_>,
    tell: impl Fn(&Event),
) -> anyhow::Result<Value> {
    let mut told = 0;
    loop {
        let found = client.get(invocation).await?;
        let record: Record = serde_json::from_value(found.clone()).context("the record")?;
        record.events.iter().skip(told).for_each(&tell);
        told = record.events.len();
        if record.status.is_final() {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}
