//! Where the time comes from: always an argument, never a global.

use crate::Timestamp;

/// A source of the present time. The binary has the system's; tests have one they move by hand.
pub trait Clock: std::fmt::Debug + Send + Sync + 'static {
    /// The present time, in whole milliseconds since the Unix epoch.
    fn now(&self) -> Timestamp;
}
