//! `cargo xtask bench`: the figures of this machine, beside the limit, the goals and, if wanted, other
//! systems.

mod document;
mod figures;
mod measured;
mod peers;
mod rounds;
mod scale;

use crate::{
    built,
    services::{AMQP_URL, DATABASE_URL, Environment, Purpose, Services},
};
use anyhow::{Context, ensure};
use clap::Parser;
use peers::Peers;
use rounds::{Ekiden, Rounds, Run};
use std::{env, path::PathBuf, process::ExitCode};

/// Measure Ekiden beside what this machine allows
///
/// Builds both, starts a PostgreSQL and a RabbitMQ of its own unless EKIDEN_TEST_DATABASE_URL and
/// EKIDEN_TEST_AMQP_URL name others, and measures in rounds, in turn. Nothing else should run meanwhile.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// How often everything is measured; the medians are shown
    #[arg(long, value_name = "N", default_value = "3")]
    rounds: usize,
    /// How many tasks each phase has
    #[arg(short = 'n', long, value_name = "N", default_value = "20000")]
    tasks: usize,
    /// How many rows the list is asked about, once, after the rounds
    #[arg(long, value_name = "N", default_value = "100000")]
    rows: usize,
    /// How many further tasks wait while some are drained; 0 for no backlog
    #[arg(long, value_name = "N", default_value = "0")]
    backlog: usize,
    /// How many tasks go through in a long run with retention, once, after the rounds; 0 for none
    #[arg(long, value_name = "N", default_value = "0")]
    long: usize,
    /// Measure other systems too, on the same servers, and write all into docs/performance.md
    #[arg(long)]
    vs_peers: bool,
    /// Measure instead what each further process does, and write that into docs/scaling.md
    #[arg(long, conflicts_with = "vs_peers")]
    scale: bool,
    /// The folder with the other systems' scripts
    #[arg(long, value_name = "DIR", default_value = "../shared/bench")]
    peers: PathBuf,
    /// Print every run as JSON, not the table
    #[arg(long)]
    json: bool,
    /// The profile that cargo builds with
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
}

/// Measures and prints; fails only where something cannot be measured.
pub(crate) fn bench(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    ensure!(arguments.rounds > 0, "a round is needed at least");
    let peers = if arguments.vs_peers {
        Some(Peers::find(&arguments.peers)?)
    } else {
        None
    };
    let profile = format!("--profile={}", arguments.profile);
    let ekiden = built(&[&profile, "--package=ekiden"])?;
    let limit = built(&[&profile, "--package=ekiden-limit", "--bench=limit"])?;
    let services = match &peers {
        Some(peers) => Services::start_in(|root| peers.servers(root))?,
        None => Services::start(Purpose::Figures)?,
    };
    let environment = services.environment();
    let rounds = Rounds {
        ekiden: Ekiden {
            program: ekiden,
            tasks: arguments.tasks,
            rows: arguments.rows,
            backlog: arguments.backlog,
            long: arguments.long,
        },
        limit,
        database: url(&environment, DATABASE_URL)?,
        broker: url(&environment, AMQP_URL)?,
        environment,
    };
    let at_last: &[Run<'_>] = if arguments.scale { &[] } else { &[Run::Large] };
    let runs = arguments.runs(peers.as_ref());
    let measured = rounds.run(arguments.rounds, &runs, at_last)?;
    let (document, figures) = match &peers {
        _ if arguments.scale => (Some("scaling.md"), scale::table(&measured).to_string()),
        Some(peers) => (
            Some("performance.md"),
            document::beside_peers(&measured, peers),
        ),
        None => (None, figures::table(&measured).to_string()),
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&measured)?);
    } else {
        println!("{figures}");
    }
    if let Some(document) = document {
        let head = document::head(&measured, &rounds.database, &arguments.command());
        document::write(document, &format!("{head}\n{figures}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn runs<'a>(&self, peers: Option<&'a Peers>) -> Vec<Run<'a>> {
        if self.scale {
            return scale::SIZES.map(Run::Scaled).into();
        }
        let mut runs = vec![Run::Limit, Run::Usual, Run::Many, Run::Embedded];
        if let Some(peers) = peers {
            runs.extend(peers.all().map(|peer| Run::Peer(peers, peer)));
        }
        runs
    }

    /// What a person says to have this measured.
    fn command(&self) -> String {
        let Self {
            rounds,
            tasks,
            rows,
            backlog,
            long,
            profile,
            ..
        } = self;
        let numbers = format!("--rounds {rounds} --tasks {tasks} --profile {profile}");
        if self.scale {
            return format!("cargo xtask bench --scale {numbers}");
        }
        format!(
            "cargo xtask bench --vs-peers {numbers} --rows {rows} --backlog {backlog} --long {long}"
        )
    }
}

/// Where a server is: one that was started, or that the environment names.
fn url(environment: &Environment, name: &str) -> anyhow::Result<String> {
    let started = environment.iter().find(|(known, _)| *known == name);
    started
        .map(|(_, url)| url.clone())
        .or_else(|| env::var(name).ok())
        .with_context(|| format!("{name} is not known"))
}
