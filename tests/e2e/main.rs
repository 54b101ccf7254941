//! The real binary, driven as its users drive it: over HTTP, by its commands and by signals; on both
//! stacks, SQLite with the in-process queue, and PostgreSQL with RabbitMQ.
//!
//! `cargo xtask test` builds the binary and names it, and both services, in the environment.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Stamps each case for both stacks.
macro_rules! both_stacks {
    ($($case:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::world::embedded(super::$case).await;
            })+
        }

        mod production {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::world::production(super::$case).await;
            })+
        }
    };
}

mod api;
mod authority;
mod bad_input;
mod cli;
mod client;
mod contract;
mod destinations;
mod functions;
mod proof;
mod raw;
mod server;
mod shop;
mod spelling;
mod startup;
mod targets;
mod tls;
mod traces;
mod world;
