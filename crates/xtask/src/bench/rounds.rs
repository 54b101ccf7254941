//! The runs, one after the other, and what they told.

use super::{
    measured::Measured,
    peers::{Peer, Peers},
    scale::Size,
};
use crate::services::Environment;
use anyhow::{Context, bail};
use serde_json::{Map, Value};
use std::process::{Command, Stdio};

/// What a run is called in the answer.
pub(super) const LIMIT: &str = "limit";
/// Ekiden with the default slots and connections, with many of both, and all in one process.
pub(super) const USUAL: &str = "ekiden, 64 slots, 64 connections";
pub(super) const MANY: &str = "ekiden, 1,000 slots, 256 connections";
pub(super) const EMBEDDED: &str = "ekiden, SQLite";
/// Ekiden as with many of both, with much in its tables.
pub(super) const LARGE: &str = "ekiden, large tables";

/// What is measured, and where.
pub(super) struct Rounds {
    pub(super) ekiden: Ekiden,
    /// The program that measures the limit.
    pub(super) limit: String,
    pub(super) database: String,
    pub(super) broker: String,
    pub(super) environment: Environment,
}

/// The program, and how much it is given.
pub(super) struct Ekiden {
    pub(super) program: String,
    pub(super) tasks: usize,
    pub(super) rows: usize,
    pub(super) backlog: usize,
    pub(super) long: usize,
}

/// One thing to run.
pub(super) enum Run<'a> {
    Limit,
    Usual,
    Many,
    Embedded,
    Large,
    /// Ekiden in so many processes.
    Scaled(Size),
    Peer(&'a Peers, &'static Peer),
}

impl Rounds {
    /// Runs everything so often, every second round the other way round; and at last, once, what takes
    /// long.
    pub(super) fn run(
        &self,
        rounds: usize,
        runs: &[Run<'_>],
        at_last: &[Run<'_>],
    ) -> anyhow::Result<Measured> {
        let mut measured = Measured::default();
        for round in 1..=rounds {
            for turn in 0..runs.len() {
                let is_back = round % 2 == 0;
                let run = &runs[if is_back { runs.len() - 1 - turn } else { turn }];
                eprintln!("round {round} of {rounds}: {}", run.name());
                self.add(run, &mut measured)?;
            }
        }
        for run in at_last {
            eprintln!("once: {}", run.name());
            self.add(run, &mut measured)?;
        }
        Ok(measured)
    }

    /// Runs this and keeps what it tells. What failed that others do not need is named.
    fn add(&self, run: &Run<'_>, measured: &mut Measured) -> anyhow::Result<()> {
        match (self.once(run), run) {
            (Ok(told), _) => {
                eprintln!("{}", serde_json::to_string(&told)?);
                measured.add(&run.name(), told);
                Ok(())
            }
            (Err(error), Run::Peer(..) | Run::Large) => {
                eprintln!("not run: {error:#}");
                measured.not_run.insert(run.name(), format!("{error:#}"));
                Ok(())
            }
            (Err(error), _) => Err(error.context(run.name())),
        }
    }

    fn once(&self, run: &Run<'_>) -> anyhow::Result<Map<String, Value>> {
        match run {
            Run::Limit => {
                let mut command = self.on_servers(&self.limit);
                command.args(["--sender", &self.ekiden.program]);
                command.args(["--tasks", &self.ekiden.tasks.to_string()]);
                told(&mut command)
            }
            Run::Usual => told(
                self.bench(self.on_servers(&self.ekiden.program), "64", "64")
                    .args(["--rows", "0"]),
            ),
            Run::Many => told(
                self.bench(self.on_servers(&self.ekiden.program), "1000", "256")
                    .args(["--rows", "0"])
                    .args(["--backlog", &self.ekiden.backlog.to_string()]),
            ),
            Run::Embedded => self.embedded(),
            Run::Large => told(
                self.bench(self.on_servers(&self.ekiden.program), "1000", "256")
                    .args(["--rows", &self.ekiden.rows.to_string()])
                    .args(["--long", &self.ekiden.long.to_string()]),
            ),
            Run::Scaled(size) => told(
                self.bench(self.on_servers(&self.ekiden.program), "64", "64")
                    .args(["--rows", "0"])
                    .args(["--apis", &size.apis.to_string()])
                    .args(["--workers", &size.workers.to_string()]),
            ),
            Run::Peer(peers, peer) => peers.run(peer, &self.environment),
        }
    }
}

impl Rounds {
    fn on_servers(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("DATABASE_URL", &self.database)
            .env("AMQP_URL", &self.broker);
        command
    }

    fn bench(&self, mut command: Command, slots: &str, connections: &str) -> Command {
        command
            .args(["bench", "--tasks", &self.ekiden.tasks.to_string()])
            .args(["--slots", slots, "--connections", connections]);
        command
    }

    /// On SQLite, with the queue inside the process.
    fn embedded(&self) -> anyhow::Result<Map<String, Value>> {
        let directory = tempfile::tempdir()?;
        let database = directory.path().join("ekiden.db");
        let mut command = Command::new(&self.ekiden.program);
        command
            .env("DATABASE_URL", format!("sqlite://{}", database.display()))
            .env_remove("AMQP_URL");
        told(self.bench(command, "64", "64").args(["--rows", "0"]))
    }
}

/// The JSON that a command prints last.
pub(super) fn told(command: &mut Command) -> anyhow::Result<Map<String, Value>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty());
        bail!("{}", last.unwrap_or("it failed, and did not say why"));
    }
    let line = String::from_utf8(output.stdout)?;
    let line = line.lines().next_back().context("it told nothing")?;
    serde_json::from_str(line).with_context(|| format!("what it told: {line}"))
}

impl Run<'_> {
    fn name(&self) -> String {
        match self {
            Self::Limit => LIMIT.to_owned(),
            Self::Usual => USUAL.to_owned(),
            Self::Many => MANY.to_owned(),
            Self::Embedded => EMBEDDED.to_owned(),
            Self::Large => LARGE.to_owned(),
            Self::Scaled(size) => size.to_string(),
            Self::Peer(_, peer) => peer.name.to_owned(),
        }
    }
}
