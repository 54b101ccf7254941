//! Processes that this one starts of itself, and that end with it.

use super::{
    calls::Calls,
    load::{Load, Sent},
};
use anyhow::{Context, bail};
use std::{env, ffi::OsString, net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    task::JoinHandle,
};

/// Where the processes find what they need.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) config: Option<PathBuf>,
    pub(super) slots: u32,
    /// How long what ended is kept, if not as configured.
    pub(super) keep: Option<Duration>,
}

/// An API in a process of its own.
pub(super) struct Api {
    child: Child,
    pub(super) address: SocketAddr,
}

/// A worker in a process of its own.
pub(super) struct Worker {
    child: Child,
    /// Counts its calls, and gives at the end how much memory it had, in MiB.
    listening: JoinHandle<anyhow::Result<f64>>,
}

/// Sends a load from a process of its own.
pub(super) async fn send(load: &Load) -> anyhow::Result<Sent> {
    let arguments = load.arguments().into_iter().map(OsString::from);
    let output = part(arguments)?
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot start the load")?;
    if !output.status.success() {
        bail!("the load failed");
    }
    serde_json::from_slice(&output.stdout).context("what the load told")
}

impl Place {
    pub(super) async fn api(&self) -> anyhow::Result<Api> {
        let mut child = self.part("api")?.spawn().context("cannot start an API")?;
        let address = lines(&mut child)?.next_line().await?;
        let address = address.context("an API did not start")?.parse()?;
        Ok(Api { child, address })
    }

    /// One that adds to `calls`.
    pub(super) fn worker(&self, calls: Calls) -> anyhow::Result<Worker> {
        let mut child = self
            .part("worker")?
            .spawn()
            .context("cannot start a worker")?;
        let listening = tokio::spawn(listen(lines(&mut child)?, calls));
        Ok(Worker { child, listening })
    }

    fn part(&self, kind: &str) -> anyhow::Result<Command> {
        let mut arguments = vec![OsString::from(kind)];
        if let Some(config) = &self.config {
            arguments.extend(["--config".into(), config.into()]);
        }
        arguments.extend(["--slots".into(), self.slots.to_string().into()]);
        if let Some(keep) = self.keep {
            arguments.extend(["--keep".into(), keep.as_secs().to_string().into()]);
        }
        part(arguments)
    }
}

impl Api {
    /// Ends it.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        end(&mut self.child).await
    }
}

impl Worker {
    /// Ends it. Returns how much memory it had resident after its tasks, in MiB.
    pub(super) async fn stop(mut self) -> anyhow::Result<f64> {
        end(&mut self.child).await?;
        self.listening.await?
    }
}

fn part(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe().context("this program's own path")?);
    command
        .arg("bench-part")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

fn lines(child: &mut Child) -> anyhow::Result<Lines<BufReader<ChildStdout>>> {
    let out = child.stdout.take().context("what a part says")?;
    Ok(BufReader::new(out).lines())
}

async fn listen(mut lines: Lines<BufReader<ChildStdout>>, calls: Calls) -> anyhow::Result<f64> {
    while let Some(line) = lines.next_line().await? {
        // The last line is a number.
        if let Ok(resident) = line.parse() {
            return Ok(resident);
        }
        calls.add(serde_json::from_str(&line)?);
    }
    bail!("a worker ended untold")
}

async fn end(child: &mut Child) -> anyhow::Result<()> {
    drop(child.stdin.take());
    let status = child.wait().await?;
    if !status.success() {
        bail!("a part of the platform failed: {status}");
    }
    Ok(())
}
