//! The enqueue API: what producers and owners say. Accepts invocations, shows one, and stops one;
//! runs those that are synchronous; manages what is registered; tells what an invocation left.
//!
//! Each operation is a file. A handler reads the request as checked types of [`ekiden_wire`], lets
//! the domain decide, and answers once the store has made it durable.

mod backlog;
mod failure;
mod get;
mod invoke;
mod manage;
mod native;
mod stop;
mod sync;

pub use backlog::Backlog;

use axum::Router;
use ekiden_domain::{Clock, Missing, Origin, Qualifier, Resolved};
use ekiden_executor::{Executor, Slots};
use ekiden_store::{Catalog, Store};
use ekiden_wire::{
    FunctionPath, Problem, Spelling,
    openapi::{Api, Endpoint},
};
use failure::failed;
use http::StatusCode;
use std::sync::Arc;

const INVOKE: Spelling = Spelling {
    fc2: Some("/services/{service}/functions/{function}/invocations"),
    fc3: Some("/functions/{function}/invocations"),
};
/// How FC's early documentation prints the path.
const INVOKE_BARE: Spelling = Spelling {
    fc2: Some("/services/{service}/functions/{function}"),
    fc3: None,
};
/// In FC 2.0 the same path is stopped by its method.
const ONE: Spelling = Spelling {
    fc2: Some("/services/{service}/functions/{function}/stateful-async-invocations/{id}"),
    fc3: None,
};
const GET_TASK: Spelling = Spelling {
    fc2: None,
    fc3: Some("/functions/{function}/async-tasks/{id}"),
};
const STOP_TASK: Spelling = Spelling {
    fc2: None,
    fc3: Some("/functions/{function}/async-tasks/{id}/stop"),
};

/// What the enqueue API works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Enqueue {
    store: Store,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    executor: Executor,
    slots: Slots,
    backlog: Option<Backlog>,
    origin: Origin,
}

impl Enqueue {
    /// How many synchronous invocations run at once in one process.
    pub const SYNC_SLOTS: u32 = 256;

    /// An enqueue API over `store`, which dispatches what it is given; what is to be run while its
    /// caller waits, `executor` runs in this process. `origin` is who can reach it: targets that it is
    /// given are called as theirs.
    #[must_use]
    pub fn new(
        store: Store,
        catalog: Catalog,
        clock: Arc<dyn Clock>,
        executor: Executor,
        origin: Origin,
    ) -> Self {
        Self {
            store,
            catalog,
            clock,
            executor,
            slots: Slots::new(Self::SYNC_SLOTS),
            backlog: None,
            origin,
        }
    }

    /// With a bound on what has not ended: beyond it nothing is accepted.
    #[must_use]
    pub fn bounded_by(self, backlog: Option<Backlog>) -> Self {
        Self { backlog, ..self }
    }

    /// Its routes, in every spelling. They need [`ekiden_wire::envelope()`] around them.
    pub fn router(self) -> Router {
        Self::api().into_parts().0.with_state(self)
    }

    /// What it serves, and what is told of that.
    #[must_use]
    pub fn api() -> Api<Self> {
        let invoke = |name| {
            Endpoint::post(name, "Runs a function: now, or later.", invoke::invoke)
                .refuses(StatusCode::CONFLICT)
                .refuses(StatusCode::TOO_MANY_REQUESTS)
        };
        let get = |name| Endpoint::get(name, "Shows a task.", get::get);
        let stop = |name| {
            Endpoint::put(name, "Stops a task.", stop::stop)
                .refuses(StatusCode::PRECONDITION_FAILED)
        };
        Api::default()
            .at(INVOKE, [invoke("InvokeFunction")])
            .at(INVOKE_BARE, [invoke("InvokeFunctionAsFirstPrinted")])
            .at(
                ONE,
                [
                    get("GetStatefulAsyncInvocation"),
                    stop("StopStatefulAsyncInvocation"),
                ],
            )
            .at(GET_TASK, [get("GetAsyncTask")])
            .at(STOP_TASK, [stop("StopAsyncTask")])
            .merge(manage::api())
            .merge(native::api())
    }

    /// Takes room for one more invocation, if there is any.
    fn make_room(&self) -> Result<(), Problem> {
        let added = self.backlog.as_ref().map_or(Ok(()), Backlog::add);
        added.map_err(|bound| {
            metrics::counter!("ekiden_throttled_total").increment(1);
            Problem::throttled(bound)
        })
    }

    /// What the function and the qualifier that `path` names mean now.
    async fn resolve(&self, path: &FunctionPath) -> Result<(Qualifier, Resolved), Problem> {
        let name = &path.name;
        let qualifier = path.qualifier.clone().unwrap_or_else(Qualifier::latest);
        let draw = ekiden_domain::chance::draw();
        let resolved = self.catalog.resolve(name, &qualifier, draw).await;
        match resolved.map_err(failed)? {
            Ok(Resolved {
                disabled: Some(disabled),
                ..
            }) => Err(Problem::function_disabled(name, &disabled.reason)),
            Ok(resolved) => Ok((qualifier, resolved)),
            Err(Missing::Qualifier) => {
                let dialect = path.dialect;
                Err(Problem::qualifier_not_found(dialect, name, &qualifier))
            }
            Err(Missing::Function) => Err(self.missing(path).await?),
        }
    }

    /// Why `path` names no function: FC tells a missing service from a missing function.
    async fn missing(&self, path: &FunctionPath) -> Result<Problem, Problem> {
        let FunctionPath { dialect, name, .. } = path;
        let registry = self.catalog.registry().await.map_err(failed)?;
        let has_service = registry.has_service(name.service());
        Ok(Problem::function_not_found(*dialect, name, has_service))
    }

    /// The task of this name: an invocation that get, list and stop show.
    async fn task(&self, path: &FunctionPath, id: &str) -> Result<ekiden_domain::Record, Problem> {
        let FunctionPath {
            dialect,
            name,
            qualifier,
        } = path;
        let not_found = || Problem::invocation_not_found(*dialect, name, id);
        let parsed = ekiden_domain::InvocationId::lookup(id).map_err(|_| not_found())?;
        let found = self.store.find(name, &parsed).await.map_err(failed)?;
        let is_asked_for = |invocation: &ekiden_domain::Invocation| {
            let is_qualified = qualifier
                .as_ref()
                .is_none_or(|q| *q == invocation.qualifier);
            invocation.stateful && is_qualified
        };
        match found {
            Some(record) if is_asked_for(&record.invocation) => Ok(record),
            _ => {
                let registry = self.catalog.registry().await.map_err(failed)?;
                match registry.function(name) {
                    Some(_) => Err(not_found()),
                    None => Err(self.missing(path).await?),
                }
            }
        }
    }
}
