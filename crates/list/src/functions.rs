//! The functions whose invocations are tasks.

use crate::{List, failed};
use axum::{Json, extract::State};
use ekiden_domain::{Entry, FunctionName, Qualifier, Registered, Registry, Scope};
use ekiden_wire::{Caller, Paged, Problem, StatefulFunction, manage::Listing};

pub(crate) async fn functions(
    State(list): State<List>,
    caller: Caller,
    listing: Listing<0>,
) -> Result<Json<Paged<StatefulFunction>>, Problem> {
    caller.may_everywhere(Scope::Read)?;
    let registry = list.catalog.registry_now().await.map_err(failed)?;
    let heads = registry.functions.values();
    let mut tasks: Vec<_> = heads.flat_map(|head| stateful(&registry, head)).collect();
    tasks.sort();
    let tasks = tasks.into_iter().map(|task| (key(&task), task));
    let tell = |(name, qualifier)| StatefulFunction::new(&name, &qualifier);
    Ok(Json(listing.page(tasks, tell)))
}

fn key((name, qualifier): &(FunctionName, Qualifier)) -> String {
    // What separates them sorts before every character of a name.
    format!("{name} {qualifier}")
}

/// The qualifiers that something was said of for which every invocation of the function is a task.
fn stateful(registry: &Registry, head: &Entry<Registered>) -> Vec<(FunctionName, Qualifier)> {
    let function = &head.value.function;
    let Ok(name) = function.full_name() else {
        return Vec::new();
    };
    let mut qualifiers = registry.configured(&name);
    qualifiers.retain(|qualifier| {
        let resolved = registry.resolve(&name, qualifier, 1.0);
        resolved.is_ok_and(|resolved| resolved.config.stateful)
    });
    let qualifiers = qualifiers.into_iter();
    qualifiers
        .map(|qualifier| (name.clone(), qualifier))
        .collect()
}
