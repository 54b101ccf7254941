//! What must hold in the end: of each record, and of the function's own account of its calls.

use crate::calls::Call;
use ekiden_domain::{Event, Invocation, Lease, Status};

/// What is wrong with an invocation that has ended; nothing, it is to be hoped.
pub(crate) fn broken(invocation: &Invocation, calls: &[Call]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            broken.push(what);
        }
    };
    let count = |status| {
        let events = invocation.events.iter();
        events.filter(|event| event.status == status).count()
    };
    check(
        count(Status::Dequeued) as i64 == invocation.lease.number()
            && count(Status::Running) == invocation.attempts as usize
            && invocation.events.last().map(|event| event.status) == Some(invocation.status()),
        "the events tell another story than the record".to_owned(),
    );
    for (n, call) in calls.iter().enumerate() {
        let lease = call.lease;
        check(
            tells(invocation, lease, Status::Running),
            format!("the function was called under lease {lease}, which was never Running"),
        );
        check(
            !blames(invocation, lease, "ClaimLost"),
            format!("lease {lease} is recorded as never called, and was"),
        );
        check(
            calls[..n].iter().all(|earlier| earlier.lease != lease),
            format!("the function was called twice under lease {lease}"),
        );
        for earlier in &calls[..n] {
            let overlaps = earlier.ended_at.is_none_or(|ended| ended > call.began_at);
            check(
                !overlaps || is_excused(invocation, earlier.lease),
                format!(
                    "the call under lease {lease} overlaps that under {}",
                    earlier.lease
                ),
            );
        }
    }
    let last = calls.iter().find(|call| call.lease == invocation.lease);
    check(
        invocation.status() != Status::Succeeded || last.is_some_and(|call| call.has_succeeded),
        "it Succeeded, and the function did not".to_owned(),
    );
    broken
}

/// What the record tells of the claim that took `lease`: from there to the next claim.
fn chapter(invocation: &Invocation, lease: Lease) -> impl Iterator<Item = &Event> {
    let mut claims = 0;
    invocation.events.iter().filter(move |event| {
        claims += i64::from(event.status == Status::Dequeued);
        claims == lease.number()
    })
}

fn tells(invocation: &Invocation, lease: Lease, status: Status) -> bool {
    chapter(invocation, lease).any(|event| event.status == status)
}

fn blames(invocation: &Invocation, lease: Lease, error: &str) -> bool {
    chapter(invocation, lease).any(|event| event.detail.contains(error))
}

fn is_excused(invocation: &Invocation, lease: Lease) -> bool {
    tells(invocation, lease, Status::Stopping)
        || blames(invocation, lease, "WorkerLost")
        || blames(invocation, lease, "timed out")
}
