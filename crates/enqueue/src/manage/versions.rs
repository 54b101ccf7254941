//! Versions: what a service's functions, or in FC 3.0 one function, were when it was published.

use super::{check_scope, head, put, services};
use crate::Enqueue;
use axum::{Json, extract::State, response::NoContent};
use ekiden_domain::{
    Entry, Function, Qualifier, Registered, Registry, Scope, Timestamp,
    registry::{Kind, Version, VersionScope, key_of, of_scope, through},
};
use ekiden_store::Change;
use ekiden_wire::{
    Caller, Dialect, Problem, Spelling, VersionPath,
    manage::{Answer, IfMatch, New, VersionListing, version},
    openapi::{Api, Endpoint},
};
use std::sync::Arc;

const ALL: Spelling = Spelling {
    fc2: Some("/services/{service}/versions"),
    fc3: Some("/functions/{function}/versions"),
};
const ONE: Spelling = Spelling {
    fc2: Some("/services/{service}/versions/{id}"),
    fc3: Some("/functions/{function}/versions/{id}"),
};

pub(super) fn api() -> Api<Enqueue> {
    Api::default()
        .at(
            ALL,
            [
                Endpoint::get("ListVersions", "Lists versions.", list),
                Endpoint::post("PublishVersion", "Publishes a version.", publish),
            ],
        )
        .at(
            ONE,
            [Endpoint::delete(
                "DeleteVersion",
                "Removes a version.",
                delete,
            )],
        )
}

/// Whether the caller may do this with the versions and aliases of `scope`.
pub(super) fn check_caller(
    caller: &Caller,
    may: Scope,
    scope: &VersionScope,
) -> Result<(), Problem> {
    match scope {
        VersionScope::Function(name) => caller.may(may, name),
        VersionScope::Service(_) => caller.may_everywhere(may),
    }
}

async fn list(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
    listing: VersionListing,
) -> Result<Json<version::Page>, Problem> {
    check_caller(&caller, Scope::Read, &path.scope)?;
    let registry = api.registry().await?;
    check_scope(&registry, &path.scope)?;
    let versions = of_scope(&registry.versions, &path.scope)
        .filter_map(|(number, entry)| Some((number.parse().ok()?, (number, entry))));
    let page = listing.page(versions, |(number, entry)| version::Told::of(number, entry));
    Ok(Json(page))
}

async fn publish(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
    if_match: IfMatch,
    body: New<version::VersionBody>,
) -> Result<Answer<version::Told>, Problem> {
    let scope = &path.scope;
    check_caller(&caller, Scope::Manage, scope)?;
    let body = body.read().await?;
    let published = api.change(|registry, now| {
        let (count, number) = count(registry, scope, &if_match, now)?;
        let number = Qualifier::version(number);
        let version = Version {
            description: body.description.clone(),
        };
        let (change, entry) = put(Kind::Version, scope.key(&number), None, version, now);
        let mut changes = vec![count, change];
        changes.extend(snapshots(registry, scope, &number));
        Ok((changes, (number, entry)))
    });
    let (number, entry) = published.await?;
    Ok(Answer::of(
        &entry,
        version::Told::of(number.as_str(), &entry),
    ))
}

/// The next number, and the change that counts it: the guard against a second one of it.
fn count(
    registry: &Registry,
    scope: &VersionScope,
    if_match: &IfMatch,
    now: Timestamp,
) -> Result<(Change, u64), Problem> {
    match scope {
        VersionScope::Service(name) => {
            let old = services::known(registry, name)?;
            if_match.check(Some(&*old))?;
            let mut service = old.value.clone();
            service.last_version += 1;
            let number = service.last_version;
            Ok((
                put(Kind::Service, name, Some(&*old), service, now).0,
                number,
            ))
        }
        VersionScope::Function(name) => {
            let old = head(registry, Dialect::V2023, name)?;
            if_match.check(Some(old))?;
            let mut function = old.value.clone();
            function.last_version += 1;
            let number = function.last_version;
            let change = put(Kind::Function, name.as_str(), Some(old), function, now).0;
            Ok((change, number))
        }
    }
}

/// What each function of `scope` is now, kept as the version `number` of it.
fn snapshots(registry: &Registry, scope: &VersionScope, number: &Qualifier) -> Vec<Change> {
    let functions = registry.functions_in(scope).into_iter();
    let snapshots = functions.filter_map(|head| {
        let name = head.value.function.full_name().ok()?;
        let mut function = Arc::clone(&head.value.function);
        if let Some(config) = registry.config(&name, &Qualifier::latest()) {
            function = Arc::new(Function {
                async_config: config.clone(),
                ..(*function).clone()
            });
        }
        let snapshot = Registered {
            function,
            disabled: None,
            ..head.value.clone()
        };
        let key = key_of(&name, number);
        Some(Change::create(Kind::Snapshot, key, &snapshot))
    });
    snapshots.collect()
}

/// Removes a version that no alias stands for, with what was published as it.
async fn delete(
    State(api): State<Enqueue>,
    caller: Caller,
    path: VersionPath,
    if_match: IfMatch,
) -> Result<NoContent, Problem> {
    let scope = &path.scope;
    check_caller(&caller, Scope::Manage, scope)?;
    let number = number(&path)?;
    let deletion = api.change(|registry, _| {
        check_scope(registry, scope)?;
        let key = scope.key(&number);
        let old = registry.versions.get(&key);
        let old = old.ok_or_else(|| Problem::not_in_scope(scope, &number))?;
        if_match.check(Some(old))?;
        let aliases = of_scope(&registry.aliases, scope);
        let mut in_use = aliases.filter(|(_, alias)| {
            let alias = &alias.value;
            alias.version == number || alias.additional.contains_key(&number)
        });
        if let Some((alias, _)) = in_use.next() {
            return Err(Problem::version_in_use(scope, &number, alias));
        }
        let mut changes = vec![Change::remove(Kind::Version, key, old.revision)];
        changes.extend(beside(
            Kind::Snapshot,
            through(&registry.snapshots, scope, &number),
        ));
        changes.extend(beside(
            Kind::Config,
            through(&registry.configs, scope, &number),
        ));
        Ok((changes, ()))
    });
    deletion.await?;
    Ok(NoContent)
}

fn number(path: &VersionPath) -> Result<Qualifier, Problem> {
    let number = path.qualifier().ok().filter(Qualifier::is_version);
    number.ok_or_else(|| {
        ekiden_domain::Invalid::new("versionId", &path.id, "a version's number").into()
    })
}

/// The changes that remove `entries`.
pub(super) fn beside<'a, T: 'a>(
    kind: Kind,
    entries: impl Iterator<Item = (&'a String, &'a Entry<T>)>,
) -> impl Iterator<Item = Change> {
    entries.map(move |(key, entry)| Change::remove(kind, key, entry.revision))
}
