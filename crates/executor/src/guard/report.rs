//! What passes from a guard to its worker.

use std::process::ExitCode;

/// What a guard tells its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The command runs, in the process group of this id.
    Started(i32),
    /// It has exited with this status, and nothing of it is left.
    Exited(i32),
    /// It was killed by this signal, and nothing of it is left; 0 stands for a real-time signal.
    Killed(i32),
    /// It cannot be started, for this `errno`; 0 where there was none.
    NotStarted(i32),
}

impl Report {
    pub(crate) const LENGTH: usize = 5;

    pub(super) fn encode(self) -> [u8; Self::LENGTH] {
        let (tag, number) = match self {
            Self::Started(group) => (b'S', group),
            Self::Exited(status) => (b'E', status),
            Self::Killed(signal) => (b'K', signal),
            Self::NotStarted(errno) => (b'N', errno),
        };
        let [a, b, c, d] = number.to_be_bytes();
        [tag, a, b, c, d]
    }

    pub(crate) fn decode([tag, a, b, c, d]: [u8; Self::LENGTH]) -> Option<Self> {
        let number = i32::from_be_bytes([a, b, c, d]);
        match tag {
            // No command has a lower id, and a signal to "group 0" would hit the worker's own.
            b'S' if number > 1 => Some(Self::Started(number)),
            b'E' => Some(Self::Exited(number)),
            b'K' => Some(Self::Killed(number)),
            b'N' => Some(Self::NotStarted(number)),
            _ => None,
        }
    }

    /// What a shell would say.
    pub(super) fn exit_code(self) -> ExitCode {
        let code = match self {
            Self::Started(_) => 0,
            Self::Exited(status) => status,
            Self::Killed(signal) => 128 + signal,
            Self::NotStarted(_) => 127,
        };
        ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
    }
}
