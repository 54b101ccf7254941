//! How a broker operation can fail.

use std::time::Duration;
use thiserror::Error;

/// Why the broker could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BrokerError {
    /// The broker's URL is not usable; it is not shown, as it may hold a password.
    #[error("the broker URL must begin with amqp:// or amqps:// and parse")]
    Url,
    /// The prefix would not make proper names for queues.
    #[error(
        "the broker's prefix must be 1 to {} letters, digits, '.', '_' or '-'",
        crate::MAX_PREFIX
    )]
    Prefix,
    /// The broker cannot be reached, refuses us, or holds publishers back; says why.
    #[error("the broker is not available: {0}")]
    Unavailable(String),
    /// The broker did not answer in time.
    #[error("the broker did not answer within {0:?}")]
    TimedOut(Duration),
    /// The broker refused a message, or had no queue for it.
    #[error("the broker did not take the message")]
    NotTaken,
    /// There is no such exchange.
    #[error("there is no exchange '{0}'")]
    NoExchange(String),
    /// The in-process queue carries dispatches and stop notices only.
    #[error("without an AMQP broker there are no exchanges")]
    InProcess,
    /// The in-process queue holds as much as it may.
    #[error("the in-process queue is full")]
    Full,
    /// A message carries 1 to [`MAX_IDS`](crate::MAX_IDS) ids.
    #[error("a message carries 1 to {max} ids, not {0}", max = crate::MAX_IDS)]
    Size(usize),
    /// The broker was closed by this process.
    #[error("the broker is closed")]
    Closed,
}

impl From<lapin::Error> for BrokerError {
    fn from(error: lapin::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
