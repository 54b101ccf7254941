//! Services.

use super::{implied, put};
use crate::Enqueue;
use axum::{Json, extract::State, response::NoContent};
use ekiden_domain::{
    Entry, Qualifier, Registry, Scope,
    registry::{Kind, Service, VersionScope},
};
use ekiden_store::Change;
use ekiden_wire::{
    Caller, Paged, Problem, ServicePath, Spelling,
    manage::{Answer, IfMatch, Listing, New, Update, service},
    openapi::{Api, Endpoint},
};
use std::{borrow::Cow, collections::BTreeSet};

const ALL: Spelling = Spelling {
    fc2: Some("/services"),
    fc3: None,
};
const ONE: Spelling = Spelling {
    fc2: Some("/services/{service}"),
    fc3: None,
};

pub(super) fn api() -> Api<Enqueue> {
    Api::default()
        .at(
            ALL,
            [
                Endpoint::get("ListServices", "Lists services.", list),
                Endpoint::post("CreateService", "Makes a service.", create),
            ],
        )
        .at(
            ONE,
            [
                Endpoint::get("GetService", "Shows a service.", show),
                Endpoint::put("UpdateService", "Changes a service.", update),
                Endpoint::delete("DeleteService", "Removes a service.", delete),
            ],
        )
}

/// The service of this name: one that was made, or that functions belong to.
pub(super) fn find<'a>(registry: &'a Registry, name: &str) -> Option<Cow<'a, Entry<Service>>> {
    match registry.services.get(name) {
        Some(entry) => Some(Cow::Borrowed(entry)),
        None => {
            let functions = registry.functions_of(name).map(|(_, head)| head);
            implied(Service::default(), functions).map(Cow::Owned)
        }
    }
}

/// The same, or why there is none.
pub(super) fn known<'a>(
    registry: &'a Registry,
    name: &str,
) -> Result<Cow<'a, Entry<Service>>, Problem> {
    find(registry, name).ok_or_else(|| Problem::service_not_found(name))
}

async fn list(
    State(api): State<Enqueue>,
    caller: Caller,
    listing: Listing,
) -> Result<Json<Paged<service::Told>>, Problem> {
    caller.may_everywhere(Scope::Read)?;
    let registry = api.registry().await?;
    let of_functions = registry.functions.keys().filter_map(|key| {
        let (service, _) = key.split_once('/')?;
        Some(service)
    });
    let made = registry.services.keys().map(String::as_str);
    let names: BTreeSet<&str> = of_functions.chain(made).collect();
    let services = names.into_iter().filter_map(|name| {
        let entry = find(&registry, name)?;
        Some((name.to_owned(), (name, entry)))
    });
    let page = listing.page(services, |(name, entry)| service::Told::of(name, &entry));
    Ok(Json(page))
}

async fn create(
    State(api): State<Enqueue>,
    caller: Caller,
    body: New<service::ServiceBody>,
) -> Result<Answer<service::Told>, Problem> {
    caller.may_everywhere(Scope::Manage)?;
    let body = body.read().await?;
    let (name, new) = body.create()?;
    let entry = api.change(|registry, now| {
        if registry.has_service(name) {
            return Err(Problem::service_already_exists(name));
        }
        let (change, entry) = put(Kind::Service, name, None, new.clone(), now);
        Ok((vec![change], entry))
    });
    let entry = entry.await?;
    Ok(Answer::of(&entry, service::Told::of(name, &entry)))
}

async fn show(
    State(api): State<Enqueue>,
    caller: Caller,
    path: ServicePath,
) -> Result<Answer<service::Told>, Problem> {
    caller.may_everywhere(Scope::Read)?;
    let registry = api.registry().await?;
    let entry = known(&registry, &path.service)?;
    if let Some(qualifier) = &path.qualifier {
        check_qualifier(&registry, &path.service, qualifier)?;
    }
    Ok(Answer::of(&entry, service::Told::of(&path.service, &entry)))
}

/// Checks that the service has this version or alias. Its attributes have no effect and are not
/// published with it.
pub(super) fn check_qualifier(
    registry: &Registry,
    service: &str,
    qualifier: &Qualifier,
) -> Result<(), Problem> {
    let scope = VersionScope::Service(service.to_owned());
    let key = scope.key(qualifier);
    let is_known = *qualifier == Qualifier::latest()
        || registry.versions.contains_key(&key)
        || registry.aliases.contains_key(&key);
    if is_known {
        return Ok(());
    }
    Err(Problem::not_in_scope(&scope, qualifier))
}

async fn update(
    State(api): State<Enqueue>,
    caller: Caller,
    path: ServicePath,
    if_match: IfMatch,
    body: Update<service::ServiceBody>,
) -> Result<Answer<service::Told>, Problem> {
    caller.may_everywhere(Scope::Manage)?;
    let name = &path.of_head()?.service;
    let body = body.read().await?;
    let entry = api.change(|registry, now| {
        let old = known(registry, name)?;
        if_match.check(Some(&*old))?;
        let new = body.update(name, &old.value)?;
        let (change, entry) = put(Kind::Service, name, Some(&*old), new, now);
        Ok((vec![change], entry))
    });
    let entry = entry.await?;
    Ok(Answer::of(&entry, service::Told::of(name, &entry)))
}

/// Removes a service that has no functions, with its versions and aliases.
async fn delete(
    State(api): State<Enqueue>,
    caller: Caller,
    path: ServicePath,
    if_match: IfMatch,
) -> Result<NoContent, Problem> {
    caller.may_everywhere(Scope::Manage)?;
    let name = &path.of_head()?.service;
    let deletion = api.change(|registry, _| {
        let old = known(registry, name)?;
        if_match.check(Some(&*old))?;
        if let Some((_, head)) = registry.functions_of(name).next() {
            let function = &head.value.function.name;
            return Err(Problem::service_not_empty(name, function));
        }
        let prefix = VersionScope::Service(name.clone()).prefix();
        let beside = [Kind::Version, Kind::Alias].map(|kind| Change::RemoveAll {
            kind,
            prefix: prefix.clone(),
        });
        let mut changes = vec![Change::remove(Kind::Service, name, old.revision)];
        changes.extend(beside);
        Ok((changes, ()))
    });
    deletion.await?;
    Ok(NoContent)
}
