//! The commands of the store's owner: `migrate`, `function`, `reconcile`, `doctor`.

use super::{ConfigArgs, Failure, render};
use crate::{
    admin::{Answer, Door, Level, Request},
    settings::load_functions,
};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use ekiden_domain::{Function, FunctionName, Target};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};

/// What every such command takes.
#[derive(Debug, Args)]
pub(super) struct OwnerArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl OwnerArgs {
    /// Asks the store's owner: this process, or the server that has the database.
    pub(super) async fn ask(&self, request: Request) -> Result<Answer, Failure> {
        let settings = self.config.load()?;
        Ok(Door::open(&settings).await?.ask(request).await?)
    }
}

pub(super) fn unexpected<T>() -> anyhow::Result<T> {
    bail!("the server's answer is another's: is it of another version?")
}

/// Bring the database's schema up to date.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    owner: OwnerArgs,
}

impl Migrate {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let Answer::Migrated { from, to } = self.owner.ask(Request::Migrate).await? else {
            return Ok(unexpected()?);
        };
        if self.owner.json {
            render::json(&json!({ "from": from, "to": to }))?;
        } else if from == to {
            outln!("the schema is up to date, at version {to}");
        } else {
            outln!("the schema was migrated from version {from} to {to}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Dispatch everything once more that waits and is due.
#[derive(Debug, Args)]
pub(super) struct Reconcile {
    #[command(flatten)]
    owner: OwnerArgs,
}

impl Reconcile {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let Answer::Reconciled(count) = self.owner.ask(Request::Reconcile).await? else {
            return Ok(unexpected()?);
        };
        if self.owner.json {
            render::json(&json!({ "dispatched": count }))?;
        } else {
            outln!("dispatched {count} waiting invocations once more");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Look for trouble, and say what to do.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    owner: OwnerArgs,
}

impl Doctor {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let Answer::Findings(findings) = self.owner.ask(Request::Doctor).await? else {
            return Ok(unexpected()?);
        };
        if self.owner.json {
            render::json(&serde_json::to_value(&findings).context("the findings")?)?;
        } else {
            for finding in &findings {
                let level = match finding.level {
                    Level::Error => "ERROR",
                    Level::Warning => "warning",
                    Level::Ok => "ok",
                };
                outln!("{level:<8} {:<12} {}", finding.what, finding.found);
                if !finding.advice.is_empty() {
                    outln!("{:<8} {:<12} -> {}", "", "", finding.advice);
                }
            }
        }
        let is_ill = findings.iter().any(|finding| finding.level == Level::Error);
        Ok(if is_ill {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// Manage the registered functions.
#[derive(Debug, Args)]
pub(super) struct FunctionCommand {
    #[command(subcommand)]
    action: FunctionAction,
}

#[derive(Debug, Subcommand)]
enum FunctionAction {
    /// Register the functions of a file, or replace them
    Apply {
        /// Function entries in TOML, or the same in JSON
        file: PathBuf,
        #[command(flatten)]
        owner: OwnerArgs,
    },
    /// Show every registered function
    List {
        #[command(flatten)]
        owner: OwnerArgs,
    },
    /// Remove a function; what waits for it becomes Invalid
    Delete {
        /// The function, as SERVICE/FUNCTION
        function: FunctionName,
        #[command(flatten)]
        owner: OwnerArgs,
    },
}

impl FunctionCommand {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.action {
            FunctionAction::Apply { file, owner } => apply(file, owner).await,
            FunctionAction::List { owner } => list(owner).await,
            FunctionAction::Delete { function, owner } => delete(function, owner).await,
        }
    }
}

async fn apply(file: PathBuf, owner: OwnerArgs) -> Result<ExitCode, Failure> {
    let functions =
        load_functions(&file).map_err(|problems| Failure::Usage(problems.to_string()))?;
    let count = functions.len();
    let Answer::Applied(changed) = owner.ask(Request::ApplyFunctions(functions)).await? else {
        return Ok(unexpected()?);
    };
    let unchanged = count - changed.len();
    if owner.json {
        render::json(&json!({ "applied": changed, "unchanged": unchanged }))?;
    } else {
        for name in &changed {
            outln!("applied {name}");
        }
        outln!("{} applied, {unchanged} unchanged", changed.len());
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(owner: OwnerArgs) -> Result<ExitCode, Failure> {
    let Answer::Functions(functions) = owner.ask(Request::ListFunctions).await? else {
        return Ok(unexpected()?);
    };
    if owner.json {
        render::json(&serde_json::to_value(&functions).context("the functions")?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = [
        "FUNCTION", "TARGET", "TIMEOUT", "AT ONCE", "RETRIES", "MAX AGE",
    ];
    render::table(&header, functions.iter().map(row).collect());
    Ok(ExitCode::SUCCESS)
}

fn row(function: &Function) -> Vec<String> {
    let config = &function.async_config;
    vec![
        format!("{}/{}", function.service, function.name),
        function
            .target
            .as_ref()
            .map_or_else(|| "-".to_owned(), target),
        humantime::format_duration(function.timeout).to_string(),
        function
            .max_concurrency
            .map_or_else(|| "-".to_owned(), |limit| limit.to_string()),
        config.max_retries.to_string(),
        humantime::format_duration(config.max_age).to_string(),
    ]
}

/// A target without what may be secret: a URL's user and query, a command's arguments.
fn target(target: &Target) -> String {
    match target {
        Target::Http(url) => match reqwest::Url::parse(url) {
            Ok(url) => format!("{}{}", url.origin().ascii_serialization(), url.path()),
            Err(_) => "http".to_owned(),
        },
        Target::Command(words) => {
            let program = words.first().map(String::as_str).unwrap_or_default();
            format!("command {program}")
        }
        Target::Handler(name) => format!("handler {name}"),
    }
}

async fn delete(function: FunctionName, owner: OwnerArgs) -> Result<ExitCode, Failure> {
    let Answer::Deleted(was_there) = owner.ask(Request::DeleteFunction(function.clone())).await?
    else {
        return Ok(unexpected()?);
    };
    if !was_there {
        let missing = anyhow::anyhow!("the function '{function}' is not registered");
        return Err(Failure::Operation(missing));
    }
    if owner.json {
        render::json(&json!({ "deleted": function }))?;
    } else {
        outln!("deleted {function}");
    }
    Ok(ExitCode::SUCCESS)
}
