//! Which trace a request is part of.

use crate::openapi::{Describe, Operation, schema::text};
use axum::extract::FromRequestParts;
use ekiden_domain::TraceContext;
use http::{HeaderMap, HeaderName, request::Parts};
use std::convert::Infallible;

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// An extension of the request, which whoever takes part in its caller's trace puts there: what an
/// invocation goes on with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traced(pub Option<TraceContext>);

impl Traced {
    /// What a caller's headers say. As the W3C has it, a `traceparent` that comes twice is not valid, and
    /// a `tracestate` that does is one.
    #[must_use]
    pub fn by(headers: &HeaderMap) -> Self {
        let mut parents = headers.get_all(PARENT).iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else {
            return Self(None);
        };
        let states = headers.get_all(STATE).iter();
        let states: Result<Vec<_>, _> = states.map(|state| state.to_str()).collect();
        let state = states.unwrap_or_default().join(",");
        let parent = parent.to_str().unwrap_or_default();
        Self(TraceContext::new(parent, &state))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Traced {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

impl Describe for Traced {
    fn describe(operation: &mut Operation) {
        let says = "The trace that it is part of, as in the W3C's Trace Context. What is not valid is ignored.";
        operation.header(PARENT.as_str(), text(), says);
        operation.header(STATE.as_str(), text(), "What goes with `traceparent`.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn traced(fields: &[(HeaderName, &[u8])]) -> Traced {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, value.to_vec().try_into().unwrap());
        }
        Traced::by(&headers)
    }

    #[test]
    fn one_parent_counts_and_all_states() {
        let parent = || (PARENT, TEXT.as_bytes());
        let found = traced(&[parent(), (STATE, b"a=1"), (STATE, b"b=2")]);
        assert_eq!(found, Traced(TraceContext::new(TEXT, "a=1,b=2")));
        let found = traced(&[parent(), (STATE, b"a=\xff")]);
        assert_eq!(found, Traced(TraceContext::new(TEXT, "")));
        for none in [
            &[parent(), parent()][..],
            &[(PARENT, b"\xff")],
            &[(STATE, b"a=1")],
        ] {
            assert_eq!(traced(none), Traced(None));
        }
    }
}
