//! How the asynchronous invocations of a function, through a qualifier, are treated.

use super::{Fields, FromFields, arn, object, time};
use crate::{Dialect, Problem};
use ekiden_domain::{AsyncConfig, Entry, FunctionName, Invalid, Qualifier};
use serde_json::{Value, json};
use std::time::Duration;

/// FC's most retries.
const MAX_RETRIES: u64 = 8;
/// FC's longest age, in seconds: seven days.
const MAX_AGE: u64 = 604_800;
/// What FC 2.0 and FC 3.0 call it that invocations are tasks.
const STATEFUL: [&str; 2] = ["statefulInvocation", "asyncTask"];

/// A config as a request describes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigBody {
    stateful: Option<bool>,
    max_retries: Option<u8>,
    max_age: Option<Duration>,
}

impl FromFields for ConfigBody {
    fn from_fields(mut fields: Fields) -> Result<Self, Problem> {
        let [fc2, fc3] = STATEFUL;
        let stateful = match (fields.flag(fc2)?, fields.flag(fc3)?) {
            (Some(first), Some(second)) if first != second => {
                let allowed = format!("{first}, as {fc2} is");
                return Err(Invalid::new(fc3, &second.to_string(), allowed).into());
            }
            (first, second) => first.or(second),
        };
        let max_retries = fields.whole("maxAsyncRetryAttempts", 0..=MAX_RETRIES)?;
        let max_age = fields.whole("maxAsyncEventAgeInSeconds", 1..=MAX_AGE)?;
        refuse_destinations(&mut fields)?;
        Ok(Self {
            stateful,
            max_retries: max_retries.and_then(|retries| u8::try_from(retries).ok()),
            max_age: max_age.map(Duration::from_secs),
        })
    }
}

/// A destination that nothing is sent to would be worse than none.
fn refuse_destinations(fields: &mut Fields) -> Result<(), Problem> {
    let Some(mut destinations) = fields.object("destinationConfig")? else {
        return Ok(());
    };
    for name in ["onSuccess", "onFailure"] {
        let Some(mut on) = destinations.object(name)? else {
            continue;
        };
        let destination = on.text("destination", usize::MAX)?;
        if destination.is_some_and(|destination| !destination.is_empty()) {
            return Err(Problem::invalid_argument(format!(
                "destinationConfig.{name}: destinations are not available in this version"
            )));
        }
    }
    Ok(())
}

impl ConfigBody {
    /// The config, which was `old`, as it is to be: what is not given stays.
    #[must_use]
    pub fn update(&self, old: &AsyncConfig) -> AsyncConfig {
        AsyncConfig {
            stateful: self.stateful.unwrap_or(old.stateful),
            max_retries: self.max_retries.unwrap_or(old.max_retries),
            max_age: self.max_age.unwrap_or(old.max_age),
            ..old.clone()
        }
    }
}

/// The config's JSON.
#[must_use]
pub fn json(
    dialect: Dialect,
    name: &FunctionName,
    qualifier: &Qualifier,
    entry: &Entry<AsyncConfig>,
) -> Value {
    let config = &entry.value;
    let mut json = object(json!({
        "createdTime": time(entry.created_at),
        "lastModifiedTime": time(entry.changed_at),
        "destinationConfig": {},
        "maxAsyncEventAgeInSeconds": config.max_age.as_secs(),
        "maxAsyncRetryAttempts": config.max_retries,
    }));
    let [fc2, fc3] = STATEFUL;
    json.extend(object(if dialect.is_fc3() {
        json!({ "functionArn": arn(name), "qualifier": qualifier.as_str(), fc3: config.stateful })
    } else {
        json!({
            "service": name.service(),
            "function": name.function(),
            "qualifier": qualifier.as_str(),
            fc2: config.stateful,
        })
    }));
    json.into()
}
