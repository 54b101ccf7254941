//! That a function is disabled.

use super::{Fields, FromFields, MAX_DESCRIPTION};
use crate::Problem;
use serde_json::{Value, json};

/// A request to disable a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisableBody {
    /// A person's words on why.
    pub reason: String,
}

impl FromFields for DisableBody {
    fn from_fields(mut fields: Fields) -> Result<Self, Problem> {
        let reason = fields.text("reason", MAX_DESCRIPTION)?;
        if fields.flag("abortOngoingRequest")?.unwrap_or(false) {
            return Err(Problem::invalid_argument(
                "abortOngoingRequest is not available: disable the function without it, then stop \
                 its invocations one by one",
            ));
        }
        Ok(Self {
            reason: reason.unwrap_or_default(),
        })
    }
}

/// The JSON of the answer.
#[must_use]
pub fn json() -> Value {
    json!({ "success": true })
}
