//! The function, and its own record of how it was called.

use crate::{dice::Dice, time::PausedClock};
use bytes::Bytes;
use ekiden_domain::{Clock, Lease, RequestId, Timestamp};
use ekiden_executor::{HandlerContext, HandlerError, Handlers};
use rand::RngExt;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// One call of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) request_id: RequestId,
    pub(crate) lease: Lease,
    pub(crate) began_at: Timestamp,
    /// `None` while it goes on.
    pub(crate) ended_at: Option<Timestamp>,
    /// Whether it ended by itself, and well.
    pub(crate) has_succeeded: bool,
}

/// Every call so far. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    pub(crate) fn of(&self, id: RequestId) -> Vec<Call> {
        let calls = self.0.lock().unwrap();
        let calls = calls.iter().filter(|call| call.request_id == id);
        calls.copied().collect()
    }

    /// The handler `f`, whose ways are left to chance.
    pub(crate) fn handlers(&self, dice: &Arc<Dice>, clock: &Arc<PausedClock>) -> Handlers {
        let (calls, dice, clock) = (self.clone(), Arc::clone(dice), Arc::clone(clock));
        Handlers::new().with("f", move |context, payload| {
            let (mut going, mut dice) = (calls.begin(&context, &clock), dice.roll("call"));
            async move {
                let takes = match dice.random_range(0..10) {
                    0..3 => dice.random_range(0..1_000),
                    3..8 => dice.random_range(0..5_000),
                    // Longer than it may: for ever, as far as its caller is concerned.
                    8 => 60_000,
                    _ => return Err(HandlerError("at once".to_owned())),
                };
                tokio::time::sleep(Duration::from_millis(takes)).await;
                if dice.random_ratio(1, 4) {
                    return Err(HandlerError("in the end".to_owned()));
                }
                going.succeed();
                Ok::<Bytes, _>(payload)
            }
        })
    }

    fn begin(&self, context: &HandlerContext, clock: &Arc<PausedClock>) -> Going {
        let mut calls = self.0.lock().unwrap();
        calls.push(Call {
            request_id: context.request_id,
            lease: context.lease,
            began_at: clock.now(),
            ended_at: None,
            has_succeeded: false,
        });
        Going {
            calls: self.clone(),
            place: calls.len() - 1,
            clock: Arc::clone(clock),
            has_succeeded: false,
        }
    }
}

/// A call that goes on; it is over when dropped, by whomever.
struct Going {
    calls: Calls,
    place: usize,
    clock: Arc<PausedClock>,
    has_succeeded: bool,
}

impl Going {
    fn succeed(&mut self) {
        self.has_succeeded = true;
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let call = &mut self.calls.0.lock().unwrap()[self.place];
        (call.ended_at, call.has_succeeded) = (Some(self.clock.now()), self.has_succeeded);
    }
}
