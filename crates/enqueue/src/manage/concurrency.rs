//! How many invocations of a function run at once: FC 3.0's reserved concurrency, here a bound for
//! each worker process.

use super::{head, routes};
use crate::Enqueue;
use axum::{
    Router,
    extract::{Request, State},
    routing::get,
};
use ekiden_domain::{Function, Registered, Scope};
use ekiden_wire::{
    Caller, FunctionPath, Problem, Spelling,
    manage::{Answer, IfMatch, concurrency, read},
};
use http::StatusCode;
use std::sync::Arc;

const ONE: Spelling = Spelling {
    fc2: None,
    fc3: Some("/functions/{function}/concurrency"),
};

pub(super) fn router() -> Router<Enqueue> {
    routes([(ONE, get(show).put(update).delete(delete))])
}

async fn show(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
) -> Result<Answer, Problem> {
    caller.may(Scope::Read, &path.name)?;
    let registry = api.registry().await?;
    let head = head(&registry, path.dialect, &path.name)?;
    let reserved = head.value.function.max_concurrency;
    let reserved = reserved.ok_or_else(|| Problem::concurrency_not_found(&path.name))?;
    Ok(Answer::of(head, concurrency::json(&path.name, reserved)))
}

async fn update(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
    request: Request,
) -> Result<Answer, Problem> {
    let path = path.of_head()?;
    caller.may(Scope::Manage, &path.name)?;
    let reserved = read::<concurrency::ConcurrencyBody>(request)
        .await?
        .reserved;
    let entry = api.alter(&path, &if_match, |old, _| Ok(bounded(old, Some(reserved))));
    let json = concurrency::json(&path.name, reserved);
    Ok(Answer::of(&entry.await?, json))
}

async fn delete(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let path = path.of_head()?;
    caller.may(Scope::Manage, &path.name)?;
    let entry = api.alter(&path, &if_match, |old, _| Ok(bounded(old, None)));
    entry.await?;
    Ok(StatusCode::NO_CONTENT)
}

fn bounded(old: &Registered, bound: Option<u32>) -> Registered {
    Registered {
        function: Arc::new(Function {
            max_concurrency: bound,
            ..(*old.function).clone()
        }),
        ..old.clone()
    }
}
