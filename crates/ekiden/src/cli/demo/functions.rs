//! The demo's functions: handlers in this program, and one command.

use crate::cli::built_in;
use ekiden_domain::Function;
use ekiden_executor::{HandlerError, Handlers};
use std::time::Duration;

/// Their registry, in the form of `ekiden.toml`.
const REGISTRY: &str = r#"
[[function]]
service = "demo"
name = "hello"
description = "Takes a moment, then gives back what it was given"
target = { handler = "hello" }

[[function]]
service = "demo"
name = "checksum"
description = "A program that knows nothing of Ekiden"
target = { command = ["sha256sum"] }

[[function]]
service = "demo"
name = "flaky"
description = "Fails at its first attempt"
target = { handler = "flaky" }

[[function]]
service = "demo"
name = "broken"
description = "Fails at every attempt"
target = { handler = "broken" }
[function.async]
max_retries = 2
retry_base = "500ms"

[[function]]
service = "demo"
name = "endless"
description = "Runs until it is stopped"
timeout = "1h"
target = { handler = "endless" }

[[function]]
service = "demo"
name = "narrow"
description = "Runs one at a time; what waits for more than a second expires"
max_concurrency = 1
target = { handler = "narrow" }
[function.async]
max_age = "1s"

[[function]]
service = "demo"
name = "gone"
description = "Is deleted while a task waits for it"
target = { handler = "hello" }
"#;

/// The functions, as they are registered.
pub(super) fn registered() -> anyhow::Result<Vec<Function>> {
    built_in(REGISTRY)
}

/// The functions that are part of this program.
pub(super) fn handlers() -> Handlers {
    Handlers::new()
        .with("hello", async |_, payload| {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(payload)
        })
        .with("flaky", async |context, payload| {
            if context.attempt == 1 {
                return Err(HandlerError("the first attempt never works".to_owned()));
            }
            Ok(payload)
        })
        .with("broken", async |_, _| {
            Err(HandlerError("out of order".to_owned()))
        })
        .with("endless", async |_, _| std::future::pending().await)
        .with("narrow", async |_, payload| {
            tokio::time::sleep(Duration::from_secs(4)).await;
            Ok(payload)
        })
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
