//! A function as an answer tells it.

use super::ENVIRONMENT;
use crate::{
    Dialect, Either, Item,
    manage::{arn, id, time},
};
use ekiden_domain::{Entry, FunctionName, Registered, Timestamp, registry::Disabled};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A function as a generation tells it.
pub type Told = Either<Fc2, Fc3>;

/// A function in FC 2.0's words: its head or a version.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Function)]
pub struct Fc2 {
    function_name: String,
    function_id: String,
    description: String,
    #[schema(value_type = String)]
    runtime: Value,
    #[schema(value_type = String)]
    handler: Value,
    /// The longest time of one attempt, in seconds.
    timeout: u64,
    /// `EKIDEN_TARGET` is the URL of the server that runs it.
    #[schema(value_type = BTreeMap<String, String>)]
    environment_variables: Value,
    /// The size of the code package that it was given, in bytes. No package is kept.
    #[schema(value_type = u64)]
    code_size: Value,
    /// The CRC-64 of that package.
    #[schema(value_type = String)]
    code_checksum: Value,
    created_time: String,
    last_modified_time: String,
    /// Whatever else it was given.
    #[serde(flatten)]
    attributes: Map<String, Value>,
}

/// A function in FC 3.0's words: its head or a version.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Fc3Function)]
pub struct Fc3 {
    function_arn: String,
    state: &'static str,
    last_update_status: &'static str,
    /// There if new invocations are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    invocation_restriction: Option<Restriction>,
    #[serde(flatten)]
    function: Fc2,
}

/// That new invocations of a function are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InvocationRestriction)]
struct Restriction {
    disable: bool,
    reason: String,
    last_modified_time: String,
}

impl Item for Fc2 {
    const LIST: &'static str = "functions";
}

impl Item for Fc3 {
    const LIST: &'static str = "functions";
}

impl Fc2 {
    /// The function's head, or a published version of it; `created_at` is when the head was made.
    #[must_use]
    pub fn of(name: &FunctionName, shown: &Entry<Registered>, created_at: Timestamp) -> Self {
        let function = &shown.value.function;
        let mut attributes = shown.value.attributes.clone().unwrap_or_default();
        let mut take = |name, default| attributes.remove(name).unwrap_or(default);
        Self {
            function_name: name.function().to_owned(),
            function_id: id("function", name.as_str(), created_at),
            description: function.description.clone(),
            runtime: take("runtime", "custom".into()),
            handler: take("handler", "".into()),
            // A configuration may say less than a second.
            timeout: function.timeout.as_millis().div_ceil(1000) as u64,
            environment_variables: take(ENVIRONMENT, json!({})),
            code_size: take("codeSize", 0.into()),
            code_checksum: take("codeChecksum", "0".into()),
            created_time: time(created_at),
            last_modified_time: time(shown.changed_at),
            attributes,
        }
    }
}

impl Fc3 {
    /// The function's head, or a published version of it; `created_at` is when the head was made.
    #[must_use]
    pub fn of(name: &FunctionName, shown: &Entry<Registered>, created_at: Timestamp) -> Self {
        let mut function = Fc2::of(name, shown, created_at);
        if let Some(Value::Array(layers)) = function.attributes.get_mut("layers") {
            for layer in layers {
                // They are given as names and told as objects.
                if layer.is_string() {
                    *layer = json!({ "arn": layer, "size": 0 });
                }
            }
        }
        Self {
            function_arn: arn(name),
            state: "Active",
            last_update_status: "Successful",
            invocation_restriction: shown.value.disabled.as_ref().map(Restriction::of),
            function,
        }
    }
}

impl Restriction {
    fn of(disabled: &Disabled) -> Self {
        Self {
            disable: true,
            reason: disabled.reason.clone(),
            last_modified_time: time(disabled.since),
        }
    }
}

/// The function's head, or a published version of it, as `dialect` tells it; `created_at` is when
/// the head was made.
#[must_use]
pub fn tell(
    dialect: Dialect,
    name: &FunctionName,
    shown: &Entry<Registered>,
    created_at: Timestamp,
) -> Told {
    if dialect.is_fc3() {
        Either::Fc3(Fc3::of(name, shown, created_at))
    } else {
        Either::Fc2(Fc2::of(name, shown, created_at))
    }
}
