//! The command line. Each command is a file; this one says which there are.

#[macro_use]
mod out;

mod admin;
mod bench;
mod demo;
mod get;
mod invoke;
mod key;
mod list;
mod render;
mod rerun;
mod result;
mod selftest;
mod serve;
mod stop;

use crate::{
    client::{Client, Invocation, Key},
    settings::{Problems, Settings},
};
use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use ekiden_broker::MAX_PREFIX;
use ekiden_domain::{Function, Secret};
use std::{ffi::OsString, fmt, path::PathBuf, process::ExitCode};

/// Self-hosted stateful asynchronous tasks, with the API of Function Compute.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the platform, or some of its roles
    Serve(serve::Serve),
    /// Show what Ekiden does, on sample tasks in a temporary directory
    Demo(demo::Demo),
    /// Bring the database's schema up to date
    Migrate(admin::Migrate),
    /// Enqueue an invocation
    Invoke(invoke::Invoke),
    /// List a function's invocations
    List(list::List),
    /// Show one invocation
    Get(get::Get),
    /// Run an invocation's payload once more
    Rerun(rerun::Rerun),
    /// Print what an invocation gave
    Result(result::Output),
    /// Stop one invocation
    Stop(stop::Stop),
    /// Manage the registered functions
    Function(admin::FunctionCommand),
    /// Manage the access keys
    Key(key::KeyCommand),
    /// Dispatch everything once more that waits and is due
    Reconcile(admin::Reconcile),
    /// Look for trouble, and say what to do
    Doctor(admin::Doctor),
    /// Check on this database and broker that tasks end as they must, whatever happens
    Selftest(selftest::Selftest),
    /// Measure how fast this machine, database and broker carry tasks
    Bench(bench::Bench),
    /// Be a part of what is measured
    #[command(hide = true, subcommand)]
    BenchPart(bench::Part),
    /// Run a command so that it ends with the worker that asked for it
    #[command(hide = true)]
    Guard {
        /// What the worker says
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// How a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for cannot be meant: exit status 2.
    Usage(String),
    /// It did not work: exit status 1.
    Operation(anyhow::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => f.write_str(what),
            Self::Operation(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        // Settings that are wrong are a misuse, wherever they are found out.
        match error.downcast_ref::<Problems>() {
            Some(problems) => Self::Usage(problems.to_string()),
            None => Self::Operation(error),
        }
    }
}

impl Cli {
    /// Does what was asked for.
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let command = match self.command {
            // It must not depend on anything of the process that it outlives.
            Command::Guard { arguments } => return Ok(ekiden_executor::guard::main(arguments)),
            command => command,
        };
        // Both ends of HTTPS use it. A second installation of the same is no harm.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
        runtime.block_on(command.run())
    }
}

impl Command {
    async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Serve(serve) => serve.run().await,
            Self::Demo(demo) => demo.run().await,
            Self::Migrate(migrate) => migrate.run().await,
            Self::Invoke(invoke) => invoke.run().await,
            Self::List(list) => list.run().await,
            Self::Get(get) => get.run().await,
            Self::Rerun(rerun) => rerun.run().await,
            Self::Result(result) => result.run().await,
            Self::Stop(stop) => stop.run().await,
            Self::Function(function) => function.run().await,
            Self::Key(key) => key.run().await,
            Self::Reconcile(reconcile) => reconcile.run().await,
            Self::Doctor(doctor) => doctor.run().await,
            Self::Selftest(selftest) => selftest.run().await,
            Self::Bench(bench) => bench.run().await,
            Self::BenchPart(part) => part.run().await,
            Self::Guard { .. } => Ok(ExitCode::FAILURE),
        }
    }
}

/// Where the settings are.
#[derive(Debug, Args)]
struct ConfigArgs {
    /// The configuration; without it ./ekiden.toml, if there is one
    #[arg(long, value_name = "FILE", env = if_set("EKIDEN_CONFIG"))]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    fn load(&self) -> Result<Settings, Failure> {
        Settings::load(self.config.as_deref(), environment())
            .map_err(|problems| Failure::Usage(problems.to_string()))
    }
}

/// The name of a variable, unless that is empty: then it counts as not set.
fn if_set(name: &'static str) -> Option<&'static str> {
    std::env::var_os(name)
        .is_none_or(|value| !value.is_empty())
        .then_some(name)
}

/// The environment, without what is not Unicode: no setting is.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The functions of a registry that is part of this program, in the form of `ekiden.toml`.
fn built_in(registry: &str) -> anyhow::Result<Vec<Function>> {
    #[derive(serde::Deserialize)]
    struct Registry {
        function: Vec<Function>,
    }
    let registry: Registry = toml::from_str(registry).context("the functions of this program")?;
    Ok(registry.function)
}

/// What the names of queues and exchanges begin with, beside those of the platform itself.
fn beside(platform: &str, end: &str) -> String {
    let room = MAX_PREFIX - end.len();
    let beginning: String = platform.chars().take(room).collect();
    beginning + end
}

/// Names the access key that client commands sign with.
const KEY_ID: &str = "EKIDEN_ACCESS_KEY_ID";
/// Holds its secret.
const KEY_SECRET: &str = "EKIDEN_ACCESS_KEY_SECRET";

/// How to reach the API; the access key is in `EKIDEN_ACCESS_KEY_ID` and `EKIDEN_ACCESS_KEY_SECRET`.
#[derive(Debug, Args)]
struct ClientArgs {
    /// The API's address
    #[arg(
        long,
        value_name = "URL",
        env = if_set("EKIDEN_ENDPOINT"),
        default_value = "http://127.0.0.1:7070"
    )]
    endpoint: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ClientArgs {
    fn client(&self) -> Result<Client, Failure> {
        let usage = |error: anyhow::Error| Failure::Usage(format!("{error:#}"));
        Client::new(&self.endpoint, key().map_err(usage)?).map_err(usage)
    }
}

/// The access key to sign with. Only the environment tells it: others can read a command line.
fn key() -> anyhow::Result<Option<Key>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable(KEY_ID), variable(KEY_SECRET)) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => Ok(Some(Key {
            id,
            secret: Secret::new(secret),
        })),
        (Some(_), None) => bail!("{KEY_ID} is set, and {KEY_SECRET} is not"),
        (None, Some(_)) => bail!("{KEY_SECRET} is set, and {KEY_ID} is not"),
    }
}

/// One invocation.
#[derive(Debug, Args)]
struct InvocationArgs {
    /// The function, as SERVICE/FUNCTION
    function: ekiden_domain::FunctionName,
    /// The invocation's id
    id: String,
}

impl InvocationArgs {
    fn invocation(&self) -> Invocation<'_> {
        Invocation {
            function: &self.function,
            id: &self.id,
        }
    }
}
