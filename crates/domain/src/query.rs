//! The list: which invocations, in what order, from where.

use crate::{
    DeliveryStatus, FunctionName, Invalid, Invocation, InvocationId, Qualifier, RequestId, Status,
    Timestamp,
};
use bytes::Bytes;

/// Which way a list runs over the acceptance time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest first: the default.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// A place in a list, between two invocations: the keyset that the next page begins after. The
/// request id breaks ties between equal times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The acceptance time of the last invocation seen.
    pub accepted_at: Timestamp,
    /// Its request id.
    pub request_id: RequestId,
}

/// One page's worth of a question to the state table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// The function whose invocations are listed.
    pub function: FunctionName,
    /// Only those invoked through this qualifier.
    pub qualifier: Option<Qualifier>,
    /// Only those whose id begins with this.
    pub prefix: Option<String>,
    /// Only those in this status.
    pub status: Option<Status>,
    /// Only those accepted at or after this.
    pub accepted_from: Option<Timestamp>,
    /// Only those accepted at or before this.
    pub accepted_until: Option<Timestamp>,
    /// Which way.
    pub order: Order,
    /// After which place; `None` is the beginning.
    pub after: Option<Position>,
    /// How many at most: 1 to [`ListQuery::MAX_LIMIT`].
    pub limit: u32,
    /// Whether the records carry their payloads.
    pub include_payload: bool,
}

impl ListQuery {
    /// The largest page, from FC's documentation.
    pub const MAX_LIMIT: u32 = 100;

    /// All invocations of `function`, newest first, a page of `limit`.
    ///
    /// # Errors
    /// If `limit` is not 1 to [`Self::MAX_LIMIT`].
    pub fn new(function: FunctionName, limit: u32) -> Result<Self, Invalid> {
        if !(1..=Self::MAX_LIMIT).contains(&limit) {
            return Err(Invalid::new(
                "limit",
                &limit.to_string(),
                "a whole number from 1 to 100",
            ));
        }
        Ok(Self {
            function,
            qualifier: None,
            prefix: None,
            status: None,
            accepted_from: None,
            accepted_until: None,
            order: Order::default(),
            after: None,
            limit,
            include_payload: false,
        })
    }
}

/// An invocation as it is read: with its payload, where that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The invocation.
    pub invocation: Invocation,
    /// Its payload, byte for byte, if asked for.
    pub payload: Option<Bytes>,
    /// What its last attempt gave, if that was asked for and there is any.
    pub output: Option<Bytes>,
    /// Where the delivery of its result stands; `None` if it has no destination.
    pub delivery: Option<DeliveryStatus>,
}

impl Record {
    /// Where in a list this record stands.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            accepted_at: self.invocation.accepted_at,
            request_id: self.invocation.request_id,
        }
    }

    /// The id its caller knows it by.
    #[must_use]
    pub fn invocation_id(&self) -> &InvocationId {
        &self.invocation.invocation_id
    }
}

/// Some records and, if more may follow, the place after the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The records, in the query's order.
    pub records: Vec<Record>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<Position>,
}
