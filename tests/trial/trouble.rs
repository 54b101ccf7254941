//! What a process's calls of store and broker meet: errors before and after, delays, and calls that never
//! return.

use crate::{database::Turn, dice::Dice, flaw::Flaw, time::PausedClock};
use ekiden_domain::{
    Transition,
    trial::{Boxed, Lost, Trouble},
};
use ekiden_store::Store;
use rand::{RngExt, seq::IndexedRandom};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// For how long there is trouble: then all must come to its end.
pub(crate) const TROUBLED: Duration = Duration::from_secs(12);
/// The longest that a call is late.
const LATE_MS: u64 = 3_500;
/// The calls one kind of which is sore; of the last nothing is.
const SORE: [&str; 10] = [
    "::beat",
    "::beat",
    "Commits",
    "Commits",
    "Accept",
    "read::load",
    "put_back",
    "outbox::delete",
    "publish",
    "-",
];
/// How many calls in a hundred meet trouble where it is sore.
const SORE_SHARE: u32 = 60;

/// A process's trouble.
pub(crate) struct Troubles {
    /// Whose; names what is drawn.
    name: String,
    dice: Arc<Dice>,
    clock: Arc<PausedClock>,
    turn: Arc<Turn>,
    /// How many calls in a hundred meet trouble.
    share: u32,
    /// Which calls meet more of it.
    sore: &'static str,
    has_crashed: AtomicBool,
    flaw: Option<(Flaw, Store)>,
}

impl fmt::Debug for Troubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Troubles").finish_non_exhaustive()
    }
}

impl Troubles {
    /// Whatever the seed says.
    pub(crate) fn new(
        name: String,
        dice: Arc<Dice>,
        clock: Arc<PausedClock>,
        turn: Arc<Turn>,
        flaw: Option<(Flaw, Store)>,
    ) -> Self {
        Self {
            name,
            share: dice.roll("share").random_range(0..20),
            sore: SORE.choose(&mut dice.roll("sore")).unwrap_or(&"-"),
            dice,
            clock,
            turn,
            has_crashed: AtomicBool::new(false),
            flaw,
        }
    }

    /// From now on nothing that this process does reaches anybody.
    pub(crate) fn crash(&self) {
        self.has_crashed.store(true, Ordering::Relaxed);
    }

    fn check(&self) -> Result<(), Lost> {
        if self.has_crashed.load(Ordering::Relaxed) {
            return Err(Lost);
        }
        Ok(())
    }

    async fn meet(&self, call: &'static str, run: Boxed<'_, ()>) -> Result<(), Lost> {
        self.check()?;
        if self.clock.elapsed() >= TROUBLED {
            self.run(call, run).await;
            return self.check();
        }
        let mut dice = self.dice.roll(&format!("{} {call}", self.name));
        let share = if call.contains(self.sore) {
            SORE_SHARE
        } else {
            self.share
        };
        if dice.random_range(0..100) >= share {
            self.run(call, run).await;
            return self.check();
        }
        let late = tokio::time::sleep(Duration::from_millis(dice.random_range(0..LATE_MS)));
        // An acknowledgement waits for no answer, and a broker's client gives up by itself.
        let kinds = match call {
            _ if call.contains("::ack") => 1,
            _ if is_broker(call) => 4,
            _ => 6,
        };
        match dice.random_range(0..kinds) {
            0 => return Err(Lost),
            1 => {
                self.run(call, run).await;
                return Err(Lost);
            }
            // What is late may come after its sender's death.
            2 => {
                late.await;
                self.run(call, run).await;
            }
            3 => {
                self.run(call, run).await;
                late.await;
            }
            4 => {
                self.run(call, run).await;
                std::future::pending::<()>().await;
            }
            _ => std::future::pending().await,
        }
        self.check()
    }

    async fn run(&self, call: &str, run: Boxed<'_, ()>) {
        if is_broker(call) {
            run.await;
        } else {
            self.turn.take(run).await;
        }
    }
}

fn is_broker(call: &str) -> bool {
    call.starts_with("ekiden_broker")
}

impl Trouble for Troubles {
    fn around<'a>(&'a self, call: &'static str, run: Boxed<'a, ()>) -> Boxed<'a, Result<(), Lost>> {
        Box::pin(self.meet(call, run))
    }

    fn bend(&self, mut transition: Box<Transition>) -> Boxed<'_, Box<Transition>> {
        Box::pin(async {
            match &self.flaw {
                Some((Flaw::NoLeaseGuard, store)) => {
                    let found = store.load(&[transition.after.request_id]).await;
                    if let Some(now) = found.ok().and_then(|records| records.into_iter().next()) {
                        transition.before = now.invocation.version();
                    }
                }
                Some((Flaw::RescueUnrecorded, _)) => {
                    let last = transition.after.events.last_mut();
                    if let Some(event) = last.filter(|event| event.detail.contains("WorkerLost")) {
                        event.detail.clear();
                    }
                }
                _ => {}
            }
            transition
        })
    }
}

/// What whoever looks on meets: nothing.
#[derive(Debug)]
pub(crate) struct Peace(pub(crate) Arc<Turn>);

impl Trouble for Peace {
    fn around<'a>(&'a self, _: &'static str, run: Boxed<'a, ()>) -> Boxed<'a, Result<(), Lost>> {
        Box::pin(async {
            self.0.take(run).await;
            Ok(())
        })
    }
}
