//! Trials: the real workers, dispatchers, reconcilers and store of two processes, in trouble.
//!
//! Each trial follows from a seed. Tasks are asked for; connections are lost before and after commits,
//! calls are late or never return; processes crash, drain, and are taken for dead; stops are asked for;
//! messages are lost and come twice; functions answer, fail and hang. Then there is peace, and every task
//! that was accepted must come to an end, in time, that its record and the function's own account of its
//! calls agree about (see [`promise`]).
//!
//! The state table is SQLite in memory, the broker the in-process one, and time the runtime's own,
//! paused: minutes pass in milliseconds. Nothing else is left to chance, so that a seed lives the same
//! life every time, but for what [`PROCESSORS`] tells: what fails is printed with its seed, and
//!
//! ```text
//! EKIDEN_SEED=7 cargo test -p ekiden-tests --test trial whatever
//! ```
//!
//! lives it again. `EKIDEN_SEEDS=100000` lives through so many instead of [`SEEDS`].
//!
//! What could be wrong is built in, as a [`flaw`], and must be found: a check that cannot fail proves
//! nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod database;
mod dice;
mod flaw;
mod mischief;
mod process;
mod promise;
mod search;
mod time;
mod trouble;
mod world;

use ekiden_domain::Status;
use flaw::Flaw;
use search::{Broken, search};
use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
};
use world::live;

/// How many seeds are lived through.
const SEEDS: u64 = 10_000;
/// How many seeds a flaw has to show itself.
const FLAWED_SEEDS: u64 = 2_000;
/// How many seeds are lived through twice.
const TWICE: u64 = 100;

/// Held by who has the processors alone, or with others. A life does not depend on the machine's threads,
/// but for about one in a thousand where they wait for a processor, and why that one does is not known.
static PROCESSORS: RwLock<()> = RwLock::new(());

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

#[test]
fn whatever_happens_all_that_was_accepted_ends_as_its_record_says() {
    let _with_others = PROCESSORS.read().unwrap_or_else(PoisonError::into_inner);
    let one = variable("EKIDEN_SEED");
    let seeds = match one {
        Some(seed) => seed..seed + 1,
        None => 0..variable("EKIDEN_SEEDS").unwrap_or(SEEDS),
    };
    let lives = search(seeds, None).unwrap_or_else(|broken| panic!("{broken}"));
    let ends: BTreeSet<Status> = lives.iter().flat_map(|life| life.ends()).collect();
    let every = [Status::Succeeded, Status::Failed, Status::Stopped];
    assert!(one.is_some() || ends == BTreeSet::from(every), "{ends:?}");
}

#[test]
fn a_seed_lives_the_same_life_every_time() {
    let _alone = PROCESSORS.write().unwrap_or_else(PoisonError::into_inner);
    let lives = || search(0..TWICE, None).unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!(lives(), lives());
}

/// The flaw is found, by what it breaks.
fn is_found(flaw: Flaw, by: &str) {
    let _with_others = PROCESSORS.read().unwrap_or_else(PoisonError::into_inner);
    match search(0..FLAWED_SEEDS, Some(flaw)) {
        Err(Broken { what, .. }) => assert!(what.contains(by), "{what}"),
        Ok(_) => panic!("{flaw:?} was not found"),
    }
}

macro_rules! each_flaw_is_found {
    ($($name:ident: $flaw:ident => $by:literal;)+) => {
        mod each_flaw_is_found {
            use super::*;
            $(#[test]
            fn $name() {
                is_found(Flaw::$flaw, $by);
            })+
        }
    };
}

each_flaw_is_found! {
    an_answer_before_the_commit: AnswerBeforeCommit => "was accepted and is gone";
    no_reconciler: NoReconcile => "does not end";
    an_outbox_row_deleted_when_it_is_taken: DeleteWhenTaken => "does not end";
    outbox_rows_deleted_by_invocation: DeleteByInvocation => "does not end";
    a_dispatch_left_out_where_one_was_sent: DispatchUnlessAnyIsThere => "does not end";
    a_write_without_its_lease: NoLeaseGuard => "called twice under lease";
    a_rescue_that_the_record_does_not_show: RescueUnrecorded => "overlaps";
}
