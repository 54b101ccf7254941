//! What can happen to a platform.

use crate::{
    fleet::{Fleet, Process, RECONCILE_PERIOD, Role, WORKER_TIMEOUT},
    place::{Live, POSTGRES_RESTART, Place, is_of_process, rabbitmqctl},
    record::now,
};
use ekiden_tests::proxy::{Proxy, Way};
use nix::sys::signal::Signal;
use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use std::{ops::Range, time::Duration};

/// How long after the worker timeout what a lost worker held may run again.
const RESCUE: Duration = Duration::from_secs(3);
/// How long a way stays bad, in milliseconds, where nothing else is said.
const WHILE: Range<u64> = 3000..8000;
/// How long a way is closed that is cut and open again.
const CUT: Duration = Duration::from_millis(300);
/// How long tasks gather in the queues before those are wiped.
const GATHERING: Duration = Duration::from_secs(1);
/// How much longer each piece takes on a slow way.
const SLOW: Duration = Duration::from_millis(100);

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    WorkerKilled,
    WorkerFrozen,
    WorkerCutOff,
    WorkerSilenced,
    EnqueueKilled,
    DatabaseAway,
    DatabaseRestarted,
    DatabaseSlow,
    BrokerRestarted,
    BrokerWiped,
    BrokerBlocked,
    BrokerCut,
    BrokerSilent,
    BrokerSlow,
    RollingRestart,
}

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) struct Struck {
    pub(crate) fault: Fault,
    pub(crate) started_at: i64,
    pub(crate) ended_at: i64,
    /// What has to go on after it: held by its victim, or due and waiting at its end.
    pub(crate) affected: Vec<Live>,
    /// The workers that it gives reason to take for dead.
    pub(crate) victims: Vec<String>,
    /// Whether no backlog was left of the fault before.
    pub(crate) was_calm: bool,
}

impl Struck {
    /// When every worker stood still, in milliseconds since the epoch.
    pub(crate) fn standstill(&self) -> Option<Range<i64>> {
        let is_one = self.fault == Fault::BrokerWiped;
        is_one.then_some(self.started_at..self.ended_at)
    }
}

impl Fault {
    const ALL: [Self; 15] = [
        Self::WorkerKilled,
        Self::WorkerFrozen,
        Self::WorkerCutOff,
        Self::WorkerSilenced,
        Self::EnqueueKilled,
        Self::DatabaseAway,
        Self::DatabaseRestarted,
        Self::DatabaseSlow,
        Self::BrokerRestarted,
        Self::BrokerWiped,
        Self::BrokerBlocked,
        Self::BrokerCut,
        Self::BrokerSilent,
        Self::BrokerSlow,
        Self::RollingRestart,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WorkerKilled => "worker killed",
            Self::WorkerFrozen => "worker frozen, then woken",
            Self::WorkerCutOff => "worker cut off from the database",
            Self::WorkerSilenced => "worker's database connections half-open",
            Self::EnqueueKilled => "enqueue process killed",
            Self::DatabaseAway => "database away for everybody",
            Self::DatabaseRestarted => "database restarted, as in a crash",
            Self::DatabaseSlow => "database slow",
            Self::BrokerRestarted => "broker restarted",
            Self::BrokerWiped => "broker wiped",
            Self::BrokerBlocked => "broker's memory alarm",
            Self::BrokerCut => "broker's connections cut",
            Self::BrokerSilent => "broker's connections half-open",
            Self::BrokerSlow => "broker slow",
            Self::RollingRestart => "all processes restarted in turn",
        }
    }

    /// All that can be made to happen here, in an order of the generator's.
    pub(crate) fn shuffled(rng: &mut StdRng) -> Vec<Self> {
        let mut all = Self::ALL.to_vec();
        all.shuffle(rng);
        if std::env::var_os(POSTGRES_RESTART).is_none() {
            all.retain(|fault| *fault != Self::DatabaseRestarted);
        }
        all
    }

    /// Whether a worker is taken out, so that what it held runs elsewhere while the fault lasts.
    pub(crate) const fn has_victim(self) -> bool {
        matches!(
            self,
            Self::WorkerKilled | Self::WorkerFrozen | Self::WorkerCutOff | Self::WorkerSilenced
        )
    }

    /// How soon what it affects is to go on: where it has a victim, rescued from it after its start
    /// and run where a slot is free; where it has none, after its end. `None` where nothing is
    /// promised but that it does.
    pub(crate) fn bound(self) -> Option<Duration> {
        match self {
            Self::BrokerWiped => Some(RECONCILE_PERIOD),
            fault => fault.has_victim().then_some(WORKER_TIMEOUT + RESCUE),
        }
    }

    /// Lets it happen. `away` is how long the database stays away where that is the fault, `was_calm`
    /// whether no backlog is left of the fault before.
    pub(crate) async fn strike(
        self,
        fleet: &mut Fleet,
        place: &Place,
        rng: &mut StdRng,
        away: Duration,
        was_calm: bool,
    ) -> Struck {
        let while_ = Duration::from_millis(rng.random_range(WHILE));
        if self.has_victim() {
            let workers = fleet.processes.iter_mut();
            let mut workers: Vec<_> = workers.filter(|it| it.role == Role::Worker).collect();
            let victim = rng.random_range(0..workers.len());
            return self
                .take_out(workers.swap_remove(victim), place, while_, was_calm)
                .await;
        }
        let started_at = now();
        let processes = &mut fleet.processes;
        match self {
            Self::EnqueueKilled => {
                let of_role = processes.iter_mut().filter(|it| it.role == Role::Enqueue);
                let mut of_role: Vec<_> = of_role.collect();
                let victim = rng.random_range(0..of_role.len());
                replace(of_role.swap_remove(victim)).await;
            }
            Self::DatabaseAway => hold(processes, database, Way::Closed, away).await,
            Self::DatabaseRestarted => place.restart_database().await,
            Self::DatabaseSlow => hold(processes, database, Way::Slow(SLOW), while_).await,
            Self::BrokerRestarted => {
                rabbitmqctl("stop_app").await;
                rabbitmqctl("start_app").await;
            }
            Self::BrokerWiped => {
                // While nobody takes anything, tasks gather in the queues.
                let workers = || processes.iter().filter(|it| it.role == Role::Worker);
                workers().for_each(|it| it.signal(Signal::SIGSTOP));
                tokio::time::sleep(GATHERING).await;
                place.wipe_broker().await;
                workers().for_each(|it| it.signal(Signal::SIGCONT));
            }
            Self::BrokerBlocked => {
                rabbitmqctl("set_vm_memory_high_watermark 0").await;
                tokio::time::sleep(while_).await;
                rabbitmqctl("set_vm_memory_high_watermark 0.4").await;
            }
            Self::BrokerCut => hold(processes, broker, Way::Closed, CUT).await,
            Self::BrokerSilent => hold(processes, broker, Way::Silent, while_).await,
            Self::BrokerSlow => hold(processes, broker, Way::Slow(SLOW), while_).await,
            Self::RollingRestart => fleet.roll(place).await,
            Self::WorkerKilled | Self::WorkerFrozen | Self::WorkerCutOff | Self::WorkerSilenced => {
                unreachable!("it has a victim")
            }
        }
        let ended_at = now();
        let mut affected = place.live(ended_at).await;
        affected.retain(|live| live.version.1.is_waiting());
        Struck {
            fault: self,
            started_at,
            ended_at,
            affected,
            victims: Vec::new(),
            was_calm,
        }
    }

    /// Takes a worker out for so long, and for long enough to be taken for dead.
    async fn take_out(
        self,
        worker: &mut Process,
        place: &Place,
        while_: Duration,
        was_calm: bool,
    ) -> Struck {
        let lasts = WORKER_TIMEOUT + RESCUE + while_;
        let pid = worker.pid();
        let victims = place.workers(pid).await;
        let started_at = now();
        match self {
            Self::WorkerKilled => worker.kill(),
            Self::WorkerFrozen => worker.signal(Signal::SIGSTOP),
            Self::WorkerCutOff => worker.database.set(Way::Closed),
            _ => worker.database.set(Way::Silent),
        }
        let mut affected = place.live(started_at).await;
        affected.retain(|live| {
            live.worker
                .as_deref()
                .is_some_and(|it| is_of_process(it, pid))
        });
        if self != Self::WorkerKilled {
            tokio::time::sleep(lasts).await;
        }
        match self {
            Self::WorkerKilled => {
                worker.start();
                worker.ready().await;
            }
            Self::WorkerFrozen => worker.signal(Signal::SIGCONT),
            _ => worker.database.set(Way::Open),
        }
        Struck {
            fault: self,
            started_at,
            ended_at: now(),
            affected,
            victims,
            was_calm,
        }
    }
}

const fn database(process: &Process) -> &Proxy {
    &process.database
}

const fn broker(process: &Process) -> &Proxy {
    &process.broker
}

async fn replace(process: &mut Process) {
    process.kill();
    process.start();
    process.ready().await;
}

/// Keeps the way that `which` tells of every process like this for so long.
async fn hold(processes: &[Process], which: fn(&Process) -> &Proxy, way: Way, lasts: Duration) {
    let set = |way| processes.iter().for_each(|it| which(it).set(way));
    set(way);
    tokio::time::sleep(lasts).await;
    set(Way::Open);
}
