//! Aliases: names for versions.

use super::{
    check_scope, put,
    versions::{beside, check_caller},
};
use crate::Enqueue;
use axum::{Json, extract::State, response::NoContent};
use ekiden_domain::{
    Entry, Qualifier, Registry, Scope,
    registry::{Alias, Kind, VersionScope, of_scope, through},
};
use ekiden_store::Change;
use ekiden_wire::{
    Caller, Paged, Problem, Spelling, VersionPath,
    manage::{Answer, IfMatch, Listing, New, Update, alias},
    openapi::{Api, Endpoint},
};

const ALL: Spelling = Spelling {
    fc2: Some("/services/{service}/aliases"),
    fc3: Some("/functions/{function}/aliases"),
};
const ONE: Spelling = Spelling {
    fc2: Some("/services/{service}/aliases/{id}"),
    fc3: Some("/functions/{function}/aliases/{id}"),
};

pub(super) fn api() -> Api<Enqueue> {
    Api::default()
        .at(
            ALL,
            [
                Endpoint::get("ListAliases", "Lists aliases.", list),
                Endpoint::post("CreateAlias", "Makes an alias.", create),
            ],
        )
        .at(
            ONE,
            [
                Endpoint::get("GetAlias", "Shows an alias.", show),
                Endpoint::put("UpdateAlias", "Changes an alias.", update),
                Endpoint::delete("DeleteAlias", "Removes an alias.", delete),
            ],
        )
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
) -> Result<Json<Paged<alias::Told>>, Problem> {
    check_caller(&caller, Scope::Read, &path.scope)?;
    let registry = api.registry().await?;
    check_scope(&registry, &path.scope)?;
    let aliases = of_scope(&registry.aliases, &path.scope);
    let aliases = aliases.map(|(name, entry)| (name.to_owned(), (name, entry)));
    let page = listing.page(aliases, |(name, entry)| alias::Told::of(name, entry));
    Ok(Json(page))
}

async fn create(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
    body: New<alias::AliasBody>,
) -> Result<Answer<alias::Told>, Problem> {
    let scope = &path.scope;
    check_caller(&caller, Scope::Manage, scope)?;
    let body = body.read().await?;
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
    Ok(Answer::of(&entry, alias::Told::of(name.as_str(), &entry)))
}

async fn show(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
) -> Result<Answer<alias::Told>, Problem> {
    check_caller(&caller, Scope::Read, &path.scope)?;
    let registry = api.registry().await?;
    let entry = known(&registry, &path.scope, &path.qualifier()?)?;
    Ok(Answer::of(entry, alias::Told::of(&path.id, entry)))
}

async fn update(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
    if_match: IfMatch,
    body: Update<alias::AliasBody>,
) -> Result<Answer<alias::Told>, Problem> {
    let scope = &path.scope;
    check_caller(&caller, Scope::Manage, scope)?;
    let body = body.read().await?;
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
    Ok(Answer::of(&entry, alias::Told::of(&path.id, &entry)))
}

/// Removes an alias, with the configs of invocations through it.
async fn delete(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
    if_match: IfMatch,
) -> Result<NoContent, Problem> {
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
    Ok(NoContent)
}
