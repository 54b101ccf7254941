//! Where a function runs: FC has no word for it, so the environment tells.

use crate::{Problem, manage::Fields};
use ekiden_domain::{Function, Origin, Target, check_target_url};
use serde_json::{Map, Value};

/// The environment variable that names the URL of the server which runs the function.
pub const TARGET_VARIABLE: &str = "EKIDEN_TARGET";

/// The environment that a request gives a function.
pub(super) fn environment(fields: &mut Fields) -> Result<Option<Map<String, Value>>, Problem> {
    let Some(variables) = fields.object(super::ENVIRONMENT)? else {
        return Ok(None);
    };
    let mut environment = Map::new();
    variables.each(|variables, name| {
        let value = variables.text(&name, usize::MAX)?;
        environment.extend(value.map(|value| (name, value.into())));
        Ok(())
    })?;
    Ok(Some(environment))
}

/// Makes the target what the environment `new` says, which `origin` gives; `old` is the one before. A target that no
/// environment gave, but the configuration, stays until one does: so a command can neither be
/// given nor be altered here.
pub(super) fn follow(
    function: &mut Function,
    origin: Origin,
    old: Option<&Value>,
    new: &Value,
) -> Result<(), Problem> {
    match url(Some(new)) {
        Some(url) => {
            let field = format!("{}.{TARGET_VARIABLE}", super::ENVIRONMENT);
            check_target_url(&field, url)?;
            function.target = Some(Target::Http(url.to_owned()));
            function.target_origin = origin;
            function.environment.clear();
            function.working_directory = None;
        }
        None if url(old).is_some() => function.target = None,
        None => {}
    }
    Ok(())
}

fn url(environment: Option<&Value>) -> Option<&str> {
    let url = environment?.get(TARGET_VARIABLE)?.as_str()?;
    (!url.is_empty()).then_some(url)
}
