//! Who a request comes from, and what they may do.

use crate::{
    Problem,
    openapi::{Describe, Operation},
};
use axum::extract::FromRequestParts;
use ekiden_domain::{AccessKey, FunctionName, Scope};
use http::{StatusCode, request::Parts};
use std::sync::Arc;

/// Who a request comes from, once its signature was checked: an access key, or anyone where there
/// is no authentication. An extension of the request; one without it is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(Option<Arc<AccessKey>>);

impl Caller {
    /// Anyone: where there is no authentication, and so no limit.
    #[must_use]
    pub const fn anyone() -> Self {
        Self(None)
    }

    /// The holder of `key`.
    #[must_use]
    pub const fn holder_of(key: Arc<AccessKey>) -> Self {
        Self(Some(key))
    }

    /// Whether they may do what `scope` says with `function`.
    ///
    /// # Errors
    /// 403 `AccessDenied` if not; names the key, the scope and the function.
    pub fn may(&self, scope: Scope, function: &FunctionName) -> Result<(), Problem> {
        self.check(scope, Some(function))
    }

    /// Whether they may do what `scope` says with whatever is no function's.
    ///
    /// # Errors
    /// 403 `AccessDenied` if not.
    pub fn may_everywhere(&self, scope: Scope) -> Result<(), Problem> {
        self.check(scope, None)
    }

    /// Whether they may do what `scope` says with some function at least.
    ///
    /// # Errors
    /// 403 `AccessDenied` if not.
    pub fn may_somewhere(&self, scope: Scope) -> Result<(), Problem> {
        match &self.0 {
            Some(key) if !key.scopes.contains(&scope) => Err(denied(key, scope, "any function")),
            _ => Ok(()),
        }
    }

    fn check(&self, scope: Scope, function: Option<&FunctionName>) -> Result<(), Problem> {
        let Some(key) = &self.0 else { return Ok(()) };
        if key.may(scope, function) {
            return Ok(());
        }
        let what = function.map_or("all functions", FunctionName::as_str);
        Err(denied(key, scope, what))
    }
}

fn denied(key: &AccessKey, scope: Scope, what: &str) -> Problem {
    let message = format!(
        "AccessDenied: the access key '{}' has no scope '{scope}' for {what}",
        key.id
    );
    Problem::new(StatusCode::FORBIDDEN, "AccessDenied", message)
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        // Without authentication before it a route must not be open by mistake.
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(Problem::internal)
    }
}

impl Describe for Caller {
    fn describe(operation: &mut Operation) {
        operation.needs_a_key();
        operation.refuses(StatusCode::FORBIDDEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_key_s_holder_may_what_the_key_allows_and_anyone_everything() {
        let name: FunctionName = "media/thumb".parse().unwrap();
        let key = AccessKey {
            id: "reader".to_owned(),
            scopes: BTreeSet::from([Scope::Read]),
            functions: Some(vec!["media/*".parse().unwrap()]),
        };
        let holder = Caller::holder_of(Arc::new(key));
        assert_eq!(holder.may(Scope::Read, &name), Ok(()));
        let problem = holder.may(Scope::Invoke, &name).unwrap_err();
        assert_eq!(
            (problem.status.as_u16(), problem.code),
            (403, "AccessDenied")
        );
        assert!(
            problem
                .message
                .contains("'reader' has no scope 'invoke' for media/thumb")
        );
        assert!(holder.may_everywhere(Scope::Read).is_err());
        assert_eq!(holder.may_somewhere(Scope::Read), Ok(()));
        let problem = holder.may_somewhere(Scope::Invoke).unwrap_err();
        assert!(problem.message.contains("'reader' has no scope 'invoke'"));
        assert_eq!(Caller::anyone().may_everywhere(Scope::Manage), Ok(()));
    }
}
