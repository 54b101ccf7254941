//! Explores every world within a setup's bounds.

use crate::{
    ledger::{Ledger, Marked, Witnessed},
    promise::Promise,
    protocol::{Action, Protocol},
    setup::Setup,
};
use stateright::{Checker, HasDiscoveries, Model, Path};
use std::fmt;

/// How a promise is broken, in as few steps as it can be.
pub(crate) struct Counterexample {
    pub(crate) broken: Vec<Promise>,
    steps: Vec<Action>,
}

impl fmt::Debug for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} broken by:", self.broken)?;
        self.steps
            .iter()
            .try_for_each(|step| write!(f, "\n    {step:?}"))
    }
}

/// What there was to see if every promise is kept, or else how one is broken.
pub(crate) fn check(setup: Setup) -> Result<Witnessed, Counterexample> {
    let mut protocol = Protocol {
        setup,
        ledger: Ledger::default(),
        looks_for: None,
    };
    if let Some(path) = explore(protocol.clone()) {
        return Err(Counterexample {
            broken: path.last_state().world.broken.clone(),
            steps: path.into_actions(),
        });
    }
    protocol.looks_for = protocol.ledger.dead_end();
    if protocol.looks_for.is_some() {
        let steps = explore(protocol).map_or(Vec::new(), Path::into_actions);
        return Err(Counterexample {
            broken: vec![Promise::AnEndStaysInReach],
            steps,
        });
    }
    Ok(protocol.ledger.witnessed())
}

fn explore(protocol: Protocol) -> Option<Path<Marked, Action>> {
    let checker = protocol.checker().finish_when(HasDiscoveries::Any);
    let checker = checker.spawn_bfs().join();
    checker.discoveries().into_values().next()
}
