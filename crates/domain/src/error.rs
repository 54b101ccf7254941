//! The two ways to be refused: a value that is not allowed, a step that is not allowed.

use crate::{Status, Step, Timestamp, text};
use thiserror::Error;

/// A value from outside that is not allowed: names the field, the value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field} '{value}' is not allowed: it must be {allowed}")]
pub struct Invalid {
    /// The field as its user spells it, for example `limit` or `function.async.max_retries`.
    pub field: String,
    /// The value that was given, cleaned and cut to 128 bytes.
    pub value: String,
    /// What would have been allowed, as a phrase that follows "it must be".
    pub allowed: String,
}

impl Invalid {
    /// A refusal of `value` for `field`; `allowed` is a phrase that follows "it must be".
    pub fn new(field: impl Into<String>, value: &str, allowed: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            value: text::clean(value, 128),
            allowed: allowed.into(),
        }
    }

    /// The same refusal under another field name, as the outer layer spells it.
    #[must_use]
    pub fn of_field(mut self, field: impl Into<String>) -> Self {
        self.field = field.into();
        self
    }
}

/// Why an invocation refuses a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// The step does not exist from this status.
    #[error("an invocation that is {from} cannot {step}")]
    IllegalStep {
        /// The status the invocation is in.
        from: Status,
        /// The step that was asked for.
        step: Step,
    },
    /// A claim came before the invocation was due.
    #[error("the invocation is not due before {due_at}")]
    NotDue {
        /// When it will be due.
        due_at: Timestamp,
    },
    /// A claim or start came after the maximum age had passed: expire it instead.
    #[error("the invocation's maximum age passed at {expires_at}")]
    AgePassed {
        /// When it passed.
        expires_at: Timestamp,
    },
    /// An expiry came before the maximum age had passed.
    #[error("the invocation's maximum age does not pass before {expires_at}")]
    NotExpired {
        /// When it will pass.
        expires_at: Timestamp,
    },
}
