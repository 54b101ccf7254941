//! Functions.

use super::{head, put, services};
use crate::Enqueue;
use axum::{Json, extract::State, response::NoContent};
use ekiden_domain::{
    Entry, FunctionName, Qualifier, Registered, Registry, Scope, Timestamp,
    registry::{Kind, key_of},
};
use ekiden_store::Change;
use ekiden_wire::{
    Caller, Either, FunctionPath, Paged, Problem, ServicePath, Spelling,
    manage::{Answer, IfMatch, Listing, New, Update, function},
    openapi::{Api, Endpoint},
};
use std::convert::Infallible;

const ALL: Spelling = Spelling {
    fc2: Some("/services/{service}/functions"),
    fc3: Some("/functions"),
};
const ONE: Spelling = Spelling {
    fc2: Some("/services/{service}/functions/{function}"),
    fc3: Some("/functions/{function}"),
};
const CODE: Spelling = Spelling {
    fc2: Some("/services/{service}/functions/{function}/code"),
    fc3: Some("/functions/{function}/code"),
};

pub(super) fn api() -> Api<Enqueue> {
    Api::default()
        .at(
            ALL,
            [
                Endpoint::get("ListFunctions", "Lists functions.", list),
                Endpoint::post("CreateFunction", "Makes a function.", create),
            ],
        )
        .at(
            ONE,
            [
                Endpoint::get("GetFunction", "Shows a function.", show),
                Endpoint::put("UpdateFunction", "Changes a function.", update),
                Endpoint::delete("DeleteFunction", "Removes a function.", delete),
            ],
        )
        .at(
            CODE,
            [Endpoint::get(
                "GetFunctionCode",
                "Says that there is no code.",
                code,
            )],
        )
}

/// A page of functions.
type Functions = Either<Paged<function::Fc2>, Paged<function::Fc3>>;

/// The function `name` as `qualifier` has it, with its head; an alias for a mix of versions counts
/// as its first.
fn through<'a>(
    registry: &'a Registry,
    name: &FunctionName,
    qualifier: &Qualifier,
) -> Option<&'a Entry<Registered>> {
    // Beyond every share that the others have.
    let resolved = registry.resolve(name, qualifier, 1.0).ok()?;
    if resolved.version.is_version() {
        return registry.snapshots.get(&key_of(name, &resolved.version));
    }
    registry.function(name)
}

async fn list(
    State(api): State<Enqueue>,
    caller: Caller,
    path: ServicePath,
    filter: function::FunctionFilter,
    listing: Listing,
) -> Result<Json<Functions>, Problem> {
    caller.may_everywhere(Scope::Read)?;
    let ServicePath {
        dialect,
        service,
        qualifier,
    } = path;
    let registry = api.registry().await?;
    let qualifier = qualifier.unwrap_or_else(Qualifier::latest);
    if !dialect.is_fc3() {
        services::known(&registry, &service)?;
        services::check_qualifier(&registry, &service, &qualifier)?;
    }
    let functions = registry.functions_of(&service).filter_map(|(_, head)| {
        let name = head.value.function.full_name().ok()?;
        let shown = through(&registry, &name, &qualifier)?;
        let item = (name, shown, head.created_at);
        let is_asked_for = filter.matches(&shown.value);
        is_asked_for.then(|| (item.0.function().to_owned(), item))
    });
    Ok(Json(if dialect.is_fc3() {
        let tell = |(name, shown, created_at)| function::Fc3::of(&name, shown, created_at);
        Either::Fc3(listing.page(functions, tell))
    } else {
        let tell = |(name, shown, created_at)| function::Fc2::of(&name, shown, created_at);
        Either::Fc2(listing.page(functions, tell))
    }))
}

async fn create(
    State(api): State<Enqueue>,
    caller: Caller,
    path: ServicePath,
    body: New<function::FunctionBody>,
) -> Result<Answer<function::Told>, Problem> {
    let ServicePath {
        dialect, service, ..
    } = path.of_head()?;
    let body = body.read().await?;
    let (name, new) = body.create(&service, api.origin)?;
    caller.may(Scope::Manage, &name)?;
    let entry = api.change(|registry, now| {
        if !dialect.is_fc3() {
            services::known(registry, &service)?;
        }
        if registry.function(&name).is_some() {
            return Err(Problem::function_already_exists(dialect, &name));
        }
        let (change, entry) = put(Kind::Function, name.as_str(), None, new.clone(), now);
        Ok((vec![change], entry))
    });
    let entry = entry.await?;
    let told = function::tell(dialect, &name, &entry, entry.created_at);
    Ok(Answer::of(&entry, told))
}

async fn show(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
) -> Result<Answer<function::Told>, Problem> {
    let FunctionPath {
        dialect,
        name,
        qualifier,
    } = path;
    caller.may(Scope::Read, &name)?;
    let registry = api.registry().await?;
    let head = head(&registry, dialect, &name)?;
    let shown = match &qualifier {
        None => head,
        Some(qualifier) => through(&registry, &name, qualifier)
            .ok_or_else(|| Problem::qualifier_not_found(dialect, &name, qualifier))?,
    };
    let told = function::tell(dialect, &name, shown, head.created_at);
    Ok(Answer::of(shown, told))
}

async fn update(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
    body: Update<function::FunctionBody>,
) -> Result<Answer<function::Told>, Problem> {
    let path = path.of_head()?;
    caller.may(Scope::Manage, &path.name)?;
    let body = body.read().await?;
    let entry = api.alter(&path, &if_match, |old, _| {
        body.update(&path.name, old, api.origin)
    });
    let entry = entry.await?;
    let told = function::tell(path.dialect, &path.name, &entry, entry.created_at);
    Ok(Answer::of(&entry, told))
}

impl Enqueue {
    /// Makes the head of a function what `alter` makes of it.
    pub(super) async fn alter(
        &self,
        path: &FunctionPath,
        if_match: &IfMatch,
        alter: impl Fn(&Registered, Timestamp) -> Result<Registered, Problem>,
    ) -> Result<Entry<Registered>, Problem> {
        let FunctionPath { dialect, name, .. } = path;
        let change = self.change(|registry, now| {
            let old = head(registry, *dialect, name)?;
            if_match.check(Some(old))?;
            let new = alter(&old.value, now)?;
            let (change, entry) = put(Kind::Function, name.as_str(), Some(old), new, now);
            Ok((vec![change], entry))
        });
        change.await
    }
}

/// Removes a function, with what belongs to it alone. Its waiting invocations become Invalid.
async fn delete(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
    if_match: IfMatch,
) -> Result<NoContent, Problem> {
    let FunctionPath { dialect, name, .. } = path.of_head()?;
    caller.may(Scope::Manage, &name)?;
    let deletion = api.change(|registry, _| {
        let old = head(registry, dialect, &name)?;
        if_match.check(Some(old))?;
        let changes = Change::function_removal(registry, &name);
        Ok((changes.unwrap_or_default(), ()))
    });
    deletion.await?;
    Ok(NoContent)
}

async fn code(
    State(api): State<Enqueue>,
    caller: Caller,
    path: FunctionPath,
) -> Result<Infallible, Problem> {
    caller.may(Scope::Read, &path.name)?;
    head(&*api.registry().await?, path.dialect, &path.name)?;
    Err(Problem::code_not_found(&path.name))
}
