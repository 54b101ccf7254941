//! What must hold of every step, whatever came before it.

use super::super::{Deed, Story, due_at, worker};
use crate::{
    AsyncConfig, Body, Invocation, Message, Refused, State, Status, Transition, Version,
    transition::MAX_RELEASES,
};

pub(super) fn check(story: &Story, deed: Deed, transition: &Transition, config: &AsyncConfig) {
    let (before, after) = (&story.invocation, &transition.after);
    assert!(!before.status().is_final(), "a final state never changes");
    assert_eq!(transition.before, before.version());
    check_identity(before, after);
    check_time(story, deed, after);
    check_events(before, after);
    check_counters(before, deed, after, config);
    check_worker(after);
    check_messages(after, &transition.messages);
    check_attempt(story, deed, transition);
}

fn check_identity(before: &Invocation, after: &Invocation) {
    let same = Invocation {
        state: before.state.clone(),
        lease: before.lease,
        attempts: before.attempts,
        retries: before.retries,
        system_retries: before.system_retries,
        releases: before.releases,
        reached: before.reached,
        first_started_at: before.first_started_at,
        worker: before.worker,
        duration: before.duration,
        error: before.error.clone(),
        events: before.events.clone(),
        ..after.clone()
    };
    assert_eq!(&same, before, "what was fixed at acceptance stays");
    assert!(
        after.reached || !before.reached,
        "once reached, always reached"
    );
    if before.first_started_at.is_some() {
        assert_eq!(after.first_started_at, before.first_started_at);
    }
}

fn check_time(story: &Story, deed: Deed, after: &Invocation) {
    let (before, now) = (&story.invocation, story.now);
    match deed {
        Deed::Claim => assert!(due_at(before).is_some_and(|due_at| now >= due_at)),
        Deed::Expire => assert!(now >= before.expires_at),
        _ => {}
    }
    if matches!(deed, Deed::Claim | Deed::Start) {
        assert!(now < before.expires_at, "{deed:?} after the age has passed");
    }
    assert_eq!(after.ended_at().is_some(), after.status().is_final());
}

fn check_events(before: &Invocation, after: &Invocation) {
    let (events, known) = (&after.events, before.events.len());
    assert_eq!(&events[..known], &before.events, "events are appended only");
    assert!(events.len() > known, "every transition is an event");
    assert!(events.is_sorted_by_key(|event| event.at));
    for pair in events[known - 1..].windows(2) {
        let (from, to) = (pair[0].status, pair[1].status);
        assert!(from.leads_to().contains(&to), "{from} to {to}");
    }
    let last = events.last().unwrap();
    assert_eq!(last.status, after.status());
    if let Some(ended_at) = after.ended_at() {
        assert_eq!(last.at, ended_at);
    }
    let starts = events.iter().filter(|e| e.status == Status::Running);
    assert_eq!(starts.count(), after.attempts as usize);
    let claims = events.iter().filter(|e| e.status == Status::Dequeued);
    assert_eq!(claims.count() as i64, after.lease.number());
}

fn check_counters(before: &Invocation, deed: Deed, after: &Invocation, config: &AsyncConfig) {
    let grown = |grows: bool| u32::from(grows);
    let claimed = i64::from(deed == Deed::Claim);
    assert_eq!(after.lease.number(), before.lease.number() + claimed);
    assert_eq!(after.attempts, before.attempts + grown(deed == Deed::Start));

    let retries = before.status() == Status::Running && after.status() == Status::Retrying;
    let by_function = matches!(deed, Deed::FunctionFault | Deed::Lose);
    assert_eq!(
        after.retries,
        before.retries + grown(retries && by_function)
    );
    let system_retries = before.system_retries + grown(retries && !by_function);
    assert_eq!(after.system_retries, system_retries);
    assert!(after.retries <= u32::from(config.max_retries));
    if system_retries > before.system_retries {
        assert!(due_at(after).is_some_and(|due_at| due_at < after.expires_at));
    }

    let released = before.status() == Status::Dequeued && after.status().is_waiting();
    assert_eq!(after.releases, before.releases + grown(released));
    assert!(after.releases <= MAX_RELEASES);
}

fn check_worker(after: &Invocation) {
    let latest = worker(after.lease.number());
    match after.state {
        State::Dequeued { claim }
        | State::Running { claim, .. }
        | State::Stopping { claim, .. } => {
            assert_eq!(claim.worker, latest);
        }
        State::Enqueued { .. } | State::Retrying { .. } | State::Ended { .. } => {}
    }
    let was_claimed = after.lease.number() > 0;
    assert_eq!(after.worker, was_claimed.then_some(latest));
}

fn check_messages(after: &Invocation, messages: &[Message]) {
    let told: Vec<_> = messages.iter().map(|message| &message.body).collect();
    let dispatch = Body::Dispatch(after.policy.lane.clone());
    match after.status() {
        Status::Enqueued | Status::Retrying => {
            assert_eq!(told, [&dispatch]);
            assert_eq!(Some(messages[0].due_at), due_at(after));
        }
        Status::Stopping => assert_eq!(told, [&Body::Stop]),
        _ => assert_eq!(messages, []),
    }
    assert!(
        messages
            .iter()
            .all(|message| message.request_id == after.request_id)
    );
}

fn check_attempt(story: &Story, deed: Deed, transition: &Transition) {
    let ended = match deed {
        Deed::Succeed | Deed::FunctionFault | Deed::SystemFault | Deed::DrainingFault => true,
        Deed::Lose => story.status() == Status::Running,
        _ => false,
    };
    assert_eq!(transition.attempt.is_some(), ended);
    if let Some(attempt) = &transition.attempt {
        assert_eq!(attempt.number, story.invocation.attempts);
        assert_eq!(Some(attempt.worker), story.invocation.worker);
        assert_eq!(attempt.ended_at, story.now);
        assert_eq!(transition.after.error.as_ref(), attempt.fault.as_ref());
    }
}

/// A version names one row for ever: the states that one write passes through count as well.
pub(super) fn check_versions(
    versions: &mut Vec<Version>,
    transition: &Transition,
    before: &Invocation,
) {
    let lease = transition.after.lease;
    for event in &transition.after.events[before.events.len()..] {
        let version = Version {
            lease,
            status: event.status,
        };
        assert!(!versions.contains(&version), "{version:?} came twice");
        versions.push(version);
    }
}

pub(super) fn check_refused(story: &Story, deed: Deed, refused: Refused) {
    let (invocation, now) = (&story.invocation, story.now);
    let step = deed.step();
    match refused {
        Refused::IllegalStep { from, step: named } => {
            assert_eq!((from, named), (invocation.status(), step));
        }
        Refused::NotDue { due_at: told } => {
            assert_eq!((deed, due_at(invocation)), (Deed::Claim, Some(told)));
            assert!(now < told);
        }
        Refused::AgePassed { expires_at } => {
            assert!(matches!(deed, Deed::Claim | Deed::Start));
            assert_eq!(expires_at, invocation.expires_at);
            assert!(now >= expires_at);
        }
        Refused::NotExpired { expires_at } => {
            assert_eq!((deed, expires_at), (Deed::Expire, invocation.expires_at));
            assert!(now < expires_at);
        }
    }
}
