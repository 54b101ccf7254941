//! A run and its end: `run` and `finish` in `attempt.rs`.

use super::{Cause, Phase, Run, Worker};
use crate::{
    flaw::Flaw,
    setup::Setup,
    store::Commit,
    time::NOW,
    world::{Answer, World},
};
use ekiden_domain::{Fault, Outcome, Refused, Status, Transition};

/// How the function ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    Success,
    FunctionError,
    /// It was not reached after all.
    SystemError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Call,
    /// The function ends by itself, or by its timeout.
    Return(Ending),
    /// The call is cancelled, and ends by that; or is not begun.
    Cancelled,
    /// Hears of a stop, by a notice or by the heart.
    HearStop,
    /// Records the end.
    Finish(Answer),
}

pub(super) fn choices(setup: &Setup, world: &World, worker: &Worker) -> Vec<Act> {
    let Some(run) = &worker.run else {
        return Vec::new();
    };
    let mut acts = Vec::new();
    match run.phase {
        Phase::Started if run.cause.is_none() => acts.push(Act::Call),
        Phase::Calling => {
            acts.extend(setup.endings.iter().map(|ending| Act::Return(*ending)));
            if world.left.faults > 0 {
                acts.push(Act::Return(Ending::SystemError));
            }
        }
        Phase::Started => {}
        Phase::Ended(_) => acts.extend(world.answers(setup).into_iter().map(Act::Finish)),
    }
    match run.cause {
        Some(_) if !matches!(run.phase, Phase::Ended(_)) => acts.push(Act::Cancelled),
        Some(_) => {}
        None => {
            let is_asked = world.store.load().is_some_and(|row| {
                row.status() == Status::Stopping && row.holder() == Some(worker.life.id())
            });
            acts.extend(is_asked.then_some(Act::HearStop));
        }
    }
    acts
}

pub(super) fn act(setup: &Setup, world: &mut World, w: usize, act: Act) {
    let Some(mut run) = world.workers[w].run.take() else {
        return;
    };
    let life = world.workers[w].life;
    let mut is_over = false;
    match act {
        Act::Call => {
            if !setup.has(Flaw::CallBeforeRunning) {
                world.call(run.row.lease, life);
            }
            run.phase = Phase::Calling;
        }
        Act::Return(ending) => {
            world.left.faults -= u8::from(ending == Ending::SystemError);
            world.calls.retain(|call| call.caller != life);
            run.phase = Phase::Ended(Some(ending));
        }
        Act::Cancelled => {
            world.calls.retain(|call| call.caller != life);
            run.phase = Phase::Ended(None);
        }
        // `obey_stop`: the run's end starts from the row as it is then found.
        Act::HearStop => {
            if let Some(row) = world.store.load() {
                run.cause = Some(Cause::Stop);
                run.row = row.clone();
            }
        }
        Act::Finish(answer) => is_over = finish(setup, world, w, &mut run, answer),
    }
    world.workers[w].run = (!is_over).then_some(run);
}

/// One round of `finish`. Whether the run is over.
fn finish(setup: &Setup, world: &mut World, w: usize, run: &mut Run, answer: Answer) -> bool {
    if world.workers[w].is_dead {
        return true;
    }
    let Ok(transition) = step(run) else {
        return true;
    };
    match world.write(transition.into(), answer) {
        Some(Commit::Written) => true,
        // A stop came in between: the same lease, one status further.
        Some(Commit::Conflict(Some(now))) if now.lease == run.row.lease => {
            let is_stuck = now.version() == run.row.version();
            run.row = now;
            is_stuck
        }
        Some(Commit::Conflict(_)) => true,
        None => {
            if setup.has(Flaw::CallAgain) {
                run.phase = Phase::Started;
            }
            false
        }
    }
}

/// `attempt.rs`, `step`.
fn step(run: &Run) -> Result<Transition, Refused> {
    let outcome = match (run.phase, run.cause) {
        (Phase::Ended(Some(Ending::Success)), _) => Outcome::Succeeded,
        (Phase::Ended(Some(Ending::FunctionError)), _) => {
            Outcome::Failed(Fault::function("Thrown", ""))
        }
        (Phase::Ended(Some(Ending::SystemError)), _) => {
            Outcome::Failed(Fault::system("Unreachable", ""))
        }
        (_, _) if run.row.status() == Status::Stopping => return run.row.stopped(NOW),
        (_, Some(Cause::Dead)) => Outcome::Failed(Fault::database_lost()),
        (_, _) => Outcome::Failed(Fault::worker_draining()),
    };
    run.row.finish(outcome, NOW)
}
