//! The ten statuses of FC's task record.

use crate::Invalid;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What has become of an invocation, spelled as FC spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Accepted and durable, waiting for its turn.
    Enqueued,
    /// Claimed by a worker, waiting to be triggered.
    Dequeued,
    /// The function is executing.
    Running,
    /// An attempt failed; the next is scheduled.
    Retrying,
    /// A stop was asked while claimed or running; being ended.
    Stopping,
    /// Ended by the function's success.
    Succeeded,
    /// Ended by the function's failure, with the retries used up.
    Failed,
    /// Ended by a stop request.
    Stopped,
    /// Grew older than its maximum age before an attempt could start.
    Expired,
    /// Cannot be run, for example because its function was deleted.
    Invalid,
}

impl Status {
    /// Every status, in the order of [`Status::code`].
    pub const ALL: [Self; 10] = [
        Self::Enqueued,
        Self::Dequeued,
        Self::Running,
        Self::Retrying,
        Self::Stopping,
        Self::Succeeded,
        Self::Failed,
        Self::Stopped,
        Self::Expired,
        Self::Invalid,
    ];

    /// Whether an invocation in this status never changes again.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Stopped | Self::Expired | Self::Invalid
        )
    }

    /// Whether an invocation in this status waits for a worker to claim it.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Enqueued | Self::Retrying)
    }

    /// Whether a worker has an invocation in this status.
    #[must_use]
    pub const fn is_held(self) -> bool {
        matches!(self, Self::Dequeued | Self::Running | Self::Stopping)
    }

    /// The statuses that one step can lead to from this one: none from a final one.
    #[must_use]
    pub const fn leads_to(self) -> &'static [Self] {
        match self {
            Self::Enqueued | Self::Retrying => {
                &[Self::Dequeued, Self::Expired, Self::Invalid, Self::Stopped]
            }
            Self::Dequeued => &[
                Self::Running,
                Self::Expired,
                Self::Invalid,
                Self::Enqueued,
                Self::Retrying,
                Self::Failed,
                Self::Stopping,
            ],
            Self::Running => &[
                Self::Succeeded,
                Self::Failed,
                Self::Retrying,
                Self::Stopping,
            ],
            Self::Stopping => &[Self::Stopped, Self::Succeeded, Self::Failed],
            Self::Succeeded | Self::Failed | Self::Stopped | Self::Expired | Self::Invalid => &[],
        }
    }

    /// The number that stands for this status in the state table: its place in [`Status::ALL`].
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The status that `code` stands for in the state table.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        usize::try_from(code)
            .ok()
            .and_then(|index| Self::ALL.get(index))
            .copied()
    }

    /// The status as FC's wire spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enqueued => "Enqueued",
            Self::Dequeued => "Dequeued",
            Self::Running => "Running",
            Self::Retrying => "Retrying",
            Self::Stopping => "Stopping",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
            Self::Expired => "Expired",
            Self::Invalid => "Invalid",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                Invalid::new(
                    "status",
                    text,
                    "one of Enqueued, Dequeued, Running, Retrying, Stopping, Succeeded, Failed, \
                 Stopped, Expired, Invalid",
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn codes_and_spellings_come_back_as_the_status_they_stand_for() {
        for (code, status) in (0..).zip(Status::ALL) {
            assert_eq!(status.code(), code);
            assert_eq!(Status::from_code(code), Some(status));
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert_eq!(Status::from_code(-1), None);
        assert_eq!(Status::from_code(10), None);
        let refused = "running".parse::<Status>().unwrap_err();
        assert!(
            Status::ALL
                .iter()
                .all(|status| refused.allowed.contains(status.as_str()))
        );
    }
}
