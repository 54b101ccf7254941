//! Who said where a function runs.

use serde::{Deserialize, Serialize};

/// Who gave a function its target, and so which addresses that may be at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The owner, by the configuration or by a command that goes to the store: anywhere.
    #[default]
    Owner,
    /// A request to an API that listens on loopback, so that only this machine reaches it: there too,
    /// but nowhere else on this machine's link.
    Neighbour,
    /// A request to an API that others reach: neither on this machine nor on its link.
    Stranger,
}

impl Origin {
    /// Whether it is the owner.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        *self == Self::Owner
    }
}
