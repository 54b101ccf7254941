//! What can be set about a worker.

use std::time::Duration;

/// What a worker does with its runs when it cannot reach the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDatabaseLoss {
    /// They go on, and offer their results when the database is back; the lease decides.
    #[default]
    Continue,
    /// They are cancelled within `worker_timeout`, so that none overlaps its successor.
    Cancel,
}

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// How it names itself to people: host and process id.
    pub name: String,
    /// How many invocations run at once in this process.
    pub slots: u32,
    /// How often its heart beats.
    pub heartbeat_interval: Duration,
    /// How long a worker's heart may stand still before it counts as dead.
    pub worker_timeout: Duration,
    /// What happens to runs while the database is out of reach.
    pub on_database_loss: OnDatabaseLoss,
    /// How long what runs may go on after a stop of the worker was asked for.
    pub drain_grace: Duration,
    /// How long a delivered dispatch may wait here for a slot before it is put back.
    pub patience: Duration,
    /// How often dead workers, passed deadlines and passed ages are looked for.
    pub keep_interval: Duration,
    /// How long an invocation is kept after its end (FC: 7 days).
    pub retention: Duration,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            slots: 64,
            heartbeat_interval: Duration::from_secs(2),
            worker_timeout: Duration::from_secs(10),
            on_database_loss: OnDatabaseLoss::default(),
            drain_grace: Duration::from_secs(30),
            patience: Duration::from_secs(1),
            keep_interval: Duration::from_secs(1),
            retention: Duration::from_secs(7 * 86_400),
        }
    }
}
