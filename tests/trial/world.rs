//! A world of two processes, from the first task to the last one's end.

use crate::{
    calls::{Call, Calls},
    database::{Database, Turn},
    dice::Dice,
    flaw::Flaw,
    mischief,
    process::Process,
    promise::broken,
    time::PausedClock,
    trouble::{Peace, TROUBLED},
};
use bytes::Bytes;
use ekiden_broker::Broker;
use ekiden_domain::{
    Clock, Function, FunctionName, Invocation, InvocationId, NewInvocation, Qualifier, RequestId,
    Status, chance,
};
use ekiden_store::Store;
use futures::future::{join, join_all};
use rand::{RngExt, rngs::Xoshiro256PlusPlus, seq::IndexedRandom};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::runtime;

/// How long after the last trouble everything must have ended: the longest waits, one after the other.
const PATIENCE: Duration = Duration::from_secs(150);
/// How long after the last end nothing may change any more.
const AFTERWARDS: Duration = Duration::from_secs(6);
/// How often it is looked whether all has ended.
const LOOK: Duration = Duration::from_secs(3);
/// How many tasks there are.
const TASKS: usize = 3;
/// How many processes there are at a time.
const PROCESSES: usize = 2;

/// What outlives a process.
pub(crate) struct World {
    pub(crate) dice: Arc<Dice>,
    pub(crate) clock: Arc<PausedClock>,
    pub(crate) calls: Calls,
    pub(crate) turn: Arc<Turn>,
    /// For whoever looks on: without trouble.
    pub(crate) store: Store,
    pub(crate) broker: Broker,
    /// The tasks whose producer was told that they are accepted.
    pub(crate) accepted: Mutex<Vec<InvocationId>>,
    pub(crate) processes: Mutex<Vec<Arc<Process>>>,
    /// Whether the broker loses nothing: then there is no need to look for what it lost.
    pub(crate) is_lossless: bool,
    pub(crate) flaw: Option<Flaw>,
    started: AtomicU32,
    seen: Mutex<BTreeMap<InvocationId, Invocation>>,
}

/// What became of the tasks, and how the function was called for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life(Vec<(Invocation, Vec<Call>)>);

impl Life {
    pub(crate) fn ends(&self) -> impl Iterator<Item = Status> {
        self.0.iter().map(|(ended, _)| ended.status())
    }
}

/// Lives through what `seed` holds; or says what was promised and not kept.
pub(crate) fn live(seed: u64, flaw: Option<Flaw>, database: &Database) -> Result<Life, String> {
    chance::seed(seed);
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        database.empty().await;
        let world = World::new(seed, flaw, database);
        let life = world.run().await;
        world.turn.rest().await;
        life
    })
}

impl World {
    fn new(seed: u64, flaw: Option<Flaw>, database: &Database) -> Self {
        let dice = Arc::new(Dice::new(seed));
        let turn = Arc::new(database.turn());
        Self {
            clock: Arc::new(PausedClock::new()),
            calls: Calls::default(),
            store: turn.store(Arc::new(Peace(Arc::clone(&turn)))),
            turn,
            broker: Broker::in_process(),
            accepted: Mutex::default(),
            processes: Mutex::default(),
            is_lossless: dice.roll("lossless").random(),
            flaw,
            started: AtomicU32::new(0),
            seen: Mutex::default(),
            dice,
        }
    }

    async fn run(&self) -> Result<Life, String> {
        for _ in 0..PROCESSES {
            let process = self.start();
            self.processes.lock().unwrap().push(process);
        }
        let producers = (0..TASKS).map(|n| self.produce(n));
        join(join_all(producers), mischief::make(self)).await;
        self.end().await
    }

    /// A new process.
    pub(crate) fn start(&self) -> Arc<Process> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        Arc::new(Process::start(self, format!("process {number}")))
    }

    /// Asks for a task until it is accepted, now here, now there.
    async fn produce(&self, n: usize) {
        let id: InvocationId = format!("task-{n}").parse().unwrap();
        let mut dice = self.dice.roll("produce");
        let wait = Duration::from_millis(dice.random_range(0..6_000));
        tokio::time::sleep(wait).await;
        loop {
            let process = self.any(&mut dice);
            let (invocation, message) = self.accept(&id);
            let payload = Bytes::from_static(b"payload");
            let accepted = process.store.accept(invocation, payload, message);
            let is_told = self.flaw == Some(Flaw::AnswerBeforeCommit);
            if accepted.await.is_ok() || is_told {
                self.accepted.lock().unwrap().push(id);
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    fn any(&self, dice: &mut Xoshiro256PlusPlus) -> Arc<Process> {
        let processes = self.processes.lock().unwrap();
        Arc::clone(processes.choose(dice).unwrap())
    }

    fn accept(&self, id: &InvocationId) -> (Invocation, ekiden_domain::Message) {
        let function = function();
        let new = NewInvocation {
            function: name(),
            qualifier: Qualifier::latest(),
            version: Qualifier::latest(),
            invocation_id: Some(id.clone()),
            delay: Duration::ZERO,
            stateful: true,
            hops: 0,
            trace: None,
        };
        let (now, lane) = (self.clock.now(), function.effective_lane(&name()));
        let request_id = RequestId::generate(now);
        Invocation::accept(request_id, new, &function.async_config, lane, now)
    }

    /// The task as it stands; `None` if there is none.
    pub(crate) async fn find(&self, id: &InvocationId) -> Option<Invocation> {
        let record = self.store.find(&name(), id).await.unwrap();
        record.map(|record| record.invocation)
    }

    /// Waits until all has ended, and looks at how.
    async fn end(&self) -> Result<Life, String> {
        let ids = self.accepted.lock().unwrap().clone();
        for id in &ids {
            while !self.look(id).await?.status().is_final() {
                tokio::time::sleep(LOOK).await;
            }
        }
        // Whoever still runs may now try what it may not.
        tokio::time::sleep(AFTERWARDS).await;
        let mut ends = Vec::new();
        for id in &ids {
            let ended = self.look(id).await?;
            let calls = self.calls.of(ended.request_id);
            let broken = broken(&ended, &calls);
            if !broken.is_empty() {
                return Err(format!("{id}: {broken:?}\n{ended:#?}\n{calls:#?}"));
            }
            ends.push((ended, calls));
        }
        while self.store.oldest_untaken().await.unwrap().is_some() {
            if self.clock.elapsed() > TROUBLED + PATIENCE {
                return Err("something is left in the outbox".to_owned());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Life(ends))
    }

    /// The task as it stands now, if that can have become of what was seen of it before.
    async fn look(&self, id: &InvocationId) -> Result<Invocation, String> {
        let Some(now) = self.find(id).await else {
            return Err(format!("{id} was accepted and is gone"));
        };
        if !now.status().is_final() && self.clock.elapsed() > TROUBLED + PATIENCE {
            return Err(format!("{id} does not end: {now:#?}"));
        }
        let before = self.seen.lock().unwrap().insert(id.clone(), now.clone());
        match before {
            Some(before) if before.status().is_final() && before != now => {
                Err(format!("{id} had ended and changed: {before:#?} {now:#?}"))
            }
            Some(before) if !now.events.starts_with(&before.events) => {
                Err(format!("{id} has lost events: {before:#?} {now:#?}"))
            }
            _ => Ok(now),
        }
    }
}

fn name() -> FunctionName {
    "s/f".parse().unwrap()
}

pub(crate) fn function() -> Function {
    serde_json::from_str(
        r#"{"service":"s","name":"f","target":{"handler":"f"},"timeout":"5s",
            "async":{"max_retries":2}}"#,
    )
    .unwrap()
}
