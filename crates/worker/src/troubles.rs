//! Which functions cannot be called now: told when that begins and when it is over, and not each time.

use ekiden_domain::{Fault, FaultKind, FunctionName, Outcome};
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// The functions of which the last call failed by the platform's fault, as this worker knows.
#[derive(Debug, Default)]
pub(crate) struct Troubles(Mutex<HashSet<FunctionName>>);

impl Troubles {
    /// Notes how a call ended.
    pub(crate) fn note(&self, function: &FunctionName, outcome: &Outcome) {
        if let Outcome::Failed(fault) = outcome
            && fault.kind == FaultKind::System
        {
            if self.begins(function) {
                let Fault { error, message, .. } = fault;
                tracing::warn!(
                    %function, error, reason = message,
                    "a function cannot be called: its tasks are tried again until they are too old"
                );
            }
        } else if self.ends(function) {
            tracing::info!(%function, "a function can be called again");
        }
    }

    fn begins(&self, function: &FunctionName) -> bool {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !troubles.contains(function) && troubles.insert(function.clone())
    }

    fn ends(&self, function: &FunctionName) -> bool {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.remove(function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_begins_once_and_ends_once() {
        let troubles = Troubles::default();
        let [one, other] = ["s/one", "s/other"].map(|name| name.parse().unwrap());
        assert!(troubles.begins(&one));
        assert!(!troubles.begins(&one));
        assert!(troubles.begins(&other));
        assert!(troubles.ends(&one));
        assert!(!troubles.ends(&one));
        assert!(troubles.begins(&one));
    }
}
