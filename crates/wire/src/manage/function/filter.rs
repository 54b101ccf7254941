//! Which functions a list of FC 3.0 is of.

use crate::{Problem, Query};
use ekiden_domain::Invalid;
use ekiden_domain::Registered;

/// Which functions a list is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionFilter {
    /// Whether FC 3.0's are left out, so that none are.
    is_of_fc2: bool,
    name: Option<String>,
    description: Option<String>,
    runtime: Option<String>,
}

impl FunctionFilter {
    /// What `query` asks for.
    ///
    /// # Errors
    /// If it asks for what is not told of functions here: a list that ignored it would be wrong.
    pub fn of(query: &Query) -> Result<Self, Problem> {
        for name in ["gpuType", "resourceGroupId", "tags"] {
            // An SDK sends an empty list of tags as it is.
            if let Some(value) = query.get(name).filter(|value| *value != "[]") {
                let allowed = "left out: functions cannot be found by it here";
                return Err(Invalid::new(name, value, allowed).into());
            }
        }
        let is_of_fc2 = match query.get("fcVersion") {
            None | Some("v3") => false,
            Some("v2") => true,
            Some(other) => return Err(Invalid::new("fcVersion", other, "v2 or v3").into()),
        };
        let get = |name| query.get(name).map(str::to_owned);
        Ok(Self {
            is_of_fc2,
            name: get("functionName"),
            description: get("description"),
            runtime: get("runtime"),
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
