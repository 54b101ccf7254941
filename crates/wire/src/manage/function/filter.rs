//! Which functions a list of FC 3.0 is of.

use crate::{
    Dialect, Problem, Query,
    openapi::{
        Describe, Operation,
        schema::{one_of, text},
    },
};
use axum::extract::FromRequestParts;
use ekiden_domain::{Invalid, Registered};
use http::request::Parts;

const NAME: &str = "functionName";
const DESCRIPTION: &str = "description";
const RUNTIME: &str = "runtime";
const GENERATION: &str = "fcVersion";
const FC2: &str = "v2";
const FC3: &str = "v3";

/// Which functions a list is of; all of them in FC 2.0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionFilter {
    /// Whether FC 3.0's are left out, so that none are.
    is_of_fc2: bool,
    name: Option<String>,
    description: Option<String>,
    runtime: Option<String>,
}

impl FunctionFilter {
    fn of(query: &Query) -> Result<Self, Problem> {
        // A list that ignored what it was asked for would be wrong.
        for name in ["gpuType", "resourceGroupId", "tags"] {
            // An SDK sends an empty list of tags as it is.
            if let Some(value) = query.get(name).filter(|value| *value != "[]") {
                let allowed = "left out: functions cannot be found by it here";
                return Err(Invalid::new(name, value, allowed).into());
            }
        }
        let is_of_fc2 = match query.get(GENERATION) {
            None | Some(FC3) => false,
            Some(FC2) => true,
            Some(other) => {
                let allowed = format!("{FC2} or {FC3}");
                return Err(Invalid::new(GENERATION, other, allowed).into());
            }
        };
        let get = |name| query.get(name).map(str::to_owned);
        Ok(Self {
            is_of_fc2,
            name: get(NAME),
            description: get(DESCRIPTION),
            runtime: get(RUNTIME),
        })
    }

    /// Whether `function` is one of them.
    #[must_use]
    pub fn matches(&self, function: &Registered) -> bool {
        let Registered {
            function,
            attributes,
            ..
        } = function;
        let runtime = attributes.as_ref().and_then(|it| it.get("runtime"));
        let runtime = runtime.and_then(|it| it.as_str()).unwrap_or("custom");
        let contains = |text: &str, part: &Option<String>| {
            part.as_ref().is_none_or(|part| text.contains(part))
        };
        !self.is_of_fc2
            && contains(&function.name, &self.name)
            && contains(&function.description, &self.description)
            && self.runtime.as_ref().is_none_or(|asked| asked == runtime)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for FunctionFilter {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        if Dialect::of(parts.uri.path()).is_fc3() {
            Self::of(&Query::of(&parts.uri)?)
        } else {
            Ok(Self::default())
        }
    }
}

impl Describe for FunctionFilter {
    fn describe(operation: &mut Operation) {
        if !operation.dialect.is_fc3() {
            return;
        }
        let generation = one_of([FC2, FC3]).default(Some(FC3.into()));
        for (name, schema, says) in [
            (
                NAME,
                text(),
                "Only functions whose names have this in them.",
            ),
            (
                DESCRIPTION,
                text(),
                "Only functions whose descriptions have this in them.",
            ),
            (RUNTIME, text(), "Only functions of this runtime."),
            (
                GENERATION,
                generation,
                "Functions of FC 2.0 are not told here: `v2` finds none.",
            ),
        ] {
            operation.query(name, schema, says);
        }
    }
}
