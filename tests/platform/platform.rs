//! A whole platform in this process.

use bytes::Bytes;
use ekiden_broker::{AmqpConfig, Broker};
use ekiden_dispatch::{DispatchConfig, Dispatcher, ReconcileConfig, Reconciler};
use ekiden_domain::{
    Clock, Function, FunctionName, Invocation, NewInvocation, Qualifier, RequestId, Status,
    Timestamp,
};
use ekiden_executor::{Executor, ExecutorConfig, HandlerError, Handlers};
use ekiden_store::{Accepted, Catalog, Database, Store, StoreConfig};
use ekiden_worker::{Worker, WorkerConfig};
use sqlx::Connection;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long anything may take before a test gives up waiting for it.
const SOON: Duration = Duration::from_secs(60);

/// The machine's clock, set wrong by so many milliseconds.
#[derive(Debug, Default)]
pub(crate) struct WallClock(AtomicI64);

impl WallClock {
    /// Sets it forwards, or back.
    pub(crate) fn jump(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let right = i64::try_from(since.as_millis()).unwrap();
        Timestamp::from_millis(right + self.0.load(Ordering::Relaxed))
    }
}

/// How often each invocation's function was called.
pub(crate) type Calls = Arc<Mutex<HashMap<RequestId, u32>>>;

pub(crate) struct Platform {
    pub(crate) store: Store,
    pub(crate) calls: Calls,
    pub(crate) database: Database,
    pub(crate) clock: Arc<WallClock>,
    broker: Broker,
    catalog: Catalog,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

pub(crate) async fn embedded(case: impl AsyncFnOnce(&Platform)) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ekiden.db");
    let platform = Platform::start(Database::Sqlite { path }, Broker::in_process()).await;
    case(&platform).await;
    platform.end().await;
}

pub(crate) async fn production(case: impl AsyncFnOnce(&Platform)) {
    let variable = |name| {
        std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`"))
    };
    let server = variable("EKIDEN_TEST_DATABASE_URL");
    let name = format!("platform_{}", uuid::Uuid::new_v4().simple());
    let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.unwrap();
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    let mut config = AmqpConfig::new(variable("EKIDEN_TEST_AMQP_URL"));
    config.prefix = name.replace("platform_", "t")[..20].to_owned();
    let broker = Broker::amqp(config).unwrap();
    let platform = Platform::start(Database::Postgres { url }, broker).await;
    case(&platform).await;
    platform.end().await;
    let drop = sqlx::AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"));
    sqlx::query(drop).execute(&mut connection).await.unwrap();
}

impl Platform {
    async fn start(database: Database, broker: Broker) -> Self {
        let store = Store::open(StoreConfig::new(database.clone()))
            .await
            .unwrap();
        store.migrate().await.unwrap();
        let catalog = Catalog::new(store.clone());
        let stop = CancellationToken::new();
        let clock = Arc::<WallClock>::default();
        let dispatcher = Dispatcher::new(
            store.clone(),
            broker.clone(),
            clock.clone(),
            DispatchConfig::default(),
        );
        let reconciler = Reconciler::new(
            store.clone(),
            broker.clone(),
            catalog.clone(),
            clock.clone(),
            ReconcileConfig::default(),
        );
        let tasks = vec![
            tokio::spawn(dispatcher.run(stop.clone())),
            tokio::spawn(reconciler.run(stop.clone())),
        ];
        Self {
            store,
            calls: Calls::default(),
            database,
            clock,
            broker,
            catalog,
            stop,
            tasks,
        }
    }

    async fn end(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
        self.broker.close().await;
    }

    /// A worker, until its token is cancelled.
    pub(crate) fn worker(&self) -> (CancellationToken, JoinHandle<()>) {
        let config = WorkerConfig {
            slots: 16,
            worker_timeout: Duration::from_secs(2),
            heartbeat_interval: Duration::from_millis(200),
            keep_interval: Duration::from_millis(200),
            drain_grace: Duration::from_millis(100),
            ..WorkerConfig::default()
        };
        let worker = Worker::new(
            self.store.clone(),
            self.broker.clone(),
            self.catalog.clone(),
            Executor::new(handlers(&self.calls), ExecutorConfig::default()),
            self.clock.clone(),
            config,
        );
        let stop = self.stop.child_token();
        (stop.clone(), tokio::spawn(worker.run(stop)))
    }

    pub(crate) async fn function(&self, handler: &str, config: &str) -> FunctionName {
        let function: Function = serde_json::from_str(&format!(
            r#"{{"service":"s","name":"{handler}","target":{{"handler":"{handler}"}},"async":{config}}}"#
        ))
        .unwrap();
        assert_eq!(function.problems(), []);
        self.store
            .put_function(&function, self.clock.now())
            .await
            .unwrap();
        function.full_name().unwrap()
    }

    pub(crate) async fn invoke(&self, name: &FunctionName) -> Invocation {
        self.invoke_after(Duration::ZERO, name).await
    }

    pub(crate) async fn invoke_after(&self, delay: Duration, name: &FunctionName) -> Invocation {
        let latest = Qualifier::latest();
        let function = self.catalog.runnable(name, &latest).await.unwrap().unwrap();
        let now = self.clock.now();
        let new = NewInvocation {
            function: name.clone(),
            qualifier: Qualifier::latest(),
            version: Qualifier::latest(),
            invocation_id: None,
            delay,
            stateful: true,
            hops: 0,
            trace: None,
        };
        let lane = function.effective_lane(name);
        let (invocation, message) = Invocation::accept(
            RequestId::generate(now),
            new,
            &function.async_config,
            lane,
            now,
        );
        let payload = Bytes::from_static(b"payload");
        let accepted = self
            .store
            .accept(invocation.clone(), payload, message)
            .await
            .unwrap();
        assert_eq!(accepted, Accepted::New);
        invocation
    }

    pub(crate) async fn now(&self, invocation: &Invocation) -> Invocation {
        let found = self
            .store
            .find(&invocation.function, &invocation.invocation_id)
            .await
            .unwrap();
        found.unwrap().invocation
    }

    /// The invocation, as soon as it is in this status.
    pub(crate) async fn until(&self, invocation: &Invocation, status: Status) -> Invocation {
        let give_up = Instant::now() + SOON;
        loop {
            let now = self.now(invocation).await;
            if now.status() == status {
                return now;
            }
            let is_over = now.status().is_final() || Instant::now() > give_up;
            assert!(!is_over, "waits for {status}: {now:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the invocation's maximum age has passed.
    pub(crate) async fn until_too_old(&self, invocation: &Invocation) {
        while self.clock.now() < invocation.expires_at {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Removes a function, and waits until this process knows.
    pub(crate) async fn delete(&self, function: &FunctionName) {
        assert!(
            self.store
                .delete_function(function, self.clock.now())
                .await
                .unwrap()
        );
        let give_up = Instant::now() + SOON;
        while self
            .catalog
            .runnable(function, &Qualifier::latest())
            .await
            .unwrap()
            .is_some()
        {
            assert!(Instant::now() < give_up, "a deleted function stays known");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks for a stop as the API does.
    pub(crate) async fn ask_to_stop(&self, invocation: &Invocation) {
        let stop = invocation.stop(self.clock.now()).unwrap();
        assert_eq!(
            self.store.commit(stop).await.unwrap(),
            ekiden_store::Commit::Written
        );
    }
}

fn handlers(calls: &Calls) -> Handlers {
    let count = |calls: &Calls| {
        let calls = Arc::clone(calls);
        move |id| {
            let mut calls = calls.lock().unwrap();
            let calls = calls.entry(id).or_default();
            *calls += 1;
            *calls
        }
    };
    let (echo, fail, flaky, long, hang) = (
        count(calls),
        count(calls),
        count(calls),
        count(calls),
        count(calls),
    );
    Handlers::new()
        .with("echo", move |context, payload| {
            echo(context.request_id);
            async move { Ok(payload) }
        })
        .with("fail", move |context, _| {
            fail(context.request_id);
            async { Err(HandlerError("always".to_owned())) }
        })
        .with("flaky", move |context, payload| {
            let call = flaky(context.request_id);
            async move {
                if call == 1 {
                    Err(HandlerError("once".to_owned()))
                } else {
                    Ok(payload)
                }
            }
        })
        .with("long", move |context, payload| {
            long(context.request_id);
            async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                Ok(payload)
            }
        })
        .with("hang", move |context, _| {
            hang(context.request_id);
            std::future::pending()
        })
}
