//! How many invocations of a function run at once.

use super::{Fields, FromFields, arn};
use crate::Problem;
use ekiden_domain::FunctionName;
use serde::Serialize;
use utoipa::ToSchema;

const RESERVED: &str = "reservedConcurrency";

/// A bound as a request gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConcurrencyBody {
    /// How many may run at once.
    pub reserved: u32,
}

impl FromFields for ConcurrencyBody {
    const NAME: &'static str = "Concurrency";
    const REQUIRED: &'static [&'static str] = &[RESERVED];

    fn from_fields(mut fields: Fields) -> Result<Self, Problem> {
        let reserved = fields.whole(RESERVED, 1..=u64::from(u32::MAX))?;
        let reserved = reserved.and_then(|reserved| u32::try_from(reserved).ok());
        Ok(Self {
            reserved: reserved.ok_or_else(|| Problem::required(RESERVED))?,
        })
    }
}

/// A bound as an answer tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Concurrency)]
pub struct Told {
    function_arn: String,
    /// How many may run at once, in each worker process.
    reserved_concurrency: u32,
}

impl Told {
    /// The bound of the function `name`.
    #[must_use]
    pub fn of(name: &FunctionName, reserved: u32) -> Self {
        Self {
            function_arn: arn(name),
            reserved_concurrency: reserved,
        }
    }
}
