//! The functions of the selftest: handlers in this program, which count their calls.

use crate::cli::built_in;
use ekiden_domain::{Function, InvocationId};
use ekiden_executor::{HandlerError, Handlers};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// Their registry, in the form of `ekiden.toml`.
const REGISTRY: &str = r#"
[[function]]
service = "selftest"
name = "echo"
target = { handler = "echo" }

[[function]]
service = "selftest"
name = "flaky"
target = { handler = "flaky" }
async = { retry_base = "20ms" }

[[function]]
service = "selftest"
name = "broken"
target = { handler = "broken" }
async = { max_retries = 1, retry_base = "20ms" }

[[function]]
service = "selftest"
name = "held"
timeout = "1h"
target = { handler = "held" }
async = { retry_base = "20ms" }

[[function]]
service = "selftest"
name = "narrow"
timeout = "1h"
max_concurrency = 1
target = { handler = "held" }

[[function]]
service = "selftest"
name = "hasty"
timeout = "1h"
max_concurrency = 1
target = { handler = "held" }
async = { max_age = "1s" }
"#;

/// The functions, as they are registered.
pub(super) fn registered() -> anyhow::Result<Vec<Function>> {
    built_in(REGISTRY)
}

/// What the handlers saw, and what lets those go that are held. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    counts: Arc<Mutex<HashMap<InvocationId, u32>>>,
    /// Grows by one each time that all who are held may go.
    released: watch::Sender<u32>,
}

impl Calls {
    /// How often the function was called for this invocation.
    pub(super) fn of(&self, id: &InvocationId) -> u32 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(id).copied().unwrap_or(0)
    }

    /// Lets all go that are held now.
    pub(super) fn release(&self) {
        self.released.send_modify(|released| *released += 1);
    }

    fn count(&self, id: InvocationId) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(id).or_default() += 1;
    }

    /// The functions that are part of this program.
    pub(super) fn handlers(&self) -> Handlers {
        let [echo, flaky, broken, held] = [(); 4].map(|()| self.clone());
        Handlers::new()
            .with("echo", move |context, payload| {
                echo.count(context.invocation_id);
                async { Ok(payload) }
            })
            .with("flaky", move |context, payload| {
                flaky.count(context.invocation_id);
                let failed = || HandlerError("the first attempt never works".to_owned());
                let is_first = context.attempt == 1;
                async move { if is_first { Err(failed()) } else { Ok(payload) } }
            })
            .with("broken", move |context, _| {
                broken.count(context.invocation_id);
                async { Err(HandlerError("out of order".to_owned())) }
            })
            .with("held", move |context, payload| {
                held.count(context.invocation_id);
                let mut released = held.released.subscribe();
                async move {
                    // It fails when the selftest is over, and nobody waits any more.
                    let _ = released.changed().await;
                    Ok(payload)
                }
            })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_function_can_be_registered() {
        for function in super::registered().unwrap() {
            assert_eq!(function.problems(), [], "{}", function.name);
        }
    }
}
