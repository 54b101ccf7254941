//! Who asks for the invocation, and the enqueue API that answers: `crates/enqueue/src/invoke.rs`.

use crate::{
    flaw::Flaw,
    row::Row,
    setup::Setup,
    time::{NOW, TICK, Ticks},
    world::World,
};
use ekiden_domain::{AsyncConfig, Invocation, Lane, NewInvocation, Qualifier, RequestId};
use std::time::Duration;
use uuid::Uuid;

/// How far the producer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Producer {
    /// Its request is under way.
    Asks,
    /// The commit is known to be done.
    Committed,
    /// It was told 202, or on a second try 409 with what the first led to.
    Accepted,
    /// It was told 503, or nothing: it does not know, and may ask again under the same id.
    Unsure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The commit is done and known to be: at once, or read back.
    Commit,
    /// The commit is done, and nobody knows.
    CommitUnknown,
    /// The commit failed, and nothing remains.
    Fail,
    /// It is told 202.
    Answer,
    /// The API's process dies before the answer.
    Crash,
}

pub(crate) fn choices(setup: &Setup, world: &World) -> Vec<Act> {
    let mut acts = Vec::new();
    match world.producer {
        Producer::Asks => {
            acts.push(Act::Commit);
            if world.left.faults > 0 {
                acts.extend([Act::CommitUnknown, Act::Fail]);
            }
            if setup.has(Flaw::AnswerBeforeCommit) {
                acts.push(Act::Answer);
            }
        }
        Producer::Committed => {
            acts.push(Act::Answer);
            if world.left.crashes > 0 {
                acts.push(Act::Crash);
            }
        }
        Producer::Unsure => acts.push(Act::Commit),
        Producer::Accepted => {}
    }
    acts
}

pub(crate) fn act(setup: &Setup, world: &mut World, act: Act) {
    world.producer = match act {
        Act::Commit => {
            world.store.accept(accepted(setup));
            Producer::Committed
        }
        Act::CommitUnknown => {
            world.left.faults -= 1;
            world.store.accept(accepted(setup));
            Producer::Unsure
        }
        Act::Fail => {
            world.left.faults -= 1;
            Producer::Unsure
        }
        Act::Answer => Producer::Accepted,
        Act::Crash => {
            world.left.crashes -= 1;
            Producer::Unsure
        }
    };
}

/// The invocation as it is accepted now.
pub(crate) fn accepted(setup: &Setup) -> Row {
    let max_age = match setup.max_age {
        Ticks::MAX => AsyncConfig::default().max_age,
        ticks => TICK * u32::from(ticks),
    };
    let config = AsyncConfig {
        max_retries: setup.max_retries,
        max_age,
        ..AsyncConfig::default()
    };
    let new = NewInvocation {
        function: "media/thumbnail".parse().unwrap(),
        qualifier: Qualifier::latest(),
        version: Qualifier::latest(),
        invocation_id: Some("first".parse().unwrap()),
        delay: Duration::ZERO,
        stateful: true,
        hops: 0,
        trace: None,
    };
    let id = RequestId::from_uuid(Uuid::from_u128(1));
    Row::new(Invocation::accept(id, new, &config, Lane::shared(), NOW).0)
}
