//! The way to the store's owner: straight to the store, or through the socket of the server that
//! has it.

use super::{
    Admin, Answer, Request,
    socket::{self, Short},
};
use crate::settings::Settings;
use anyhow::{Context, bail};
use ekiden_broker::Broker;
use ekiden_store::{Database, Store, StoreError};
use std::path::{Path, PathBuf};

/// Where to ask.
#[derive(Debug)]
pub(crate) enum Door {
    /// This process has the store.
    Here(Admin),
    /// A server has it, and listens on this socket.
    There(PathBuf),
}

impl Door {
    /// Opens the store of `settings`, or finds the server that has it.
    pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Self> {
        match Store::open(settings.store()).await {
            Ok(store) => {
                let broker = settings.broker().map(Broker::amqp).transpose()?;
                Ok(Self::Here(Admin::new(store, broker)))
            }
            Err(StoreError::InUse(reason)) => match &settings.database.database {
                Database::Sqlite { path } if socket::socket_of(path).exists() => {
                    Ok(Self::There(socket::socket_of(path)))
                }
                _ => bail!("{reason}"),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&self, request: Request) -> anyhow::Result<Answer> {
        match self {
            Self::Here(admin) => admin.perform(request).await,
            Self::There(socket) => match through(socket, request).await? {
                Answer::Failed(reason) => bail!("{reason}"),
                answer => Ok(answer),
            },
        }
    }
}

async fn through(socket: &Path, request: Request) -> anyhow::Result<Answer> {
    let what = format!(
        "the server that has the database does not answer on {}",
        socket.display()
    );
    let short = Short::of(socket).with_context(|| what.clone())?;
    let client = reqwest::Client::builder();
    let client = client.unix_socket(short.path.as_path()).build()?;
    let response = client.post(socket::URL).json(&request).send().await;
    let response = response.with_context(|| what.clone())?.error_for_status();
    response
        .with_context(|| what.clone())?
        .json()
        .await
        .context(what)
}
