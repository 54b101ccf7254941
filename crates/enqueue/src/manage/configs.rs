//! Configs: how the asynchronous invocations of a function, through a qualifier, are treated.

use super::{head, implied, put};
use crate::Enqueue;
use axum::{Json, extract::State, response::NoContent};
use ekiden_domain::{
    AsyncConfig, Entry, FunctionName, Qualifier, Registered, Registry, Scope,
    name::DEFAULT_SERVICE,
    registry::{Kind, key_of},
};
use ekiden_store::Change;
use ekiden_wire::{
    Caller, Dialect, Either, FunctionPath, Paged, Problem, Spelling,
    manage::{Answer, IfMatch, Listing, Update, config},
    openapi::{Api, Endpoint},
};
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

pub(super) fn api() -> Api<Enqueue> {
    let list = "Lists async configs.";
    Api::default()
        .at(
            ONE,
            [
                Endpoint::get("GetAsyncInvokeConfig", "Shows an async config.", show),
                Endpoint::put(
                    "PutAsyncInvokeConfig",
                    "Makes or changes an async config.",
                    update,
                ),
                Endpoint::delete(
                    "DeleteAsyncInvokeConfig",
                    "Removes an async config.",
                    delete,
                ),
            ],
        )
        .at(
            OF_FUNCTION,
            [Endpoint::get(
                "ListAsyncInvokeConfigs",
                list,
                list_of_function,
            )],
        )
        .at(
            ALL,
            [Endpoint::get("ListAsyncInvokeConfigs", list, list_all)],
        )
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

/// A page of configs.
type Configs = Either<Paged<config::Fc2>, Paged<config::Fc3>>;

fn told<'a>(
    registry: &'a Registry,
    dialect: Dialect,
    listing: &Listing,
    heads: impl Iterator<Item = &'a Entry<Registered>>,
) -> Json<Configs> {
    let configs = heads.flat_map(|head| every(registry, head));
    let configs: BTreeMap<String, Found<'_>> = configs
        .map(|found| (key_of(&found.name, &found.qualifier), found))
        .collect();
    Json(if dialect.is_fc3() {
        let tell = |it: Found<'_>| config::Fc3::of(&it.name, &it.qualifier, &it.entry);
        Either::Fc3(listing.page(configs, tell))
    } else {
        let tell = |it: Found<'_>| config::Fc2::of(&it.name, &it.qualifier, &it.entry);
        Either::Fc2(listing.page(configs, tell))
    })
}

async fn list_of_function(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    listing: Listing,
) -> Result<Json<Configs>, Problem> {
    caller.may(Scope::Read, &path.name)?;
    let registry = api.registry().await?;
    let head = head(&registry, path.dialect, &path.name)?;
    Ok(told(&registry, path.dialect, &listing, [head].into_iter()))
}

async fn list_all(
    State(api): State<Enqueue>,
    caller: Caller,
    config::OfFunction(function): config::OfFunction,
    listing: Listing,
) -> Result<Json<Configs>, Problem> {
    let dialect = Dialect::V2023;
    let Some(name) = function else {
        caller.may_everywhere(Scope::Read)?;
        let registry = api.registry().await?;
        let heads = registry.functions_of(DEFAULT_SERVICE).map(|(_, head)| head);
        return Ok(told(&registry, dialect, &listing, heads));
    };
    caller.may(Scope::Read, &name)?;
    let registry = api.registry().await?;
    let head = head(&registry, dialect, &name)?;
    Ok(told(&registry, dialect, &listing, [head].into_iter()))
}

async fn show(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
) -> Result<Answer<config::Told>, Problem> {
    let (dialect, name, qualifier) = parts(path);
    caller.may(Scope::Read, &name)?;
    let registry = api.registry().await?;
    let head = head(&registry, dialect, &name)?;
    let entry = find(&registry, &name, head, &qualifier);
    let entry = entry.ok_or_else(|| Problem::config_not_found(&name, &qualifier))?;
    let told = config::tell(dialect, &name, &qualifier, &entry);
    Ok(Answer::of(&entry, told))
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
    body: Update<config::ConfigBody>,
) -> Result<Answer<config::Told>, Problem> {
    let (dialect, name, qualifier) = parts(path);
    caller.may(Scope::Manage, &name)?;
    let body = body.read().await?;
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
    let told = config::tell(dialect, &name, &qualifier, &entry);
    Ok(Answer::of(&entry, told))
}

/// Removes a config that was made here; what the configuration gives counts again.
async fn delete(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
) -> Result<NoContent, Problem> {
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
    Ok(NoContent)
}
