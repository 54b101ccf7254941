//! Shows one invocation, with its payload.

use crate::Enqueue;
use axum::{Json, extract::State};
use ekiden_domain::Scope;
use ekiden_wire::{Caller, InvocationPath, Problem, record};

pub(crate) async fn get(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Json<record::Told>, Problem> {
    let InvocationPath { function, id } = path;
    caller.may(Scope::Read, &function.name)?;
    let record = api.task(&function, &id).await?;
    Ok(Json(record::tell(function.dialect, &record)))
}
