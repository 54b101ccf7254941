//! Whether a function takes new invocations. What was accepted before runs on.

use crate::Enqueue;
use axum::{Json, extract::State};
use ekiden_domain::{Registered, Scope, registry::Disabled};
use ekiden_wire::{
    Caller, FunctionPath, Problem, Spelling,
    manage::{IfMatch, Update, restriction},
    openapi::{Api, Endpoint},
};

const DISABLE: Spelling = Spelling {
    fc2: None,
    fc3: Some("/functions/{function}/invoke/disable"),
};
const ENABLE: Spelling = Spelling {
    fc2: None,
    fc3: Some("/functions/{function}/invoke/enable"),
};

pub(super) fn api() -> Api<Enqueue> {
    let disable = Endpoint::post(
        "DisableFunctionInvocation",
        "Lets a function take no new invocations.",
        disable,
    );
    let enable = Endpoint::post(
        "EnableFunctionInvocation",
        "Lets a function take new invocations again.",
        enable,
    );
    Api::default().at(DISABLE, [disable]).at(ENABLE, [enable])
}

async fn disable(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
    body: Update<restriction::DisableBody>,
) -> Result<Json<restriction::Told>, Problem> {
    let path = path.of_head()?;
    caller.may(Scope::Manage, &path.name)?;
    let reason = body.read().await?.reason;
    let entry = api.alter(&path, &if_match, |old, now| {
        let reason = reason.clone();
        Ok(restricted(old, Some(Disabled { reason, since: now })))
    });
    entry.await?;
    Ok(Json(restriction::Told::DONE))
}

async fn enable(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
) -> Result<Json<restriction::Told>, Problem> {
    let path = path.of_head()?;
    caller.may(Scope::Manage, &path.name)?;
    let entry = api.alter(&path, &if_match, |old, _| Ok(restricted(old, None)));
    entry.await?;
    Ok(Json(restriction::Told::DONE))
}

fn restricted(old: &Registered, disabled: Option<Disabled>) -> Registered {
    Registered {
        disabled,
        ..old.clone()
    }
}
