//! The official SDKs of every generation, unmodified, against the real binary on both stacks: SQLite
//! with the in-process queue, and PostgreSQL with RabbitMQ.
//!
//! Each SDK walks one whole story in its own language (`python/`, `node/`) and says what became of
//! each operation, which `docs/compatibility.md` tells users. `cargo xtask test` builds the binary and
//! names it, and both services, in the environment; the SDKs are installed below `target/sdk`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod function;
#[path = "../installed.rs"]
mod installed;
mod packages;
mod producers;
mod recorded;
mod sdks;
mod stage;
mod stories;
mod table;
mod webhooks;
