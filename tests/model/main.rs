//! The protocol, checked: every order in which its steps can be taken, within bounds.
//!
//! One invocation goes its way while two workers, two dispatchers, the keepers, a producer and whoever
//! asks for a stop take steps: each by itself, in any order, at any time, with crashes, lost answers,
//! late writes and a broker that forgets, as often as a [`Budget`] says. What becomes of the invocation
//! is decided by the real `ekiden_domain`; the rest is written down here once more, step by step, next
//! to the name of the file that it stands for, and must be kept as that is.
//!
//! - [`store`], [`dispatcher`], [`worker`], [`keeper`] and [`producer`]: who can do what.
//! - [`promise`]: what must hold of every step; and of every world, that an end stays in reach of it.
//! - [`flaw`]: what could be wrong. Each flaw is built in, and must be found: a check that cannot fail
//!   proves nothing.
//!
//! A promise that falls is printed with the shortest way to its fall.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod check;
mod dispatcher;
mod flaw;
mod keeper;
mod ledger;
mod producer;
mod promise;
mod protocol;
mod row;
mod setup;
mod store;
mod time;
mod worker;
mod world;

use check::check;
use ekiden_domain::Status::{self, Expired, Failed, Stopped, Succeeded};
use flaw::Flaw;
use producer::Producer;
use promise::Promise;
use setup::{Budget, Setup};
use worker::Ending;

const NONE: Budget = Budget::NONE;
const FAIR: Setup = Setup::FAIR;
/// From the producer's request on.
const ASKED: Setup = Setup {
    producer: Producer::Asks,
    ..FAIR
};

/// What is rare may happen this often.
const fn rare(budget: Budget) -> Setup {
    Setup { budget, ..FAIR }
}

/// The same, and the function always succeeds.
const fn sure(budget: Budget) -> Setup {
    Setup {
        endings: &[Ending::Success],
        ..rare(budget)
    }
}

/// Every promise is kept; and yet things happen: each of these ends is come to, and where a worker can
/// be lost or late, two calls go on at once.
fn keeps(setup: Setup, ends: &[Status]) {
    let Budget {
        crashes,
        suspicions,
        overruns,
        ..
    } = setup.budget;
    let witnessed = check(setup).unwrap_or_else(|fall| panic!("{fall:?}"));
    assert_eq!(witnessed.ends, ends.iter().copied().collect());
    assert_eq!(witnessed.overlap, crashes + suspicions + overruns > 0);
}

/// The flaw is found by what it breaks.
fn breaks(setup: Setup, flaw: Flaw, promise: Promise) {
    let setup = Setup {
        flaw: Some(flaw),
        ..setup
    };
    let found = check(setup);
    let is_found = (found.as_ref()).is_err_and(|fall| fall.broken.contains(&promise));
    assert!(is_found, "{flaw:?} was to break {promise:?}: {found:?}");
}

macro_rules! every_promise_is_kept {
    ($($name:ident: $setup:expr => $ends:expr;)+) => {
        mod every_promise_is_kept {
            use super::*;
            $(#[test]
            fn $name() {
                keeps($setup, &$ends);
            })+
        }
    };
}

macro_rules! each_flaw_is_found {
    ($($name:ident: $setup:expr, $flaw:ident => $promise:ident;)+) => {
        mod each_flaw_is_found {
            use super::*;
            $(#[test]
            fn $name() {
                breaks($setup, Flaw::$flaw, Promise::$promise);
            })+
        }
    };
}

every_promise_is_kept! {
    where_all_goes_well: FAIR => [Succeeded, Failed];
    where_an_acceptance_has_an_unknown_outcome:
        Setup { budget: Budget { faults: 1, ..NONE }, ..ASKED } => [Succeeded, Failed];
    where_a_process_dies_from_the_request_on:
        Setup { budget: Budget { crashes: 1, ..NONE }, ..ASKED } => [Succeeded, Failed];
    where_a_process_dies_and_an_answer_is_lost:
        Setup { dispatchers: 1, ..sure(Budget { crashes: 1, faults: 1, ..NONE }) } => [Succeeded];
    where_two_answers_are_lost: sure(Budget { faults: 2, ..NONE }) => [Succeeded];
    where_a_worker_holds_two_messages:
        Setup { prefetch: 2, ..rare(Budget { faults: 1, ..NONE }) } => [Succeeded, Failed];
    where_a_living_worker_is_declared_dead:
        Setup { dispatchers: 1, ..sure(Budget { suspicions: 1, faults: 1, ..NONE }) }
        => [Succeeded, Failed];
    where_a_worker_drains: sure(Budget { drains: 1, faults: 1, ..NONE }) => [Succeeded];
    where_a_draining_worker_is_declared_dead:
        Setup { dispatchers: 1, ..sure(Budget { drains: 1, suspicions: 1, ..NONE }) }
        => [Succeeded, Failed];
    where_a_run_is_late_and_stopped:
        rare(Budget { overruns: 1, stops: 1, ..NONE }) => [Succeeded, Failed, Stopped];
    where_a_stop_meets_a_lost_answer:
        sure(Budget { stops: 1, faults: 1, ..NONE }) => [Succeeded, Stopped];
    where_a_stop_meets_a_crash:
        sure(Budget { stops: 1, crashes: 1, ..NONE }) => [Succeeded, Stopped];
    where_the_broker_loses_all: rare(Budget { wipes: 1, ..NONE }) => [Succeeded, Failed];
    where_the_broker_loses_all_and_a_process_dies:
        Setup { dispatchers: 1, ..sure(Budget { wipes: 1, crashes: 1, ..NONE }) } => [Succeeded];
    where_the_age_passes:
        Setup { max_age: 2, ..rare(Budget { faults: 1, ..NONE }) } => [Succeeded, Failed, Expired];
}

each_flaw_is_found! {
    an_answer_before_the_commit: ASKED, AnswerBeforeCommit => AcceptedIsDurable;
    an_outbox_row_deleted_before_the_confirm:
        rare(Budget { faults: 1, ..NONE }), DeleteBeforeConfirm => WaitingIsSpokenOf;
    outbox_rows_deleted_by_invocation: FAIR, DeleteByInvocation => WaitingIsSpokenOf;
    a_message_acknowledged_before_the_claim:
        rare(Budget { crashes: 1, ..NONE }), AcknowledgeBeforeClaim => WaitingIsSpokenOf;
    a_put_back_that_counts_what_was_sent: FAIR, PutBackUnlessAnyIsThere => WaitingIsSpokenOf;
    a_dispatch_of_what_one_has_that_is_settled:
        rare(Budget { overruns: 1, ..NONE }), SettleOwnDispatch => WaitingIsSpokenOf;
    no_reconciler: rare(Budget { wipes: 1, ..NONE }), NoReconcile => AnEndStaysInReach;
    a_claim_before_it_is_due: rare(Budget { faults: 1, ..NONE }), ClaimBeforeDue => OneLeaseIsValid;
    a_call_before_running_is_durable: FAIR, CallBeforeRunning => RunningIsDurableBeforeTheCall;
    a_write_without_its_lease:
        rare(Budget { suspicions: 1, ..NONE }), NoLeaseGuard => EventsTellTheStory;
    a_write_without_its_status:
        rare(Budget { overruns: 1, ..NONE }), NoStatusGuard => FinalIsFinal;
    a_rescue_by_the_id_alone:
        rare(Budget { suspicions: 1, ..NONE }), RescueById => TheLivingAreNotDeclaredDead;
    a_rescue_that_the_record_does_not_show:
        rare(Budget { crashes: 1, ..NONE }), RescueUnrecorded => OverlapsAreRecorded;
    a_run_begun_anew: rare(Budget { faults: 1, ..NONE }), CallAgain => OneCallForEachLease;
    a_call_by_a_lost_claim:
        rare(Budget { faults: 2, ..NONE }), CallByALostClaim => TheUncalledWereNotCalled;
    a_result_given_up_after_the_drain:
        rare(Budget { drains: 1, faults: 1, ..NONE }), GiveUpAfterDrain => TheUncalledWereNotCalled;
    a_run_after_ones_death:
        rare(Budget { suspicions: 1, ..NONE }), RunAfterDeath => TheDeadCallNothing;
    a_drain_that_outlasts_ones_death:
        rare(Budget { suspicions: 1, drains: 1, ..NONE }), DrainThroughDeath => TheDeadCallNothing;
}
