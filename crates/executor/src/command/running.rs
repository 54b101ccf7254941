//! A command under way, behind its guard.

use super::pipes::Pipes;
use crate::{
    Execution,
    guard::{Report, SWEEP},
};
use bytes::Bytes;
use ekiden_domain::{Fault, Outcome};
use futures::future::join;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::{
    future::pending,
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdUnixStream},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixStream, unix::ReadHalf},
    process::{Child, Command},
    time::timeout,
};

/// How long the worker waits for the guard beyond what the guard itself may take.
const SLACK: Duration = Duration::from_secs(2);

/// A guard and its command. Dropped, it is ended too, but nobody waits for that.
pub(super) struct Running {
    guard: Child,
    socket: UnixStream,
    /// The command's process group, once it is known.
    group: Option<Pid>,
    pipes: Pipes,
}

impl Running {
    /// Starts a guard; its standard streams are seen to here.
    pub(super) fn start(mut guard: Command, max_output: usize) -> io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let socket = UnixStream::from_std(ours)?;
        guard
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut guard = guard.spawn()?;
        let pipes = Pipes::of(&mut guard, max_output)?;
        Ok(Self {
            guard,
            socket,
            group: None,
            pipes,
        })
    }

    /// Waits until the guard says how the command ended, or is lost: `None`.
    pub(super) async fn ended(&mut self, payload: &[u8]) -> Result<Option<Report>, Fault> {
        let (mut from_guard, mut to_guard) = self.socket.split();
        let feed = async {
            // A command that does not want all of its payload is no error.
            let length = (payload.len() as u64).to_be_bytes();
            if to_guard.write_all(&length).await.is_ok() {
                let _ = to_guard.write_all(payload).await;
            }
            pending().await
        };
        tokio::select! {
            report = last_report(&mut from_guard, &mut self.group) => Ok(report),
            Err(fault) = self.pipes.read() => Err(fault),
            never = feed => never,
        }
    }

    /// What became of a command that ended by itself.
    pub(super) async fn result(mut self, report: Option<Report>, argv: &[String]) -> Execution {
        let outcome = match self.judge(report, argv).await {
            Ok(()) => Outcome::Succeeded,
            Err(fault) => Outcome::Failed(fault),
        };
        let (output, log) = self.pipes.take();
        Execution {
            outcome,
            output,
            log,
        }
    }

    async fn judge(&mut self, report: Option<Report>, argv: &[String]) -> Result<(), Fault> {
        if report.is_none() {
            kill_group(self.group);
        }
        // What it wrote is in the pipes. Only a process that the guard may not kill, because it
        // is another user's, can hold them open longer.
        let rest = timeout(SLACK, join(self.pipes.read(), self.guard.wait())).await;
        let (read, guard) = rest.map_or((Ok(()), None), |(read, guard)| (read, guard.ok()));
        let unhandled = |how: &str| {
            let message = self.pipes.with_log(how);
            Err(Fault::function("UnhandledInvocationError", &message))
        };
        match report {
            Some(Report::Exited(0)) => read,
            Some(Report::Exited(status)) => unhandled(&format!("exit status {status}")),
            Some(Report::Killed(0)) => unhandled("killed by a real-time signal"),
            Some(Report::Killed(signal)) => unhandled(&format!("killed by signal {signal}")),
            Some(Report::NotStarted(errno)) => Err(not_started(argv, errno)),
            Some(Report::Started(_)) | None => {
                let message = self.pipes.with_log("the command's guard was lost");
                let gave_up = guard.is_some_and(|status| status.code().is_some());
                Err(if gave_up && self.group.is_none() {
                    Fault::system("GuardLost", &message)
                } else {
                    // As with a lost worker: it may be the function that kills it.
                    Fault::function("GuardLost", &message)
                })
            }
        }
    }

    /// Ends the command and waits until nothing of it is left. Returns what it wrote before.
    pub(super) async fn end(self, kill_grace: Duration) -> (Bytes, Bytes) {
        let (mut guard, mut pipes) = (self.guard, self.pipes);
        let written = pipes.take();
        // The guard takes this for its order.
        drop(self.socket);
        let drain = async {
            // A command that tidies up before it exits must not die of a closed pipe.
            pipes.drain().await;
            pending().await
        };
        let ended = tokio::select! {
            ended = timeout(kill_grace + SWEEP + SLACK, guard.wait()) => ended,
            never = drain => never,
        };
        if !matches!(ended, Ok(Ok(status)) if status.code().is_some()) {
            // The guard was killed, or hangs.
            kill_group(self.group);
            let _ = guard.kill().await;
        }
        written
    }
}

fn kill_group(group: Option<Pid>) {
    if let Some(group) = group {
        let _ = killpg(group, Signal::SIGKILL);
    }
}

async fn last_report(guard: &mut ReadHalf<'_>, group: &mut Option<Pid>) -> Option<Report> {
    let mut report = [0; Report::LENGTH];
    loop {
        guard.read_exact(&mut report).await.ok()?;
        match Report::decode(report)? {
            Report::Started(id) => *group = Some(Pid::from_raw(id)),
            last @ (Report::Exited(_) | Report::Killed(_) | Report::NotStarted(_)) => {
                return Some(last);
            }
        }
    }
}

/// A program that is not there may be on its way: a deployment is under way, or another worker
/// has it.
fn not_started(argv: &[String], errno: i32) -> Fault {
    let error = io::Error::from_raw_os_error(errno);
    let kind = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => "CommandNotFound",
        _ => "CommandNotStarted",
    };
    let program = argv.first().map_or("", String::as_str);
    Fault::system(kind, &format!("cannot start '{program}': {error}"))
}
