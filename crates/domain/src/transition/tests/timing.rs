//! What depends on the time: due times, ages, deadlines, clocks that differ; and what one write
//! holds.

use super::{ACCEPTED_AT, Deed, HOUR, MILLISECOND, SECOND, Story, TIMEOUT, accepted, worker};
use crate::{
    AsyncConfig, Body, Lane, Lease, Message, Refused, State, Status, Timestamp, transition,
};

fn dispatched_at(messages: &[Message]) -> Option<Timestamp> {
    match messages {
        [message] if message.body == Body::Dispatch(Lane::shared()) => Some(message.due_at),
        _ => None,
    }
}

#[test]
fn a_delay_moves_the_due_time_and_the_age_with_it() {
    let config = AsyncConfig {
        max_age: SECOND * 5,
        ..AsyncConfig::default()
    };
    let invocation = accepted(&config, HOUR);
    let due_at = ACCEPTED_AT.after(HOUR);
    assert_eq!(invocation.state, State::Enqueued { due_at });
    assert_eq!(invocation.accepted_at, ACCEPTED_AT);
    assert_eq!(invocation.expires_at, due_at.after(SECOND * 5));

    let early = invocation.claim(worker(1), due_at.before(MILLISECOND));
    assert_eq!(early, Err(Refused::NotDue { due_at }));
    assert!(invocation.claim(worker(1), due_at).is_ok());
}

#[test]
fn no_attempt_starts_from_the_moment_the_age_has_passed() {
    let mut waiting = Story::new(&AsyncConfig::default());
    let expires_at = ACCEPTED_AT.after(HOUR * 24);
    assert_eq!(waiting.invocation.expires_at, expires_at);

    waiting.now = expires_at.before(MILLISECOND);
    let early = waiting.attempt(Deed::Expire);
    assert_eq!(early, Err(Refused::NotExpired { expires_at }));
    let mut claimed = waiting.clone();
    claimed.take(Deed::Claim);
    assert!(claimed.attempt(Deed::Start).is_ok());
    let early = claimed.attempt(Deed::Expire);
    assert_eq!(early, Err(Refused::NotExpired { expires_at }));

    let late = Err(Refused::AgePassed { expires_at });
    assert_eq!(waiting.wait(MILLISECOND).attempt(Deed::Claim), late);
    assert_eq!(claimed.wait(MILLISECOND).attempt(Deed::Start), late);
    for mut story in [waiting, claimed] {
        story.take(Deed::Expire);
        assert_eq!(story.status(), Status::Expired);
    }
}

#[test]
fn a_retry_that_falls_due_after_its_age_can_be_dropped_as_soon_as_the_age_has_passed() {
    let config = AsyncConfig {
        max_age: SECOND,
        retry_base: HOUR,
        retry_max: HOUR,
        ..AsyncConfig::default()
    };
    let mut story = Story::new(&config);
    story.fail(Deed::FunctionFault);
    let expires_at = story.wait(SECOND).invocation.expires_at;
    let refused = story.attempt(Deed::Claim);
    assert_eq!(refused, Err(Refused::AgePassed { expires_at }));
    story.take(Deed::Expire);
}

#[test]
fn age_does_not_touch_an_attempt_that_has_started() {
    let mut story = Story::of(&[Deed::Claim, Deed::Start]);
    story.wait(HOUR * 48).take(Deed::Succeed);
    assert_eq!(story.status(), Status::Succeeded);
    assert_eq!(story.invocation.duration, HOUR * 48);
}

#[test]
fn an_attempt_and_a_stop_have_deadlines() {
    let mut story = Story::of(&[Deed::Claim, Deed::Start]);
    let (claimed, now) = (story.invocation.state.clone(), story.now);
    let State::Running { deadline, .. } = claimed else {
        panic!("{claimed:?}");
    };
    assert_eq!(deadline, now.after(TIMEOUT).after(transition::RUN_GRACE));

    let stop = story.wait(SECOND).take(Deed::Stop);
    let State::Stopping {
        deadline,
        started_at,
        ..
    } = stop.after.state
    else {
        panic!("{:?}", stop.after.state);
    };
    assert_eq!(deadline, story.now.after(transition::STOP_LIMIT));
    assert_eq!(started_at, Some(now));
}

#[test]
fn the_story_reads_in_order_although_clocks_differ() {
    let mut story = Story::of(&[Deed::Claim, Deed::Start]);
    story.now = ACCEPTED_AT.before(HOUR);
    story.take(Deed::Succeed);
    assert!(story.invocation.events.is_sorted_by_key(|event| event.at));
    assert_eq!(story.invocation.ended_at(), Some(ACCEPTED_AT));
    assert!(story.invocation.duration.is_zero());
}

#[test]
fn a_claim_and_a_start_can_be_one_write() {
    let enqueued = accepted(&AsyncConfig::default(), SECOND);
    let now = ACCEPTED_AT.after(SECOND);
    let both = enqueued
        .claim(worker(1), now)
        .and_then(|claim| claim.then(|claimed| claimed.start(TIMEOUT, now)))
        .unwrap();
    assert_eq!(both.before, enqueued.version());
    assert_eq!(both.after.status(), Status::Running);
    assert_eq!(both.after.lease, Lease::from_number(1));
    let events: Vec<_> = both.after.events.iter().map(|e| e.status).collect();
    assert_eq!(
        events,
        [Status::Enqueued, Status::Dequeued, Status::Running]
    );
    assert_eq!((both.messages, both.attempt), (vec![], None));
}

#[test]
fn what_refuses_the_second_step_refuses_both() {
    let enqueued = accepted(&AsyncConfig::default(), SECOND);
    let claim = enqueued
        .claim(worker(1), ACCEPTED_AT.after(SECOND))
        .unwrap();
    let expires_at = enqueued.expires_at;
    let refused = claim.then(|claimed| claimed.start(TIMEOUT, expires_at));
    assert_eq!(refused, Err(Refused::AgePassed { expires_at }));
}

#[test]
fn one_write_sends_only_the_message_of_its_last_step_and_keeps_the_failed_attempt() {
    let mut story = Story::of(&[Deed::Claim, Deed::Start]);
    let failed = story.take(Deed::FunctionFault);
    assert_eq!(
        dispatched_at(&failed.messages),
        super::due_at(&story.invocation)
    );
    let attempt = failed.attempt.clone();
    let stopped = failed.then(|retrying| retrying.stop(story.now)).unwrap();
    assert_eq!(stopped.after.status(), Status::Stopped);
    assert_eq!((stopped.messages, stopped.attempt), (vec![], attempt));

    let released = Story::of(&[Deed::Claim]).take(Deed::Release);
    let again =
        released.then(|waiting| Deed::Claim.apply(waiting, super::due_at(waiting).unwrap()));
    assert_eq!(again.unwrap().messages, vec![]);
}
