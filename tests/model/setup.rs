//! The bounds within which the protocol is explored.

use crate::{flaw::Flaw, producer::Producer, time::Ticks, worker::Ending};

/// How far the model goes.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// How far the producer is at the beginning.
    pub(crate) producer: Producer,
    pub(crate) workers: u8,
    /// How many messages a worker may hold unacknowledged.
    pub(crate) prefetch: usize,
    /// How many sends may be under way at once, by however many dispatchers.
    pub(crate) dispatchers: usize,
    /// How many writes may be on their way to the store with nobody waiting for the answer.
    pub(crate) afloat: usize,
    /// The invocation's maximum age.
    pub(crate) max_age: Ticks,
    pub(crate) max_retries: u8,
    /// How the function may end.
    pub(crate) endings: &'static [Ending],
    pub(crate) budget: Budget,
    pub(crate) flaw: Option<Flaw>,
}

impl Setup {
    /// Two workers and two dispatchers where all goes well, but for the function.
    pub(crate) const FAIR: Self = Self {
        producer: Producer::Accepted,
        workers: 2,
        prefetch: 1,
        dispatchers: 2,
        afloat: 1,
        max_age: Ticks::MAX,
        max_retries: 1,
        endings: &[Ending::Success, Ending::FunctionError],
        budget: Budget::NONE,
        flaw: None,
    };

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}

/// How often what is rare may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// A process dies.
    pub(crate) crashes: u8,
    /// An answer of the store or the broker does not come, a message comes twice, or the function
    /// cannot be reached.
    pub(crate) faults: u8,
    /// The reaper looks askance at a worker that lives.
    pub(crate) suspicions: u8,
    /// A run or a stop takes longer than its deadline.
    pub(crate) overruns: u8,
    /// A stop is asked for.
    pub(crate) stops: u8,
    /// A worker is told to drain.
    pub(crate) drains: u8,
    /// The broker loses all that it has.
    pub(crate) wipes: u8,
}

impl Budget {
    pub(crate) const NONE: Self = Self {
        crashes: 0,
        faults: 0,
        suspicions: 0,
        overruns: 0,
        stops: 0,
        drains: 0,
        wipes: 0,
    };
}
