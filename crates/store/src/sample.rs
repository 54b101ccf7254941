//! Invocations for unit tests.

use ekiden_domain::{
    AsyncConfig, Invocation, Lane, Message, NewInvocation, Qualifier, RequestId, Timestamp,
    Transition, WorkerId,
};
use std::time::Duration;
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_763_800_000_000);

/// One that was accepted, and its dispatch.
pub(crate) fn invocation() -> (Invocation, Message) {
    let new = NewInvocation {
        function: "s/f".parse().unwrap(),
        qualifier: Qualifier::latest(),
        version: Qualifier::latest(),
        invocation_id: None,
        delay: Duration::ZERO,
        stateful: true,
        hops: 0,
        trace: None,
    };
    let id = RequestId::generate(NOW);
    Invocation::accept(id, new, &AsyncConfig::default(), Lane::shared(), NOW)
}

/// The step that claims and starts it for a worker of this number.
pub(crate) fn start(invocation: &Invocation, worker: u128) -> Transition {
    let worker = WorkerId::from_uuid(Uuid::from_u128(worker));
    let claim = invocation.claim(worker, NOW).unwrap();
    claim
        .then(|claimed| claimed.start(Duration::from_secs(60), NOW))
        .unwrap()
}
