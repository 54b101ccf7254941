//! How the asynchronous invocations of a function, through a qualifier, are treated.

use super::{Fields, FromFields, arn, time};
use crate::{
    Dialect, Either, Item, Problem, Query,
    openapi::{Describe, Operation, schema::word},
};
use axum::extract::FromRequestParts;
use ekiden_domain::{
    AsyncConfig, Destination, Entry, FunctionName, Invalid, Qualifier,
    name::{DEFAULT_SERVICE, MAX_FUNCTION},
};
use http::{StatusCode, request::Parts};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

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
    const NAME: &'static str = "AsyncConfig";

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

/// The one function that a list of FC 3.0's configs may be of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfFunction(pub Option<FunctionName>);

const OF_FUNCTION: &str = "functionName";

impl<S: Send + Sync> FromRequestParts<S> for OfFunction {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = Query::of(&parts.uri)?;
        let name = query.get(OF_FUNCTION);
        let name = name.map(|name| FunctionName::new(DEFAULT_SERVICE, name));
        Ok(Self(name.transpose()?))
    }
}

impl Describe for OfFunction {
    fn describe(operation: &mut Operation) {
        operation.query(
            OF_FUNCTION,
            word(MAX_FUNCTION),
            "Only those of this function.",
        );
        operation.refuses(StatusCode::NOT_FOUND);
    }
}

/// A config as a generation tells it.
pub type Told = Either<Fc2, Fc3>;

/// What both generations tell of a config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AsyncRules)]
struct Rules {
    /// What the invocations are invoked through.
    qualifier: String,
    /// The longest time from acceptance, or from the end of its delay, to the begin of an attempt, in
    /// seconds.
    max_async_event_age_in_seconds: u64,
    /// How often an attempt that failed is tried again.
    max_async_retry_attempts: u8,
    destination_config: DestinationsTold,
    created_time: String,
    last_modified_time: String,
}

/// Where results are handed on to: nowhere unless it says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DestinationConfig)]
struct DestinationsTold {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    on_success: Option<DestinationTold>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    on_failure: Option<DestinationTold>,
}

/// One place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Destination)]
struct DestinationTold {
    /// A URL or an ARN.
    destination: String,
}

/// A config in FC 2.0's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AsyncConfig)]
pub struct Fc2 {
    service: String,
    function: String,
    /// Whether its asynchronous invocations are tasks.
    stateful_invocation: bool,
    #[serde(flatten)]
    rules: Rules,
}

/// A config in FC 3.0's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Fc3AsyncConfig)]
pub struct Fc3 {
    function_arn: String,
    /// Whether its asynchronous invocations are tasks.
    async_task: bool,
    #[serde(flatten)]
    rules: Rules,
}

impl Item for Fc2 {
    const LIST: &'static str = "configs";
}

impl Item for Fc3 {
    const LIST: &'static str = "configs";
}

impl DestinationsTold {
    fn of(config: &AsyncConfig) -> Self {
        let tell = |destination: &Option<Destination>| {
            destination.as_ref().map(|destination| DestinationTold {
                destination: destination.as_str().to_owned(),
            })
        };
        Self {
            on_success: tell(&config.on_success),
            on_failure: tell(&config.on_failure),
        }
    }
}

impl Rules {
    fn of(qualifier: &Qualifier, entry: &Entry<AsyncConfig>) -> Self {
        Self {
            qualifier: qualifier.to_string(),
            max_async_event_age_in_seconds: entry.value.max_age.as_secs(),
            max_async_retry_attempts: entry.value.max_retries,
            destination_config: DestinationsTold::of(&entry.value),
            created_time: time(entry.created_at),
            last_modified_time: time(entry.changed_at),
        }
    }
}

impl Fc2 {
    /// The config of `name` through `qualifier`.
    #[must_use]
    pub fn of(name: &FunctionName, qualifier: &Qualifier, entry: &Entry<AsyncConfig>) -> Self {
        Self {
            service: name.service().to_owned(),
            function: name.function().to_owned(),
            stateful_invocation: entry.value.stateful,
            rules: Rules::of(qualifier, entry),
        }
    }
}

impl Fc3 {
    /// The config of `name` through `qualifier`.
    #[must_use]
    pub fn of(name: &FunctionName, qualifier: &Qualifier, entry: &Entry<AsyncConfig>) -> Self {
        Self {
            function_arn: arn(name),
            async_task: entry.value.stateful,
            rules: Rules::of(qualifier, entry),
        }
    }
}

/// The config of `name` through `qualifier`, as `dialect` tells it.
#[must_use]
pub fn tell(
    dialect: Dialect,
    name: &FunctionName,
    qualifier: &Qualifier,
    entry: &Entry<AsyncConfig>,
) -> Told {
    if dialect.is_fc3() {
        Either::Fc3(Fc3::of(name, qualifier, entry))
    } else {
        Either::Fc2(Fc2::of(name, qualifier, entry))
    }
}
