//! Aliases: names for versions.

use super::{
    check_scope, put, routes,
    versions::{beside, check_caller},
};
use crate::Enqueue;
use axum::{
    Json, Router,
    extract::{Request, State},
    routing::get,
};
use ekiden_domain::{
    Entry, Qualifier, Registry, Scope,
    registry::{Alias, Kind, VersionScope, of_scope, through},
};
use ekiden_store::Change;
use ekiden_wire::{
    Caller, Problem, Spelling, VersionPath,
    manage::{Answer, IfMatch, Listing, alias, read},
};
use http::StatusCode;
use serde_json::Value;

const ALL: Spelling = Spelling {
    fc2: Some("/services/{service}/aliases"),
    fc3: Some("/functions/{function}/aliases"),
};
const ONE: Spelling = Spelling {
    fc2: Some("/services/{service}/aliases/{id}"),
    fc3: Some("/functions/{function}/aliases/{id}"),
};

pub(super) fn router() -> Router<Enqueue> {
    routes([
        (ALL, get(list).post(create)),
        (ONE, get(show).put(update).delete(delete)),
    ])
}

fn known<'a>(
    registry: &'a Registry,
    scope: &VersionScope,
    name: &Qualifier,
) -> Result<&'a Entry<Alias>, Problem> {
    check_scope(registry, scope)?;
    let entry = registry.aliases.get(&scope.key(name));
    entry.ok_or_else(|| Problem::not_in_scope(scope, name))
}

/// Checks that there are all the versions which `alias` stands for.
fn check_versions(registry: &Registry, scope: &VersionScope, alias: &Alias) -> Result<(), Problem> {
    for version in alias.additional.keys().chain([&alias.version]) {
        let is_known =
            *version == Qualifier::latest() || registry.versions.contains_key(&scope.key(version));
        if !is_known {
            return Err(Problem::not_in_scope(scope, version));
        }
    }
    Ok(())
}

async fn list(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
    listing: Listing,
) -> Result<Json<Value>, Problem> {
    check_caller(&caller, Scope::Read, &path.scope)?;
    let registry = api.registry().await?;
    check_scope(&registry, &path.scope)?;
    let aliases = of_scope(&registry.aliases, &path.scope);
    let page = listing.cut(aliases.map(|(name, entry)| (name.to_owned(), (name, entry))));
    let page = page.json("aliases", |(name, entry)| alias::json(name, entry));
    Ok(Json(page.into()))
}

async fn create(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
    request: Request,
) -> Result<Answer, Problem> {
    let scope = &path.scope;
    check_caller(&caller, Scope::Manage, scope)?;
    let body: alias::AliasBody = read(request).await?;
    let (name, new) = body.create()?;
    let entry = api.change(|registry, now| {
        check_scope(registry, scope)?;
        check_versions(registry, scope, &new)?;
        let key = scope.key(&name);
        if registry.aliases.contains_key(&key) {
            return Err(Problem::alias_already_exists(scope, &name));
        }
        let (change, entry) = put(Kind::Alias, key, None, new.clone(), now);
        Ok((vec![change], entry))
    });
    let entry = entry.await?;
    Ok(Answer::of(&entry, alias::json(name.as_str(), &entry)))
}

async fn show(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
) -> Result<Answer, Problem> {
    check_caller(&caller, Scope::Read, &path.scope)?;
    let registry = api.registry().await?;
    let entry = known(&registry, &path.scope, &path.qualifier()?)?;
    Ok(Answer::of(entry, alias::json(&path.id, entry)))
}

async fn update(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
    if_match: IfMatch,
    request: Request,
) -> Result<Answer, Problem> {
    let scope = &path.scope;
    check_caller(&caller, Scope::Manage, scope)?;
    let body: alias::AliasBody = read(request).await?;
    let name = path.qualifier()?;
    let entry = api.change(|registry, now| {
        let old = known(registry, scope, &name)?;
        if_match.check(Some(old))?;
        let new = body.update(&path.id, &old.value)?;
        check_versions(registry, scope, &new)?;
        let (change, entry) = put(Kind::Alias, scope.key(&name), Some(old), new, now);
        Ok((vec![change], entry))
    });
    let entry = entry.await?;
    Ok(Answer::of(&entry, alias::json(&path.id, &entry)))
}

/// Removes an alias, with the configs of invocations through it.
async fn delete(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let scope = &path.scope;
    check_caller(&caller, Scope::Manage, scope)?;
    let name = path.qualifier()?;
    let deletion = api.change(|registry, _| {
        let old = known(registry, scope, &name)?;
        if_match.check(Some(old))?;
        let mut changes = vec![Change::remove(Kind::Alias, scope.key(&name), old.revision)];
        changes.extend(beside(
            Kind::Config,
            through(&registry.configs, scope, &name),
        ));
        Ok((changes, ()))
    });
    deletion.await?;
    Ok(StatusCode::NO_CONTENT)
}
