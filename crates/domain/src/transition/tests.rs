//! What every test of the state machine shares: the steps with their facts, and one invocation's
//! story told step by step.

mod budget;
mod table;
mod timing;
mod walks;

use super::{Step, Transition};
use crate::{
    AsyncConfig, Fault, Invocation, Lane, NewInvocation, Outcome, Qualifier, Refused, RequestId,
    State, Status, Timestamp, WorkerId,
};
use std::time::Duration;
use uuid::Uuid;

const ACCEPTED_AT: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const TIMEOUT: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A step together with the fact that comes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Claim,
    Start,
    Succeed,
    FunctionFault,
    SystemFault,
    DrainingFault,
    Release,
    Stop,
    Stopped,
    Lose,
    Expire,
    Invalidate,
}

impl Deed {
    const ALL: [Self; 12] = [
        Self::Claim,
        Self::Start,
        Self::Succeed,
        Self::FunctionFault,
        Self::SystemFault,
        Self::DrainingFault,
        Self::Release,
        Self::Stop,
        Self::Stopped,
        Self::Lose,
        Self::Expire,
        Self::Invalidate,
    ];

    fn apply(self, invocation: &Invocation, now: Timestamp) -> Result<Transition, Refused> {
        match self {
            Self::Claim => invocation.claim(worker(invocation.lease.number() + 1), now),
            Self::Start => invocation.start(TIMEOUT, now),
            Self::Succeed => invocation.finish(Outcome::Succeeded, now),
            Self::FunctionFault | Self::SystemFault | Self::DrainingFault => {
                invocation.finish(Outcome::Failed(self.fault()), now)
            }
            Self::Release => invocation.release(now.after(MILLISECOND), now),
            Self::Stop => invocation.stop(now),
            Self::Stopped => invocation.stopped(now),
            Self::Lose => invocation.lose(Fault::worker_lost(), now),
            Self::Expire => invocation.expire(now),
            Self::Invalidate => invocation.invalidate("the function was deleted", now),
        }
    }

    fn fault(self) -> Fault {
        match self {
            Self::SystemFault => Fault::system("Unreachable", "connection refused"),
            Self::DrainingFault => Fault::worker_draining(),
            _ => Fault::function("UnhandledInvocationError", "exit status 1"),
        }
    }

    const fn step(self) -> Step {
        match self {
            Self::Claim => Step::Claim,
            Self::Start => Step::Start,
            Self::Succeed | Self::FunctionFault | Self::SystemFault | Self::DrainingFault => {
                Step::Finish
            }
            Self::Release => Step::Release,
            Self::Stop => Step::Stop,
            Self::Stopped => Step::Stopped,
            Self::Lose => Step::Lose,
            Self::Expire => Step::Expire,
            Self::Invalidate => Step::Invalidate,
        }
    }
}

/// The worker that takes an invocation's claim number `lease`: each claim another one.
fn worker(lease: i64) -> WorkerId {
    WorkerId::from_uuid(Uuid::from_u128(u128::from(lease.unsigned_abs())))
}

fn accepted(config: &AsyncConfig, delay: Duration) -> Invocation {
    let new = NewInvocation {
        function: "media/thumbnail".parse().unwrap(),
        qualifier: Qualifier::latest(),
        version: Qualifier::latest(),
        invocation_id: None,
        delay,
        stateful: true,
        hops: 0,
        trace: None,
    };
    let id = RequestId::generate(ACCEPTED_AT);
    Invocation::accept(id, new, config, Lane::shared(), ACCEPTED_AT).0
}

const fn due_at(invocation: &Invocation) -> Option<Timestamp> {
    match invocation.state {
        State::Enqueued { due_at } | State::Retrying { due_at } => Some(due_at),
        State::Dequeued { .. }
        | State::Running { .. }
        | State::Stopping { .. }
        | State::Ended { .. } => None,
    }
}

/// One invocation and the time in its world.
#[derive(Clone, Debug)]
struct Story {
    invocation: Invocation,
    now: Timestamp,
}

impl Story {
    fn new(config: &AsyncConfig) -> Self {
        Self {
            invocation: accepted(config, Duration::ZERO),
            now: ACCEPTED_AT,
        }
    }

    /// A story under the default configuration that has come through `deeds`.
    fn of(deeds: &[Deed]) -> Self {
        let mut story = Self::new(&AsyncConfig::default());
        story.all(deeds);
        story
    }

    fn wait(&mut self, span: Duration) -> &mut Self {
        self.now = self.now.after(span);
        self
    }

    fn attempt(&self, deed: Deed) -> Result<Transition, Refused> {
        deed.apply(&self.invocation, self.now)
    }

    /// Takes a step that must be allowed; a claim waits until the invocation is due.
    fn take(&mut self, deed: Deed) -> Transition {
        if let (Deed::Claim, Some(due_at)) = (deed, due_at(&self.invocation)) {
            self.now = self.now.max(due_at);
        }
        let transition = match self.attempt(deed) {
            Ok(transition) => transition,
            Err(refused) => panic!("{deed:?}: {refused}"),
        };
        self.invocation = transition.after.clone();
        transition
    }

    /// Takes each of `deeds` and gives the last one's transition.
    fn all(&mut self, deeds: &[Deed]) -> Option<Transition> {
        deeds.iter().map(|deed| self.take(*deed)).last()
    }

    /// Claims, starts and fails one attempt, and says how long the next one has to wait.
    fn fail(&mut self, fault: Deed) -> Option<Duration> {
        self.all(&[Deed::Claim, Deed::Start, fault]);
        due_at(&self.invocation).map(|due_at| due_at.since(self.now))
    }

    const fn status(&self) -> Status {
        self.invocation.status()
    }

    fn events(&self) -> Vec<Status> {
        self.invocation.events.iter().map(|e| e.status).collect()
    }
}

/// Asserts that `wait` is `exact` give or take the jitter, in whole milliseconds.
#[track_caller]
fn assert_jittered(wait: Option<Duration>, exact: Duration) {
    let wait = wait.expect("a retry is scheduled");
    let range = exact.mul_f64(0.8).saturating_sub(MILLISECOND)..=exact.mul_f64(1.2) + MILLISECOND;
    assert!(range.contains(&wait), "{wait:?} for {exact:?}");
}
