//! How the asynchronous invocations of a function, through a qualifier, are treated.

use super::{Fields, FromFields, arn, object, time};
use crate::{Dialect, Problem};
use ekiden_domain::{AsyncConfig, Destination, Entry, FunctionName, Invalid, Qualifier};
use serde_json::{Value, json};
use std::time::Duration;

/// FC's most retries.
const MAX_RETRIES: u64 = 8;
/// FC's longest age, in seconds: seven days.
const MAX_AGE: u64 = 604_800;
const DESTINATIONS: &str = "destinationConfig";
const ON_SUCCESS: &str = "onSuccess";
const ON_FAILURE: &str = "onFailure";
/// What FC 2.0 and FC 3.0 call it that invocations are tasks.
const STATEFUL: [&str; 2] = ["statefulInvocation", "asyncTask"];

/// A config as a request describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigBody {
    stateful: Option<bool>,
    max_retries: Option<u8>,
    max_age: Option<Duration>,
    destinations: Option<Destinations>,
}

/// Both destinations: one that is not named is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Destinations {
    on_success: Option<Destination>,
    on_failure: Option<Destination>,
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
        let destinations = fields.object(DESTINATIONS)?;
        Ok(Self {
            stateful,
            max_retries: max_retries.and_then(|retries| u8::try_from(retries).ok()),
            max_age: max_age.map(Duration::from_secs),
            destinations: destinations.map(Destinations::read).transpose()?,
        })
    }
}

impl Destinations {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let mut read = |name: &str| -> Result<Option<Destination>, Problem> {
            let Some(mut on) = fields.object(name)? else {
                return Ok(None);
            };
            let text = on.text("destination", usize::MAX)?;
            let text = text.filter(|text| !text.is_empty());
            let parsed = text.map(|text| text.parse::<Destination>()).transpose();
            let field = format!("{DESTINATIONS}.{name}.destination");
            parsed.map_err(|invalid| invalid.of_field(field).into())
        };
        Ok(Self {
            on_success: read(ON_SUCCESS)?,
            on_failure: read(ON_FAILURE)?,
        })
    }

    /// Those of `config`, as FC tells them.
    fn json(config: &AsyncConfig) -> Value {
        let both = [
            (ON_SUCCESS, &config.on_success),
            (ON_FAILURE, &config.on_failure),
        ];
        let given = both.into_iter().filter_map(|(name, destination)| {
            let destination = json!({ "destination": destination.as_ref()?.as_str() });
            Some((name.to_owned(), destination))
        });
        Value::Object(given.collect())
    }
}

impl ConfigBody {
    /// The config, which was `old`, as it is to be: what is not given stays.
    #[must_use]
    pub fn update(&self, old: &AsyncConfig) -> AsyncConfig {
        let (on_success, on_failure) = match &self.destinations {
            Some(new) => (&new.on_success, &new.on_failure),
            None => (&old.on_success, &old.on_failure),
        };
        AsyncConfig {
            stateful: self.stateful.unwrap_or(old.stateful),
            max_retries: self.max_retries.unwrap_or(old.max_retries),
            max_age: self.max_age.unwrap_or(old.max_age),
            on_success: on_success.clone(),
            on_failure: on_failure.clone(),
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
        DESTINATIONS: Destinations::json(config),
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
