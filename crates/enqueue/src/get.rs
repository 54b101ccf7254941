//! Shows one invocation, with its payload.

use crate::Enqueue;
use axum::{Json, extract::State};
use ekiden_domain::Scope;
use ekiden_wire::{Caller, InvocationPath, Problem, record};
use serde_json::Value;

pub(crate) async fn get(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Json<Value>, Problem> {
    let InvocationPath { function, id } = path;
    caller.may(Scope::Read, &function.name)?;
    let record = api.task(&function, &id).await?;
    Ok(Json(record::json(function.dialect, &record)))
}
