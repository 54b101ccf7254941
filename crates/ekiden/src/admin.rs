//! What the owner of the store may do: the registry of functions, access keys, migration, repair
//! and diagnosis.
//!
//! A command does it on the store itself. With SQLite, while a server has the file, it asks that
//! server through the Unix socket beside the file, which only the file's owner may use.

mod doctor;
mod door;
mod socket;

pub(crate) use doctor::{Finding, Level};
pub(crate) use door::Door;
pub(crate) use socket::{has_room_for, listen, socket_of};

use crate::clock::SystemClock;
use anyhow::{Context, bail, ensure};
use ekiden_broker::Broker;
use ekiden_dispatch::redispatch;
use ekiden_domain::{AccessKey, Clock, Function, FunctionName, Secret};
use ekiden_store::{KeptKey, Seal, Store};
use serde::{Deserialize, Serialize};

/// Something that is asked of the store's owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Registers these functions, or replaces them.
    ApplyFunctions(Vec<Function>),
    /// Shows every function.
    ListFunctions,
    /// Removes one.
    DeleteFunction(FunctionName),
    /// Keeps an access key.
    CreateKey(AccessKey, Secret),
    /// Shows every access key, without their secrets.
    ListKeys,
    /// Seals the secrets of all with the key that seals now.
    SealKeys,
    /// Removes the access key of this id.
    RevokeKey(String),
    /// Brings the schema up to date.
    Migrate,
    /// Dispatches everything that waits and is due once more.
    Reconcile,
    /// Looks for trouble.
    Doctor,
}

/// An access key as its owner may see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShownKey {
    /// The key.
    #[serde(flatten)]
    pub(crate) key: AccessKey,
    /// How its secret is kept.
    pub(crate) secret: Seal,
}

/// What is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// Which of the functions were new or changed.
    Applied(Vec<FunctionName>),
    /// Every function, by name.
    Functions(Vec<Function>),
    /// Whether it was there.
    Deleted(bool),
    /// Whether it is new: `false` means that there is one of this id already.
    KeyCreated(bool),
    /// Every access key, by id.
    Keys(Vec<ShownKey>),
    /// How many were not sealed with that key before.
    KeysSealed(u64),
    /// The schema's version before and after.
    Migrated {
        /// Before; 0 if there was none.
        from: i64,
        /// After.
        to: i64,
    },
    /// How many were dispatched.
    Reconciled(u64),
    /// What was found, the worst first.
    Findings(Vec<Finding>),
    /// It failed; why.
    Failed(String),
}

/// Does what is asked, on the store itself.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    store: Store,
    broker: Option<Broker>,
}

impl Admin {
    pub(crate) const fn new(store: Store, broker: Option<Broker>) -> Self {
        Self { store, broker }
    }

    /// Does what is asked; never answers [`Answer::Failed`].
    pub(crate) async fn perform(&self, request: Request) -> anyhow::Result<Answer> {
        if !matches!(request, Request::Migrate | Request::Doctor) {
            if self.store.is_sqlite() {
                // As a server does: nobody else uses the file.
                self.store.migrate().await?;
            }
            self.store.schema().await?.check()?;
        }
        Ok(match request {
            Request::ApplyFunctions(functions) => Answer::Applied(self.apply(functions).await?),
            Request::ListFunctions => {
                let (registry, _) = self.store.registry().await?;
                Answer::Functions(registry.heads().map(|head| (**head).clone()).collect())
            }
            Request::DeleteFunction(name) => {
                Answer::Deleted(self.store.delete_function(&name, SystemClock.now()).await?)
            }
            Request::CreateKey(key, secret) => {
                self.can_seal()?;
                let now = SystemClock.now();
                Answer::KeyCreated(self.store.create_access_key(&key, &secret, now).await?)
            }
            Request::ListKeys => {
                let keys = self.store.access_keys().await?;
                let shown = |KeptKey { key, seal, .. }| ShownKey { key, secret: seal };
                Answer::Keys(keys.into_iter().map(shown).collect())
            }
            Request::SealKeys => {
                self.can_seal()?;
                Answer::KeysSealed(self.store.seal_access_keys().await?)
            }
            Request::RevokeKey(id) => Answer::Deleted(self.store.revoke_access_key(&id).await?),
            Request::Migrate => {
                let from = self.store.schema().await?.applied;
                let to = self.store.migrate().await?.applied;
                Answer::Migrated { from, to }
            }
            Request::Reconcile => {
                let count = redispatch(&self.store, &SystemClock).await?;
                Answer::Reconciled(count)
            }
            Request::Doctor => {
                Answer::Findings(doctor::examine(&self.store, self.broker.as_ref()).await)
            }
        })
    }

    async fn apply(&self, functions: Vec<Function>) -> anyhow::Result<Vec<FunctionName>> {
        let mut changed = Vec::new();
        // Nothing is half-applied for a mistake in the last one.
        let problems: Vec<String> = functions
            .iter()
            .flat_map(Function::problems)
            .map(|problem| problem.to_string())
            .collect();
        if !problems.is_empty() {
            bail!("{}", problems.join("\n"));
        }
        for function in &functions {
            let name = function.full_name().context("a function's name")?;
            if self.store.put_function(function, SystemClock.now()).await? {
                changed.push(name);
            }
        }
        Ok(changed)
    }

    fn can_seal(&self) -> anyhow::Result<()> {
        ensure!(
            self.store.can_seal(),
            "there is nothing to seal secrets with, and the database keeps none as it is: set \
             auth.seal_keys, the same for every process (`openssl rand -base64 32` makes one)"
        );
        Ok(())
    }
}
