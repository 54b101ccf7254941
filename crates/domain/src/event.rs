//! The record's history: one event for each transition, in order.

use crate::{Status, Timestamp};

/// One transition as the record tells it. FC's `eventId` is its place in the list, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: Timestamp,
    /// The status it led to.
    pub status: Status,
    /// What else is to be told, as JSON text such as `{"Error":"UnhandledInvocationError"}`; or
    /// empty.
    pub detail: String,
}
