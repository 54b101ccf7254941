//! That a function is disabled.

use super::{Fields, FromFields, MAX_DESCRIPTION};
use crate::Problem;
use serde::Serialize;
use utoipa::ToSchema;

/// A request to disable a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisableBody {
    /// A person's words on why.
    pub reason: String,
}

impl FromFields for DisableBody {
    const NAME: &'static str = "Restriction";

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

/// That it is done, as an answer tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Success)]
pub struct Told {
    success: bool,
}

impl Told {
    /// It is done.
    pub const DONE: Self = Self { success: true };
}
