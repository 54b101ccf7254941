//! The management API: services, functions, versions, aliases, configs.
//!
//! Every resource is a file of the same shape. A handler asks whether the caller may, looks into
//! the [`Registry`], and answers with an entry of it. One that changes something says so as a pure
//! decision: which [`Change`]s follow from what is registered now, and what is then answered.
//! [`Enqueue::change`] makes them, and decides anew where another came first.

mod aliases;
mod concurrency;
mod configs;
mod functions;
mod restriction;
mod services;
mod versions;

use crate::{Enqueue, failed};
use ekiden_domain::{
    Destination, Entry, FunctionName, Registered, Registry, Timestamp,
    registry::{Document, Kind, VersionScope},
};
use ekiden_store::Change;
use ekiden_wire::{Dialect, Problem, openapi::Api};
use std::sync::Arc;

/// How often a change may find that another came first.
const ROUNDS: usize = 10;

/// What is to be changed, and what is answered then.
type Decision<T> = Result<(Vec<Change>, T), Problem>;

/// What is served of every resource.
pub(crate) fn api() -> Api<Enqueue> {
    services::api()
        .merge(functions::api())
        .merge(versions::api())
        .merge(aliases::api())
        .merge(configs::api())
        .merge(concurrency::api())
        .merge(restriction::api())
}

impl Enqueue {
    /// Everything that is registered at this moment.
    async fn registry(&self) -> Result<Arc<Registry>, Problem> {
        self.catalog.registry_now().await.map_err(failed)
    }

    /// Has results of `name` handed on to `destination` again, where it was disabled.
    pub(crate) async fn enable(
        &self,
        name: &FunctionName,
        destination: &Destination,
    ) -> Result<(), Problem> {
        let registry = self.registry().await?;
        if registry.disabled_destination(name, destination).is_none() {
            return Ok(());
        }
        self.change(|registry, _| {
            let enabling = Change::enabling(registry, name, destination);
            Ok((enabling.into_iter().collect(), ()))
        })
        .await
    }

    /// Makes the changes that `decide` says follow from what is registered, and returns what it
    /// says is answered then. Where another change came first, it decides anew.
    async fn change<T>(
        &self,
        decide: impl Fn(&Registry, Timestamp) -> Decision<T>,
    ) -> Result<T, Problem> {
        for _ in 0..ROUNDS {
            let registry = self.registry().await?;
            let now = self.clock.now();
            let (changes, answer) = decide(&registry, now)?;
            if self.catalog.change(&changes, now).await.map_err(failed)? {
                return Ok(answer);
            }
        }
        Err(Problem::concurrent_update())
    }
}

/// The change that makes `value` the document of `key`, which was `old` if it was there, and the
/// entry that it is then. An old one of revision 0 is in no store: see [`implied`].
fn put<T: Document>(
    kind: Kind,
    key: impl Into<String>,
    old: Option<&Entry<T>>,
    value: T,
    now: Timestamp,
) -> (Change, Entry<T>) {
    let (change, revision, created_at) = match old {
        Some(old) if old.revision > 0 => {
            let change = Change::replace(kind, key, &value, old.revision);
            (change, old.revision + 1, old.created_at)
        }
        _ => (Change::create(kind, key, &value), 1, now),
    };
    let entry = Entry {
        value,
        revision,
        created_at,
        changed_at: now,
    };
    (change, entry)
}

/// The entry of what nobody made as such, but what follows from functions that are there.
fn implied<'a, T>(
    value: T,
    functions: impl IntoIterator<Item = &'a Entry<Registered>>,
) -> Option<Entry<T>> {
    let times = functions
        .into_iter()
        .map(|entry| (entry.created_at, entry.changed_at));
    let (created_at, changed_at) = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    Some(Entry {
        value,
        revision: 0,
        created_at,
        changed_at,
    })
}

/// The head of the function `name`.
fn head<'a>(
    registry: &'a Registry,
    dialect: Dialect,
    name: &FunctionName,
) -> Result<&'a Entry<Registered>, Problem> {
    registry.function(name).ok_or_else(|| {
        let has_service = registry.has_service(name.service());
        Problem::function_not_found(dialect, name, has_service)
    })
}

/// Checks that what versions and aliases are of is there.
fn check_scope(registry: &Registry, scope: &VersionScope) -> Result<(), Problem> {
    match scope {
        VersionScope::Function(name) => head(registry, Dialect::V2023, name).map(drop),
        VersionScope::Service(service) if registry.has_service(service) => Ok(()),
        VersionScope::Service(service) => Err(Problem::service_not_found(service)),
    }
}
