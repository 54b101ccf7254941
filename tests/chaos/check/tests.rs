//! The checker can fail: a fair story passes, and each flaw in it is found as what it is.

use super::{Evidence, Promise};
use crate::record::{Call, Failure, Row, Task};
use ekiden_domain::Status::{self, Dequeued, Enqueued, Retrying, Running, Succeeded};

fn call(lease: i64, started_at: i64, ended_at: i64, succeeded: bool) -> Call {
    Call {
        id: "task".to_owned(),
        lease,
        attempt: lease,
        started_at,
        ended_at: Some(ended_at),
        succeeded,
    }
}

/// A worker died under the first attempt, whose function outlived it; the second succeeded.
fn fair() -> Evidence {
    let events = [
        (10, Enqueued),
        (20, Dequeued),
        (20, Running),
        (50, Retrying),
        (60, Dequeued),
        (60, Running),
        (90, Succeeded),
    ];
    Evidence {
        tasks: vec![Task {
            id: "task".to_owned(),
            ends: &[Succeeded],
            accepted_at: 11,
        }],
        calls: vec![call(1, 21, 70, false), call(2, 61, 89, true)],
        rows: vec![Row {
            id: "task".to_owned(),
            request_id: String::new(),
            status: Succeeded,
            lease: 2,
            attempts: 2,
            events: events.to_vec(),
            failures: vec![Failure {
                attempt: 1,
                worker: "dead".to_owned(),
                error: "WorkerLost".to_owned(),
                message: String::new(),
            }],
        }],
        ends: [("task".to_owned(), Succeeded)].into(),
        victims: ["dead".to_owned()].into(),
        standstills: Vec::new(),
    }
}

/// The promises that this flaw in the fair story breaks.
fn broken(flaw: impl FnOnce(&mut Evidence)) -> Vec<Promise> {
    let mut evidence = fair();
    flaw(&mut evidence);
    let violations = evidence.check();
    assert!(violations.iter().all(|violation| violation.id == "task"));
    let mut promises: Vec<Promise> = violations.iter().map(|it| it.promise).collect();
    promises.dedup();
    promises
}

fn cut(evidence: &mut Evidence, events: usize, status: Status) {
    let row = &mut evidence.rows[0];
    row.events.truncate(events);
    row.status = status;
    evidence.ends.clear();
}

#[test]
fn a_fair_story_breaks_no_promise() {
    assert_eq!(fair().check(), []);
    assert_eq!(fair().explained_repetitions(), 1);
}

#[test]
fn a_task_without_a_row_is_lost() {
    assert_eq!(broken(|it| it.rows.clear()), [Promise::NothingIsLost]);
}

#[test]
fn a_task_that_has_not_ended_is_stuck() {
    let flaw = |it: &mut Evidence| cut(it, 6, Running);
    assert_eq!(broken(flaw), [Promise::NothingIsStuck]);
}

#[test]
fn two_calls_under_one_claim_are_found() {
    let flaw = |it: &mut Evidence| it.calls.push(call(2, 90, 95, true));
    assert_eq!(broken(flaw), [Promise::OneValidClaim]);
}

#[test]
fn a_call_without_a_recorded_claim_is_found() {
    let flaw = |it: &mut Evidence| it.calls.push(call(3, 90, 95, true));
    assert_eq!(broken(flaw), [Promise::OneValidClaim]);
}

#[test]
fn a_call_before_its_claim_was_recorded_is_found() {
    let flaw = |it: &mut Evidence| it.calls[1].started_at = 59;
    assert_eq!(broken(flaw), [Promise::OneValidClaim]);
}

#[test]
fn a_claim_that_no_event_shows_is_found() {
    let flaw = |it: &mut Evidence| {
        it.rows[0].lease = 3;
        it.calls[1].lease = 3;
    };
    assert_eq!(broken(flaw), [Promise::OneValidClaim]);
}

#[test]
fn an_overlap_that_a_plain_failure_does_not_explain_is_found() {
    let flaw = |it: &mut Evidence| it.rows[0].failures[0].error = "Told".to_owned();
    assert_eq!(broken(flaw), [Promise::OverlapsAreExplained]);
    for message in ["Function timed out after 2 seconds", "timed out"] {
        let flaw = |it: &mut Evidence| {
            let failure = &mut it.rows[0].failures[0];
            (failure.error, failure.message) = ("Told".to_owned(), message.to_owned());
        };
        assert_eq!(broken(flaw), []);
    }
}

#[test]
fn a_call_that_never_ends_overlaps_what_comes_later() {
    let flaw = |it: &mut Evidence| {
        it.calls[0].ended_at = None;
        it.rows[0].failures[0].error = "Told".to_owned();
    };
    assert_eq!(broken(flaw), [Promise::OverlapsAreExplained]);
}

#[test]
fn a_repetition_without_a_recorded_failure_is_found() {
    let flaw = |it: &mut Evidence| {
        it.rows[0].failures.clear();
        it.calls[0].ended_at = Some(40);
    };
    assert_eq!(broken(flaw), [Promise::RepetitionsAreExplained]);
}

#[test]
fn a_step_that_the_state_machine_does_not_know_is_found() {
    let flaw = |it: &mut Evidence| it.rows[0].events[3].1 = Enqueued;
    assert_eq!(broken(flaw), [Promise::StepsAreLegal]);
}

#[test]
fn events_out_of_order_are_found() {
    let flaw = |it: &mut Evidence| it.rows[0].events[3].0 = 5;
    assert_eq!(broken(flaw), [Promise::StepsAreLegal]);
}

#[test]
fn a_status_that_its_events_do_not_lead_to_is_found() {
    let flaw = |it: &mut Evidence| it.rows[0].events.truncate(6);
    assert_eq!(broken(flaw), [Promise::StepsAreLegal]);
}

#[test]
fn an_end_that_changed_is_found() {
    let flaw = |it: &mut Evidence| {
        it.ends.insert("task".to_owned(), Status::Failed);
    };
    assert_eq!(broken(flaw), [Promise::EndsAreFinal]);
}

#[test]
fn an_end_that_the_task_cannot_come_to_is_found() {
    let flaw = |it: &mut Evidence| it.tasks[0].ends = &[Status::Failed];
    assert_eq!(broken(flaw), [Promise::EndsAreTrue]);
}

#[test]
fn an_answer_after_its_time_counts_where_its_worker_stood_still() {
    let late = |standstill: std::ops::Range<i64>| {
        broken(move |it: &mut Evidence| {
            it.tasks[0].ends = &[Status::Failed];
            it.standstills.push(standstill);
        })
    };
    assert_eq!(late(80..90), []);
    assert_eq!(late(80..89), [Promise::EndsAreTrue]);
}

#[test]
fn a_success_that_the_function_never_had_is_found() {
    let flaw = |it: &mut Evidence| it.calls[1].succeeded = false;
    assert_eq!(broken(flaw), [Promise::EndsAreTrue]);
}

#[test]
fn a_healthy_worker_that_was_taken_for_dead_is_found() {
    let flaw = |it: &mut Evidence| it.victims.clear();
    assert_eq!(broken(flaw), [Promise::TheHealthyAreLeftAlone]);
}
