//! The list service: answers what became of the invocations, and has the page that shows it. It never
//! writes.

mod counts;
mod dashboard;
mod functions;

pub use dashboard::dashboard;

use axum::{Json, Router, extract::State};
use counts::Counter;
use ekiden_domain::{Clock, FunctionName, ListQuery, Scope};
use ekiden_store::{Catalog, Store, StoreError};
use ekiden_wire::{
    Caller, ListRequest, Listed, Problem, Spelling,
    openapi::{Api, Endpoint},
};
use std::sync::Arc;

const INVOCATIONS: Spelling = Spelling {
    fc2: Some("/services/{service}/functions/{function}/stateful-async-invocations"),
    fc3: None,
};
const TASKS: Spelling = Spelling {
    fc2: None,
    fc3: Some("/functions/{function}/async-tasks"),
};

const FUNCTIONS: Spelling = Spelling {
    fc2: Some("/stateful-async-invocation-functions"),
    fc3: None,
};

/// What the list service works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct List {
    store: Store,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    counter: Counter,
}

impl List {
    /// A list service over `store`.
    #[must_use]
    pub fn new(store: Store, catalog: Catalog, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            catalog,
            clock,
            counter: Counter::default(),
        }
    }

    /// Its routes, in every spelling. They need [`ekiden_wire::envelope()`] around them.
    pub fn router(self) -> Router {
        Self::api().into_parts().0.with_state(self)
    }

    /// What it serves, and what is told of that.
    #[must_use]
    pub fn api() -> Api<Self> {
        let functions = Endpoint::get(
            "ListStatefulAsyncInvocationFunctions",
            "Lists the functions whose invocations are tasks.",
            functions::functions,
        );
        let list = |name| Endpoint::get(name, "Lists a function's tasks.", list);
        let summary = "Counts invocations by function and status.";
        let counts = Endpoint::get("CountInvocations", summary, counts::counts);
        Api::default()
            .at(INVOCATIONS, [list("ListStatefulAsyncInvocations")])
            .at(TASKS, [list("ListAsyncTasks")])
            .at(FUNCTIONS, [functions])
            .native("/counts", [counts])
    }

    /// Why there is nothing to list of a function: it neither is registered nor ever was, as far as
    /// retention remembers.
    async fn missing(&self, request: &ListRequest) -> Result<Option<Problem>, StoreError> {
        let name = &request.query.function;
        let registry = self.catalog.registry().await?;
        if registry.function(name).is_some() || self.has_any(name).await? {
            return Ok(None);
        }
        let has_service = registry.has_service(name.service());
        let problem = Problem::function_not_found(request.dialect, name, has_service);
        Ok(Some(problem))
    }

    async fn has_any(&self, name: &FunctionName) -> Result<bool, StoreError> {
        let query = ListQuery::new(name.clone(), 1)?;
        Ok(!self.store.list(&query).await?.records.is_empty())
    }
}

async fn list(
    State(list): State<List>,
    caller: Caller,
    request: ListRequest,
) -> Result<Json<Listed>, Problem> {
    caller.may(Scope::Read, &request.query.function)?;
    let page = list.store.list(&request.query).await.map_err(failed)?;
    if page.records.is_empty()
        && let Some(problem) = list.missing(&request).await.map_err(failed)?
    {
        return Err(problem);
    }
    Ok(Json(request.answer(&page)))
}

/// What a reader is told when the store fails. Told once, here; the request's span has its id.
fn failed(error: StoreError) -> Problem {
    match error {
        StoreError::Unavailable(_) | StoreError::Closed => {
            tracing::warn!(error = error.with_causes(), "the store does not answer");
            Problem::unavailable("the database is not available")
        }
        _ => {
            tracing::error!(error = error.with_causes(), "the store failed");
            Problem::internal()
        }
    }
}
