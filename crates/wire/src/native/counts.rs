//! How many invocations there are.

use crate::openapi::schema;
use ekiden_domain::{FunctionName, Status};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// How many invocations have not ended, and how many ended lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// How long ago an invocation may have ended to be counted, in ms.
    pub ended_within_ms: u64,
    /// Whether so many ended that not all of them were counted.
    pub is_partial: bool,
    /// By function and status; those of which there are none are left out.
    pub counts: Vec<Count>,
}

/// How many invocations of a function are in a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FunctionCount)]
pub struct Count {
    service_name: String,
    function_name: String,
    #[schema(schema_with = schema::status)]
    status: &'static str,
    count: u64,
}

impl Counts {
    /// These, of which none ended longer ago than `within`.
    #[must_use]
    pub fn new(within: Duration, is_partial: bool, counts: impl Iterator<Item = Count>) -> Self {
        Self {
            ended_within_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
            is_partial,
            counts: counts.collect(),
        }
    }
}

impl Count {
    /// So many invocations of this function are in this status.
    #[must_use]
    pub fn new(function: &FunctionName, status: Status, count: u64) -> Self {
        Self {
            service_name: function.service().to_owned(),
            function_name: function.function().to_owned(),
            status: status.as_str(),
            count,
        }
    }
}
