//! `ekiden key`: the access keys that the database keeps.

use super::{
    Failure,
    admin::{OwnerArgs, unexpected},
    render,
};
use crate::admin::{Answer, Request, ShownKey};
use clap::{Args, Subcommand};
use ekiden_domain::{AccessKey, FunctionPattern, Scope, Secret};
use rand::{RngExt, distr::Alphanumeric};
use serde_json::json;
use std::process::ExitCode;

/// How long an id is that is made here, after its prefix.
const ID_LENGTH: usize = 16;
/// How long a secret is, in letters and digits: about 238 bits.
const SECRET_LENGTH: usize = 40;

/// Manage the access keys.
#[derive(Debug, Args)]
pub(super) struct KeyCommand {
    #[command(subcommand)]
    action: KeyAction,
}

#[derive(Debug, Subcommand)]
enum KeyAction {
    /// Make a key; its secret is shown this once
    Create {
        /// Its name; without it one is made up
        #[arg(long, value_parser = AccessKey::parse_id)]
        id: Option<String>,
        /// What it may be used for: invoke, read, manage; repeat it for several, leave it out for
        /// invoke and read
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// The functions it is for, as SERVICE/FUNCTION, with a * at the end for anything; repeat
        /// it for several, leave it out for all
        #[arg(long = "function", value_name = "PATTERN")]
        functions: Vec<FunctionPattern>,
        #[command(flatten)]
        owner: OwnerArgs,
    },
    /// Show every key, without the secrets
    List {
        #[command(flatten)]
        owner: OwnerArgs,
    },
    /// Seal each secret that is kept plain, or was sealed with another key than now
    Seal {
        #[command(flatten)]
        owner: OwnerArgs,
    },
    /// Remove a key
    Revoke {
        /// The key's name
        id: String,
        #[command(flatten)]
        owner: OwnerArgs,
    },
}

impl KeyCommand {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.action {
            KeyAction::Create {
                id,
                scopes,
                functions,
                owner,
            } => {
                let scopes = if scopes.is_empty() {
                    vec![Scope::Invoke, Scope::Read]
                } else {
                    scopes
                };
                let key = AccessKey {
                    id: id.unwrap_or_else(|| format!("EK{}", random(ID_LENGTH))),
                    scopes: scopes.into_iter().collect(),
                    functions: Some(functions).filter(|functions| !functions.is_empty()),
                };
                create(key, owner).await
            }
            KeyAction::List { owner } => list(owner).await,
            KeyAction::Seal { owner } => seal(owner).await,
            KeyAction::Revoke { id, owner } => revoke(id, owner).await,
        }
    }
}

fn random(length: usize) -> String {
    let letters = rand::rng().sample_iter(Alphanumeric).take(length);
    letters.map(char::from).collect()
}

async fn create(key: AccessKey, owner: OwnerArgs) -> Result<ExitCode, Failure> {
    let secret = Secret::new(random(SECRET_LENGTH));
    let request = Request::CreateKey(key.clone(), secret.clone());
    let Answer::KeyCreated(is_new) = owner.ask(request).await? else {
        return Ok(unexpected()?);
    };
    if !is_new {
        let taken = anyhow::anyhow!("there is an access key '{}' already", key.id);
        return Err(Failure::Operation(taken));
    }
    if owner.json {
        render::json(&json!({ "id": key.id, "secret": secret.expose() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    outln!("EKIDEN_ACCESS_KEY_ID={}", key.id);
    outln!("EKIDEN_ACCESS_KEY_SECRET={}", secret.expose());
    eprintln!("The secret is not shown again. From now on every request must be signed.");
    Ok(ExitCode::SUCCESS)
}

async fn list(owner: OwnerArgs) -> Result<ExitCode, Failure> {
    let Answer::Keys(keys) = owner.ask(Request::ListKeys).await? else {
        return Ok(unexpected()?);
    };
    if owner.json {
        let keys = serde_json::to_value(&keys).map_err(anyhow::Error::from)?;
        render::json(&keys)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = keys.iter().map(|ShownKey { key, secret }| {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let functions = key.functions.as_ref().map_or_else(
            || "all".to_owned(),
            |patterns| {
                let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
                patterns.join(" ")
            },
        );
        let secret = secret.as_str().to_owned();
        vec![key.id.clone(), scopes.join(" "), functions, secret]
    });
    render::table(&["ID", "SCOPES", "FUNCTIONS", "SECRET"], rows.collect());
    Ok(ExitCode::SUCCESS)
}

async fn seal(owner: OwnerArgs) -> Result<ExitCode, Failure> {
    let Answer::KeysSealed(count) = owner.ask(Request::SealKeys).await? else {
        return Ok(unexpected()?);
    };
    if owner.json {
        render::json(&json!({ "sealed": count }))?;
    } else {
        outln!("sealed {count} access keys");
    }
    Ok(ExitCode::SUCCESS)
}

async fn revoke(id: String, owner: OwnerArgs) -> Result<ExitCode, Failure> {
    let Answer::Deleted(was_there) = owner.ask(Request::RevokeKey(id.clone())).await? else {
        return Ok(unexpected()?);
    };
    if !was_there {
        let missing = anyhow::anyhow!("there is no access key '{id}'");
        return Err(Failure::Operation(missing));
    }
    if owner.json {
        render::json(&json!({ "revoked": id }))?;
    } else {
        outln!("revoked {id}");
    }
    Ok(ExitCode::SUCCESS)
}
