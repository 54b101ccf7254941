//! What a path names: a function, through a qualifier; one of its invocations.

use crate::{Dialect, Problem, Query};
use axum::extract::{FromRequestParts, RawPathParams};
use ekiden_domain::{FunctionName, Invalid, Qualifier, name::DEFAULT_SERVICE};
use http::request::Parts;

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

impl FunctionPath {
    fn parse(dialect: Dialect, params: &Params, query: &Query) -> Result<Self, Problem> {
        let service = params.get("service").unwrap_or(DEFAULT_SERVICE);
        let (service, in_path) = match service.split_once('.') {
            Some((service, qualifier)) => (service, Some(qualifier)),
            None => (service, None),
        };
        let name = FunctionName::new(service, params.get("function").unwrap_or_default())?;
        let in_path: Option<Qualifier> = in_path.map(str::parse).transpose()?;
        let in_query: Option<Qualifier> = query.parse("qualifier")?;
        let qualifier = match (in_path, in_query) {
            (Some(path), Some(query)) if path != query => {
                let allowed = format!("'{path}', as in the path");
                return Err(Invalid::new("qualifier", query.as_str(), allowed).into());
            }
            (path, query) => path.or(query),
        };
        Ok(Self {
            dialect,
            name,
            qualifier,
        })
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
mod tests {
    use super::*;

    fn parse(service: Option<&str>, query: &str) -> Result<FunctionPath, Problem> {
        let mut params = vec![("function".to_owned(), "f".to_owned())];
        params.extend(service.map(|service| ("service".to_owned(), service.to_owned())));
        let query = Query::of(&format!("/?{query}").parse().unwrap()).unwrap();
        FunctionPath::parse(Dialect::V2021, &Params(params), &query)
    }

    fn qualifier(path: Result<FunctionPath, Problem>) -> Option<String> {
        path.unwrap().qualifier.map(String::from)
    }

    #[test]
    fn the_qualifier_stands_in_the_path_or_the_query() {
        assert_eq!(qualifier(parse(Some("s"), "")), None);
        assert_eq!(qualifier(parse(Some("s.prod"), "")).unwrap(), "prod");
        assert_eq!(qualifier(parse(Some("s"), "qualifier=1")).unwrap(), "1");
        let same = parse(Some("s.prod"), "qualifier=prod");
        assert_eq!(qualifier(same).unwrap(), "prod");
        let both = parse(Some("s.prod"), "qualifier=1").unwrap_err();
        assert!(both.message.contains("'prod', as in the path"));
    }

    #[test]
    fn a_function_of_no_service_is_in_the_default_one() {
        assert_eq!(parse(None, "").unwrap().name.as_str(), "default/f");
    }

    #[test]
    fn names_that_are_none_are_refused_by_field() {
        for service in ["1s", "", "s/t", "é"] {
            let problem = parse(Some(service), "").unwrap_err();
            assert!(problem.message.starts_with("serviceName"), "{service:?}");
        }
        let problem = parse(Some("s.a.b"), "").unwrap_err();
        assert!(problem.message.starts_with("qualifier 'a.b'"));
    }
}
