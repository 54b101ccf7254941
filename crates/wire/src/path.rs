//! What a path names: a service or a function, through a qualifier; one of a function's invocations;
//! a version or alias.

use crate::{
    Dialect, Problem, Query,
    openapi::{
        Describe, Operation,
        schema::{qualified, qualifier, text, whole, word},
    },
};
use axum::extract::{FromRequestParts, RawPathParams};
use ekiden_domain::{
    FunctionName, Invalid, Qualifier,
    name::{DEFAULT_SERVICE, MAX_FUNCTION, MAX_SERVICE, check_service},
    registry::VersionScope,
};
use http::{StatusCode, request::Parts};
use utoipa::openapi::ObjectBuilder;

const QUALIFIER: &str = "qualifier";

/// A function as a path names it: `service` or `service.qualifier` and a function, or in FC 3.0 the
/// function alone; the qualifier may stand in the query instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionPath {
    /// The spelling of the request.
    pub dialect: Dialect,
    /// The function.
    pub name: FunctionName,
    /// The qualifier, where the request gives one.
    pub qualifier: Option<Qualifier>,
}

/// One invocation as a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvocationPath {
    /// Its function.
    pub function: FunctionPath,
    /// Its id, decoded, as the request has it: not parsed, as no invocation has an illegal one.
    pub id: String,
}

/// One delivery of an invocation's result as a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryPath {
    /// The invocation.
    pub invocation: InvocationPath,
    /// The delivery's number, decoded, as the request has it.
    pub number: String,
}

/// A service as a path names it: `service` or `service.qualifier`; in FC 3.0 the default one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePath {
    /// The spelling of the request.
    pub dialect: Dialect,
    /// The service's name.
    pub service: String,
    /// The qualifier, where the request gives one.
    pub qualifier: Option<Qualifier>,
}

/// The versions or aliases of a service or, in FC 3.0, of a function, as a path names them; or one
/// of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionPath {
    /// What they are of.
    pub scope: VersionScope,
    /// The one that is meant, decoded, as the request has it; empty where all are.
    pub id: String,
}

impl ServicePath {
    fn parse(dialect: Dialect, params: &Params, query: &Query) -> Result<Self, Problem> {
        let service = params.get("service").unwrap_or(DEFAULT_SERVICE);
        let (service, in_path) = match service.split_once('.') {
            Some((service, qualifier)) => (service, Some(qualifier)),
            None => (service, None),
        };
        check_service(service)?;
        let in_path: Option<Qualifier> = in_path.map(str::parse).transpose()?;
        let in_query: Option<Qualifier> = query.parse(QUALIFIER)?;
        let qualifier = match (in_path, in_query) {
            (Some(path), Some(query)) if path != query => {
                let allowed = format!("'{path}', as in the path");
                return Err(Invalid::new(QUALIFIER, query.as_str(), allowed).into());
            }
            (path, query) => path.or(query),
        };
        Ok(Self {
            dialect,
            service: service.to_owned(),
            qualifier,
        })
    }

    /// Refuses another qualifier than `LATEST`.
    ///
    /// # Errors
    /// If there is one.
    pub fn of_head(self) -> Result<Self, Problem> {
        check_head(self.qualifier.as_ref())?;
        Ok(self)
    }
}

impl FunctionPath {
    fn parse(dialect: Dialect, params: &Params, query: &Query) -> Result<Self, Problem> {
        let ServicePath {
            service, qualifier, ..
        } = ServicePath::parse(dialect, params, query)?;
        let name = FunctionName::new(&service, params.get("function").unwrap_or_default())?;
        Ok(Self {
            dialect,
            name,
            qualifier,
        })
    }

    /// Refuses another qualifier than `LATEST`.
    ///
    /// # Errors
    /// If there is one.
    pub fn of_head(self) -> Result<Self, Problem> {
        check_head(self.qualifier.as_ref())?;
        Ok(self)
    }
}

/// What is published cannot be changed.
fn check_head(qualifier: Option<&Qualifier>) -> Result<(), Problem> {
    match qualifier {
        Some(qualifier) if *qualifier != Qualifier::latest() => {
            let allowed = "LATEST or left out: what was published stays as it is";
            Err(Invalid::new(QUALIFIER, qualifier.as_str(), allowed).into())
        }
        _ => Ok(()),
    }
}

impl VersionPath {
    fn parse(dialect: Dialect, params: &Params) -> Result<Self, Problem> {
        let scope = if dialect.is_fc3() {
            let function = params.get("function").unwrap_or_default();
            VersionScope::Function(FunctionName::new(DEFAULT_SERVICE, function)?)
        } else {
            let service = params.get("service").unwrap_or_default();
            check_service(service)?;
            if service == DEFAULT_SERVICE {
                let message = "the functions of the service 'default' are those of FC 3.0, which \
                               are versioned one by one: use the API of 2023-03-30";
                return Err(Problem::invalid_argument(message));
            }
            VersionScope::Service(service.to_owned())
        };
        let id = params.get("id").unwrap_or_default().to_owned();
        Ok(Self { scope, id })
    }

    /// The version or alias that is meant, if there can be one of this name.
    ///
    /// # Errors
    /// If there cannot.
    pub fn qualifier(&self) -> Result<Qualifier, Problem> {
        Ok(self.id.parse()?)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for FunctionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = Params::of(parts, state).await?;
        let query = Query::of(&parts.uri)?;
        Self::parse(Dialect::of(parts.uri.path()), &params, &query)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for InvocationPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = Params::of(parts, state).await?;
        let query = Query::of(&parts.uri)?;
        Ok(Self {
            function: FunctionPath::parse(Dialect::of(parts.uri.path()), &params, &query)?,
            id: params.get("id").unwrap_or_default().to_owned(),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DeliveryPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let invocation = InvocationPath::from_request_parts(parts, state).await?;
        let params = Params::of(parts, state).await?;
        Ok(Self {
            invocation,
            number: params.get("number").unwrap_or_default().to_owned(),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ServicePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = Params::of(parts, state).await?;
        let query = Query::of(&parts.uri)?;
        Self::parse(Dialect::of(parts.uri.path()), &params, &query)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for VersionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = Params::of(parts, state).await?;
        Self::parse(Dialect::of(parts.uri.path()), &params)
    }
}

impl Describe for FunctionPath {
    fn describe(operation: &mut Operation) {
        ServicePath::describe(operation);
    }
}

impl Describe for InvocationPath {
    fn describe(operation: &mut Operation) {
        ServicePath::describe(operation);
        let id = "The id that its producer gave it, or else its request id.";
        operation.path("id", text(), id);
    }
}

impl Describe for DeliveryPath {
    fn describe(operation: &mut Operation) {
        InvocationPath::describe(operation);
        operation.path("number", whole(1..=u32::MAX), "The delivery's number.");
    }
}

impl Describe for ServicePath {
    fn describe(operation: &mut Operation) {
        let says = "The service's name; `service.qualifier` is the same as a `qualifier`.";
        describe_scope(operation, qualified(MAX_SERVICE), says);
        let says = "`LATEST`, a version's number, or an alias.";
        operation.query(QUALIFIER, qualifier(), says);
    }
}

impl Describe for VersionPath {
    fn describe(operation: &mut Operation) {
        describe_scope(operation, word(MAX_SERVICE), "The service's name.");
        operation.path("id", qualifier(), "The version's number, or the alias.");
    }
}

fn describe_scope(operation: &mut Operation, service: ObjectBuilder, says: &str) {
    operation.path("service", service, says);
    operation.path("function", word(MAX_FUNCTION), "The function's name.");
    operation.refuses(StatusCode::NOT_FOUND);
}

/// A path's parameters, each decoded after the path was split, so that `%2F` stays in its segment.
struct Params(Vec<(String, String)>);

impl Params {
    async fn of<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| {
                let path = parts.uri.path();
                Problem::from(Invalid::new("path", path, "percent-encoded UTF-8"))
            })?;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(Self(params.iter().map(owned).collect()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests;
