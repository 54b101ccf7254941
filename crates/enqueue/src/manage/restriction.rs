//! Whether a function takes new invocations. What was accepted before runs on.

use super::routes;
use crate::Enqueue;
use axum::{
    Json, Router,
    extract::{Request, State},
    routing::post,
};
use ekiden_domain::{Registered, Scope, registry::Disabled};
use ekiden_wire::{
    Caller, FunctionPath, Problem, Spelling,
    manage::{IfMatch, read, restriction},
};
use serde_json::Value;

const DISABLE: Spelling = Spelling {
    fc2: None,
    fc3: Some("/functions/{function}/invoke/disable"),
};
const ENABLE: Spelling = Spelling {
    fc2: None,
    fc3: Some("/functions/{function}/invoke/enable"),
};

pub(super) fn router() -> Router<Enqueue> {
    routes([(DISABLE, post(disable)), (ENABLE, post(enable))])
}

async fn disable(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let path = path.of_head()?;
    caller.may(Scope::Manage, &path.name)?;
    let reason = read::<restriction::DisableBody>(request).await?.reason;
    let entry = api.alter(&path, &if_match, |old, now| {
        let reason = reason.clone();
        Ok(restricted(old, Some(Disabled { reason, since: now })))
    });
    entry.await?;
    Ok(Json(restriction::json()))
}

async fn enable(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
) -> Result<Json<Value>, Problem> {
    let path = path.of_head()?;
    caller.may(Scope::Manage, &path.name)?;
    let entry = api.alter(&path, &if_match, |old, _| Ok(restricted(old, None)));
    entry.await?;
    Ok(Json(restriction::json()))
}

fn restricted(old: &Registered, disabled: Option<Disabled>) -> Registered {
    Registered {
        disabled,
        ..old.clone()
    }
}
