//! How many invocations of a function run at once: FC 3.0's reserved concurrency, here a bound for
//! each worker process.

use super::head;
use crate::Enqueue;
use axum::{extract::State, response::NoContent};
use ekiden_domain::{Function, Registered, Scope};
use ekiden_wire::{
    Caller, FunctionPath, Problem, Spelling,
    manage::{Answer, IfMatch, New, concurrency},
    openapi::{Api, Endpoint},
};
use std::sync::Arc;

const ONE: Spelling = Spelling {
    fc2: None,
    fc3: Some("/functions/{function}/concurrency"),
};

pub(super) fn api() -> Api<Enqueue> {
    Api::default().at(
        ONE,
        [
            Endpoint::get("GetConcurrencyConfig", "Shows a function's bound.", show),
            Endpoint::put("PutConcurrencyConfig", "Bounds a function.", update),
            Endpoint::delete("DeleteConcurrencyConfig", "Unbounds a function.", delete),
        ],
    )
}

async fn show(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
) -> Result<Answer<concurrency::Told>, Problem> {
    caller.may(Scope::Read, &path.name)?;
    let registry = api.registry().await?;
    let head = head(&registry, path.dialect, &path.name)?;
    let reserved = head.value.function.max_concurrency;
    let reserved = reserved.ok_or_else(|| Problem::concurrency_not_found(&path.name))?;
    Ok(Answer::of(
        head,
        concurrency::Told::of(&path.name, reserved),
    ))
}

async fn update(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
    body: New<concurrency::ConcurrencyBody>,
) -> Result<Answer<concurrency::Told>, Problem> {
    let path = path.of_head()?;
    caller.may(Scope::Manage, &path.name)?;
    let reserved = body.read().await?.reserved;
    let entry = api.alter(&path, &if_match, |old, _| Ok(bounded(old, Some(reserved))));
    let told = concurrency::Told::of(&path.name, reserved);
    Ok(Answer::of(&entry.await?, told))
}

async fn delete(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
) -> Result<NoContent, Problem> {
    let path = path.of_head()?;
    caller.may(Scope::Manage, &path.name)?;
    let entry = api.alter(&path, &if_match, |old, _| Ok(bounded(old, None)));
    entry.await?;
    Ok(NoContent)
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
