//! How many invocations of a function run at once.

use super::{Fields, FromFields, arn};
use crate::Problem;
use ekiden_domain::FunctionName;
use serde_json::{Value, json};

const RESERVED: &str = "reservedConcurrency";

/// A bound as a request gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConcurrencyBody {
    /// How many may run at once.
    pub reserved: u32,
}

impl FromFields for ConcurrencyBody {
    fn from_fields(mut fields: Fields) -> Result<Self, Problem> {
        let reserved = fields.whole(RESERVED, 1..=u64::from(u32::MAX))?;
        let reserved = reserved.and_then(|reserved| u32::try_from(reserved).ok());
        Ok(Self {
            reserved: reserved.ok_or_else(|| Problem::required(RESERVED))?,
        })
    }
}

/// The JSON of a bound.
#[must_use]
pub fn json(name: &FunctionName, reserved: u32) -> Value {
    json!({ "functionArn": arn(name), RESERVED: reserved })
}
