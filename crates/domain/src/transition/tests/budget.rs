//! How often an invocation is tried again, and how it ends when that is used up.

use super::{Deed, HOUR, MILLISECOND, SECOND, Story, assert_jittered};
use crate::{AsyncConfig, Fault, FaultKind, Outcome, Status, retry, transition::MAX_RELEASES};
use std::time::Duration;

fn with_retries(max_retries: u8) -> Story {
    Story::new(&AsyncConfig {
        max_retries,
        ..AsyncConfig::default()
    })
}

#[test]
fn a_function_error_is_retried_exactly_as_often_as_configured() {
    for max_retries in 0..=8 {
        let mut story = with_retries(max_retries);
        for retry in 1..=max_retries {
            story.fail(Deed::FunctionFault);
            assert_eq!(story.status(), Status::Retrying, "{retry} of {max_retries}");
            assert_eq!(story.invocation.retries, u32::from(retry));
        }
        story.fail(Deed::FunctionFault);
        assert_eq!(story.status(), Status::Failed);
        assert_eq!(story.invocation.retries, u32::from(max_retries));
        assert_eq!(story.invocation.attempts, u32::from(max_retries) + 1);
    }
}

#[test]
fn function_retries_wait_twice_as_long_each_time_up_to_the_configured_maximum() {
    let mut story = Story::new(&AsyncConfig {
        max_retries: 8,
        retry_base: SECOND * 2,
        retry_max: SECOND * 20,
        ..AsyncConfig::default()
    });
    for exact in [2, 4, 8, 16, 20, 20, 20, 20] {
        assert_jittered(story.fail(Deed::FunctionFault), SECOND * exact);
    }
}

#[test]
fn system_retries_wait_half_a_second_doubling_to_a_minute() {
    let mut story = Story::of(&[]);
    for exact in [
        500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
    ] {
        assert_jittered(story.fail(Deed::SystemFault), MILLISECOND * exact);
    }
}

#[test]
fn system_errors_leave_the_function_its_retries() {
    let mut story = with_retries(1);
    for fault in [Deed::SystemFault, Deed::DrainingFault, Deed::SystemFault] {
        story.fail(fault);
    }
    assert_eq!(story.invocation.retries, 0);
    assert_eq!(story.invocation.system_retries, 3);
    assert_jittered(story.fail(Deed::FunctionFault), SECOND);
    assert_jittered(story.fail(Deed::SystemFault), SECOND * 4);
    assert_eq!(story.invocation.retries, 1);
    story.fail(Deed::FunctionFault);
    assert_eq!(story.status(), Status::Failed);
}

#[test]
fn after_five_hours_of_system_errors_it_is_expired_if_the_function_was_never_reached() {
    let mut story = Story::of(&[]);
    while story.status() != Status::Expired {
        story.fail(Deed::SystemFault);
        assert!(story.invocation.attempts < 1_000, "no end");
    }
    let tried_for = story.now.since(story.invocation.accepted_at);
    let budget = HOUR * 5 - retry::SYSTEM_MAX.mul_f64(1.2)..HOUR * 5;
    assert!(budget.contains(&tried_for), "{tried_for:?}");
    let events = story.events();
    let end = [Status::Running, Status::Retrying, Status::Expired];
    assert!(events.ends_with(&end), "{events:?}");
    let scheduled = story.invocation.attempts - 1;
    assert_eq!(story.invocation.system_retries, scheduled);
}

#[test]
fn at_the_end_of_the_system_budget_it_is_failed_if_the_function_was_ever_reached() {
    for reaching in [Deed::FunctionFault, Deed::DrainingFault, Deed::Lose] {
        let mut story = Story::of(&[]);
        story.fail(reaching);
        story.wait(HOUR * 5);
        story.fail(Deed::SystemFault);
        assert_eq!(story.status(), Status::Failed, "{reaching:?}");
    }
    let mut draining = Story::of(&[Deed::Claim, Deed::Start]);
    draining.wait(HOUR * 5).take(Deed::DrainingFault);
    assert_eq!(draining.status(), Status::Failed);
}

#[test]
fn the_age_ends_the_system_budget_too() {
    let config = AsyncConfig {
        max_age: SECOND * 30,
        ..AsyncConfig::default()
    };
    for (first, end) in [
        (Deed::SystemFault, Status::Expired),
        (Deed::DrainingFault, Status::Failed),
    ] {
        let mut story = Story::new(&config);
        story.fail(first);
        while !story.status().is_final() {
            story.fail(Deed::SystemFault);
        }
        assert_eq!(story.status(), end);
        assert!(story.now < story.invocation.expires_at);
    }
}

#[test]
fn a_worker_lost_while_running_uses_up_one_function_retry_whatever_the_fault_is_called() {
    let mut story = with_retries(2);
    story.fail(Deed::Lose);
    assert_eq!(
        (story.invocation.retries, story.status()),
        (1, Status::Retrying)
    );

    story.all(&[Deed::Claim, Deed::Start]);
    let lost = story
        .invocation
        .lose(Fault::system("Gone", "gone"), story.now);
    story.invocation = lost.unwrap().after;
    let kind = story.invocation.error.as_ref().map(|fault| fault.kind);
    assert_eq!(kind, Some(FaultKind::Function));
    assert_eq!(
        (story.invocation.retries, story.status()),
        (2, Status::Retrying)
    );

    story.fail(Deed::Lose);
    assert_eq!(
        (story.invocation.retries, story.status()),
        (2, Status::Failed)
    );
    assert_eq!(story.invocation.system_retries, 0);
}

#[test]
fn a_worker_lost_before_the_call_costs_no_retry_but_a_growing_wait() {
    let mut story = with_retries(0);
    for exact in [500, 1_000, 2_000, 4_000] {
        story.all(&[Deed::Claim, Deed::Lose]);
        let due_at = super::due_at(&story.invocation);
        assert_jittered(due_at.map(|due| due.since(story.now)), MILLISECOND * exact);
    }
    assert_eq!(story.status(), Status::Enqueued);
    assert_eq!(
        (story.invocation.retries, story.invocation.attempts),
        (0, 0)
    );
}

#[test]
fn ten_claims_may_be_given_back_and_the_next_one_fails_it() {
    for give_back in [Deed::Release, Deed::Lose] {
        let mut story = Story::of(&[]);
        for releases in 1..=MAX_RELEASES {
            story.all(&[Deed::Claim, give_back]);
            assert_eq!(story.status(), Status::Enqueued, "after {releases}");
            assert_eq!(story.invocation.releases, releases);
        }
        let last = story.all(&[Deed::Claim, give_back]).unwrap();
        assert_eq!(last.after.status(), Status::Failed);
        assert_eq!((last.messages, last.attempt), (vec![], None));
        let error = last.after.error.map(|fault| fault.error);
        assert_eq!(error.as_deref(), Some("Undeliverable"));
    }
    assert_eq!(MAX_RELEASES, 10);
}

#[test]
fn a_stop_records_the_truth_when_the_function_ends_first() {
    for (deed, end, failed) in [
        (Deed::Succeed, Status::Succeeded, false),
        (Deed::FunctionFault, Status::Failed, true),
        (Deed::SystemFault, Status::Stopped, true),
        (Deed::DrainingFault, Status::Stopped, true),
        (Deed::Stopped, Status::Stopped, false),
    ] {
        let ended = failed || deed == Deed::Succeed;
        let mut story = Story::of(&[Deed::Claim, Deed::Start, Deed::Stop]);
        let transition = story.wait(SECOND).take(deed);
        assert_eq!(story.status(), end, "{deed:?}");
        assert_eq!(transition.attempt.is_some(), ended, "{deed:?}");
        assert_eq!(story.invocation.error.is_some(), failed, "{deed:?}");
        assert_eq!(story.invocation.duration, SECOND, "{deed:?}");
        let reached = deed != Deed::SystemFault;
        assert_eq!(story.invocation.reached, reached, "{deed:?}");
        assert_eq!(story.invocation.retries, 0);
    }
}

#[test]
fn a_failed_attempt_is_recorded_with_its_cause_and_a_success_forgets_it() {
    let mut story = Story::of(&[Deed::Claim, Deed::Start]);
    let started_at = story.now;
    let attempt = story
        .wait(SECOND)
        .take(Deed::FunctionFault)
        .attempt
        .unwrap();
    assert_eq!((attempt.number, attempt.started_at), (1, started_at));
    assert_eq!(
        (attempt.worker, attempt.ended_at),
        (super::worker(1), story.now)
    );
    assert_eq!(attempt.fault.as_ref(), story.invocation.error.as_ref());
    assert_eq!(
        story.invocation.events.last().unwrap().detail,
        r#"{"Error":"UnhandledInvocationError","Message":"exit status 1"}"#
    );
    story.all(&[Deed::Claim, Deed::Start]);
    story.wait(Duration::from_millis(7)).take(Deed::Succeed);
    assert_eq!(story.invocation.error, None);
    assert_eq!(story.invocation.duration, Duration::from_millis(7));
}

#[test]
fn what_cannot_be_run_says_why() {
    let story = Story::of(&[Deed::Invalidate]);
    let error = story.invocation.error.unwrap();
    assert_eq!(error.error, "InvalidInvocation");
    assert_eq!(error.message, "the function was deleted");
    let detail = &story.invocation.events.last().unwrap().detail;
    assert!(detail.contains(&error.message), "{detail}");
}

#[test]
fn an_error_s_text_is_told_without_nul_and_within_its_length() {
    let text = "\0x".repeat(5_000);
    let fault = Fault::function(&text, &text);
    assert!(fault.error.len() <= 128 && fault.message.len() <= 1024);
    let story = Story::of(&[Deed::Claim, Deed::Start]);
    let failed = story.invocation.finish(Outcome::Failed(fault), story.now);
    let after = failed.unwrap().after;
    assert!(!after.events.last().unwrap().detail.contains(['\0']));
    assert!(!after.events.last().unwrap().detail.contains("\\u0000"));
}
