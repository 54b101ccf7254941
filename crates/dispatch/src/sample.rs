//! A store, a broker and a clock for one test.

use bytes::Bytes;
use ekiden_broker::Broker;
use ekiden_domain::{
    AsyncConfig, Clock, Invocation, Lane, NewInvocation, OutboxId, RequestId, Timestamp,
};
use ekiden_store::{Database, Store, StoreConfig};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// The time in seconds, as a test sets it.
#[derive(Debug, Default)]
pub(crate) struct Seconds(AtomicI64);

impl Clock for Seconds {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_763_800_000_000 + 1000 * self.0.load(Ordering::Relaxed))
    }
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<Seconds>,
    pub(crate) broker: Broker,
    _place: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ekiden.db");
        let store = Store::open(StoreConfig::new(Database::Sqlite { path }))
            .await
            .unwrap();
        store.migrate().await.unwrap();
        let clock = Arc::<Seconds>::default();
        let function = r#"{"service":"media","name":"thumbnail","target":{"handler":"h"}}"#;
        let function = serde_json::from_str(function).unwrap();
        store.put_function(&function, clock.now()).await.unwrap();
        Self {
            store,
            clock,
            broker: Broker::in_process(),
            _place: place,
        }
    }

    pub(crate) fn set_second(&self, second: i64) {
        self.clock.0.store(second, Ordering::Relaxed);
    }

    /// Accepts an invocation, which is then in the outbox.
    pub(crate) async fn accepted(&self) -> (Invocation, OutboxId) {
        let new = NewInvocation {
            function: "media/thumbnail".parse().unwrap(),
            qualifier: "LATEST".parse().unwrap(),
            version: "LATEST".parse().unwrap(),
            invocation_id: None,
            delay: Duration::ZERO,
            stateful: true,
            hops: 0,
            trace: None,
        };
        let now = self.clock.now();
        let (invocation, message) = Invocation::accept(
            RequestId::generate(now),
            new,
            &AsyncConfig::default(),
            Lane::shared(),
            now,
        );
        let id = message.id;
        let accepted = self.store.accept(invocation.clone(), Bytes::new(), message);
        accepted.await.unwrap();
        (invocation, id)
    }
}
