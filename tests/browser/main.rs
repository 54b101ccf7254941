//! The dashboard in a real browser, Chromium, on the real binary.
//!
//! `cargo xtask test` builds the binary and names it, and both services, in the environment, and sees
//! to it that `chromedriver` is there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changing;
mod keys;
mod listing;
mod page;
mod server;
mod trouble;
