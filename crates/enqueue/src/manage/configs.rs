//! Configs: how the asynchronous invocations of a function, through a qualifier, are treated.

use super::{head, implied, put, routes};
use crate::Enqueue;
use axum::{
    Json, Router,
    extract::{Request, State},
    routing::get,
};
use ekiden_domain::{
    AsyncConfig, Entry, FunctionName, Qualifier, Registered, Registry, Scope,
    name::DEFAULT_SERVICE,
    registry::{Kind, key_of},
};
use ekiden_store::Change;
use ekiden_wire::{
    Caller, Dialect, FunctionPath, Problem, Spelling,
    manage::{Answer, IfMatch, Listing, config, read},
};
use http::StatusCode;
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap};

const ONE: Spelling = Spelling {
    fc2: Some("/services/{service}/functions/{function}/async-invoke-config"),
    fc3: Some("/functions/{function}/async-invoke-config"),
};
const OF_FUNCTION: Spelling = Spelling {
    fc2: Some("/services/{service}/functions/{function}/async-invoke-configs"),
    fc3: None,
};
const ALL: Spelling = Spelling {
    fc2: None,
    fc3: Some("/async-invoke-configs"),
};

pub(super) fn router() -> Router<Enqueue> {
    routes([
        (ONE, get(show).put(update).delete(delete)),
        (OF_FUNCTION, get(list_of_function)),
        (ALL, get(list_all)),
    ])
}

/// The config of `name` through `qualifier`: one that was made, or that the configuration gives.
fn find<'a>(
    registry: &'a Registry,
    name: &FunctionName,
    head: &'a Entry<Registered>,
    qualifier: &Qualifier,
) -> Option<Cow<'a, Entry<AsyncConfig>>> {
    if let Some(entry) = registry.configs.get(&key_of(name, qualifier)) {
        return Some(Cow::Borrowed(entry));
    }
    let config = head.value.function.config(qualifier)?;
    // A function that was made here has one from the start, which nobody gave it.
    let is_given = head.value.attributes.is_none() || config.stateful;
    let given = is_given.then(|| config.clone())?;
    implied(given, [head]).map(Cow::Owned)
}

/// A config, and what it is of.
struct Found<'a> {
    name: FunctionName,
    qualifier: Qualifier,
    entry: Cow<'a, Entry<AsyncConfig>>,
}

/// Every config of one function.
fn every<'a>(registry: &'a Registry, head: &'a Entry<Registered>) -> Vec<Found<'a>> {
    let Ok(name) = head.value.function.full_name() else {
        return Vec::new();
    };
    let qualifiers = registry.configured(&name).into_iter();
    let found = qualifiers.filter_map(|qualifier| {
        Some(Found {
            entry: find(registry, &name, head, &qualifier)?,
            name: name.clone(),
            qualifier,
        })
    });
    found.collect()
}

fn told<'a>(
    registry: &'a Registry,
    dialect: Dialect,
    listing: &Listing,
    heads: impl Iterator<Item = &'a Entry<Registered>>,
) -> Json<Value> {
    let configs = heads.flat_map(|head| every(registry, head));
    let configs: BTreeMap<String, Found<'_>> = configs
        .map(|found| (key_of(&found.name, &found.qualifier), found))
        .collect();
    let page = listing.cut(configs);
    let page = page.json("configs", |found| {
        config::json(dialect, &found.name, &found.qualifier, &found.entry)
    });
    Json(page.into())
}

async fn list_of_function(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    listing: Listing,
) -> Result<Json<Value>, Problem> {
    caller.may(Scope::Read, &path.name)?;
    let registry = api.registry().await?;
    let head = head(&registry, path.dialect, &path.name)?;
    Ok(told(&registry, path.dialect, &listing, [head].into_iter()))
}

async fn list_all(
    State(api): State<Enqueue>,
    caller: Caller,
    listing: Listing,
) -> Result<Json<Value>, Problem> {
    let dialect = Dialect::V2023;
    let Some(function) = listing.query.get("functionName") else {
        caller.may_everywhere(Scope::Read)?;
        let registry = api.registry().await?;
        let heads = registry.functions_of(DEFAULT_SERVICE).map(|(_, head)| head);
        return Ok(told(&registry, dialect, &listing, heads));
    };
    let name = FunctionName::new(DEFAULT_SERVICE, function)?;
    caller.may(Scope::Read, &name)?;
    let registry = api.registry().await?;
    let head = head(&registry, dialect, &name)?;
    Ok(told(&registry, dialect, &listing, [head].into_iter()))
}

async fn show(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
) -> Result<Answer, Problem> {
    let (dialect, name, qualifier) = parts(path);
    caller.may(Scope::Read, &name)?;
    let registry = api.registry().await?;
    let head = head(&registry, dialect, &name)?;
    let entry = find(&registry, &name, head, &qualifier);
    let entry = entry.ok_or_else(|| Problem::config_not_found(&name, &qualifier))?;
    let json = config::json(dialect, &name, &qualifier, &entry);
    Ok(Answer::of(&entry, json))
}

fn parts(path: FunctionPath) -> (Dialect, FunctionName, Qualifier) {
    let qualifier = path.qualifier.unwrap_or_else(Qualifier::latest);
    (path.dialect, path.name, qualifier)
}

/// Makes a config, or changes it; what is not given stays as it is in effect. Its destinations are
/// enabled.
async fn update(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
    request: Request,
) -> Result<Answer, Problem> {
    let (dialect, name, qualifier) = parts(path);
    caller.may(Scope::Manage, &name)?;
    let body: config::ConfigBody = read(request).await?;
    let entry = api.change(|registry, now| {
        let head = head(registry, dialect, &name)?;
        let resolved = registry.resolve(&name, &qualifier, 1.0);
        let resolved =
            resolved.map_err(|_| Problem::qualifier_not_found(dialect, &name, &qualifier))?;
        let old = find(registry, &name, head, &qualifier);
        if_match.check(old.as_deref())?;
        let new = body.update(&resolved.config);
        let destinations = [&new.on_success, &new.on_failure].into_iter().flatten();
        let mut changes: Vec<Change> = destinations
            .filter_map(|destination| Change::enabling(registry, &name, destination))
            .collect();
        // Both may be one.
        changes.dedup();
        let key = key_of(&name, &qualifier);
        let (change, entry) = put(Kind::Config, key, old.as_deref(), new, now);
        changes.push(change);
        Ok((changes, entry))
    });
    let entry = entry.await?;
    let json = config::json(dialect, &name, &qualifier, &entry);
    Ok(Answer::of(&entry, json))
}

/// Removes a config that was made here; what the configuration gives counts again.
async fn delete(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let (dialect, name, qualifier) = parts(path);
    caller.may(Scope::Manage, &name)?;
    let deletion = api.change(|registry, _| {
        let head = head(registry, dialect, &name)?;
        let old = find(registry, &name, head, &qualifier);
        let old = old.ok_or_else(|| Problem::config_not_found(&name, &qualifier))?;
        if_match.check(Some(&*old))?;
        if old.revision == 0 {
            return Err(Problem::invalid_argument(format!(
                "the async config of {name} is given by the configuration, and cannot be deleted \
                 here; it can be changed"
            )));
        }
        let key = key_of(&name, &qualifier);
        Ok((vec![Change::remove(Kind::Config, key, old.revision)], ()))
    });
    deletion.await?;
    Ok(StatusCode::NO_CONTENT)
}
