//! Identifiers made by Ekiden, each a type of its own so that they cannot be confused.

use crate::{Timestamp, chance};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh UUID v7 whose time part is `now`, so that ids sort by the time they were made.
            #[must_use]
            pub fn generate(now: Timestamp) -> Self {
                let millis = u64::try_from(now.as_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &chance::draw()).into_uuid())
            }

            /// The id that `uuid` is, as read back from a store or a message.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as a UUID.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id! {
    /// Names one invocation for ever: FC's `requestId`.
    RequestId
}
uuid_id! {
    /// Names one life of one worker process; a worker that starts over takes a new one.
    WorkerId
}
uuid_id! {
    /// Names one outbox row.
    OutboxId
}

/// The fencing token: grows by one at every claim of an invocation, never falls. Every write of a
/// claim names it, so that a stale holder changes nothing.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Lease(i64);

impl Lease {
    /// The lease with this number, as read back from a store.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The lease's number; 0 before the first claim.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The lease that the next claim takes.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
