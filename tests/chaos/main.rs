//! Chaos: the real binary in several processes under load, while one fault after the other happens to
//! it; and then what producers, functions and the state table say is held against each other.
//!
//! `cargo xtask chaos --minutes 10 --seed 1` runs it for longer than the tests do.
//!
//! - [`load`], [`functions`]: who sends tasks, and what they call; both write down what they see.
//! - [`place`], [`fleet`]: the database, the broker and the processes.
//! - [`fault`], [`run`]: what happens to them, and when.
//! - [`check`]: what must hold; no time decides it, but that everything goes on within a minute and a
//!   half.
//! - [`report`]: what it came to.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod check;
mod fault;
mod fleet;
mod functions;
mod load;
mod place;
mod record;
mod report;
mod run;

use run::Plan;
use std::time::Duration;

/// How long the run is, in seconds, and what draws its faults, where the environment says neither: this
/// one begins with a worker killed, PostgreSQL restarted, the broker wiped and a worker frozen.
const LENGTH: u64 = 45;
const SEED: u64 = 117;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_promise_is_broken_whatever_happens() {
    let plan = Plan {
        length: Duration::from_secs(number("EKIDEN_CHAOS_SECONDS", LENGTH)),
        seed: number("EKIDEN_CHAOS_SEED", SEED),
    };
    let folder = tempfile::tempdir().unwrap();
    let report = run::run(plan, folder.path()).await;
    println!("{}\n{}", report.table(), report.line());
    if !report.violations.is_empty() {
        let kept = folder.keep();
        panic!("{}\nthe logs are in {}", report.stories(), kept.display());
    }
}
