//! The state table of many trials, one after the other: made once, emptied before each.

use crate::{flaw::Flaw, time::turns_until, world::function};
use ekiden_domain::{
    Timestamp,
    trial::{Boxed, Trouble},
};
use ekiden_store::{Store, StoreConfig};
use sqlx::{Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    runtime::{Builder, Runtime},
    sync::Mutex,
    task::coop::unconstrained,
};

/// How often whoever is ready is let go first, before a transaction begins: more often than one thing
/// leads to another.
const TURNS: u32 = 64;

/// What a trial leaves behind.
const EMPTY: &str = "
    DELETE FROM invocation_inputs; DELETE FROM invocations_live; DELETE FROM invocations_history;
    DELETE FROM attempts; DELETE FROM outbox; DELETE FROM deliveries; DELETE FROM workers;";

/// A database, and the right to use it.
pub(crate) struct Database {
    config: StoreConfig,
    store: Store,
    /// Keeps what the store began when it was opened.
    _runtime: Runtime,
    _directory: TempDir,
}

impl Database {
    /// With the function registered, and the flaw built in.
    pub(crate) fn make(flaw: Option<Flaw>) -> Self {
        let directory = tempfile::tempdir_in(memory()).unwrap();
        let path = directory.path().join("ekiden.db");
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut config = StoreConfig::new(ekiden_store::Database::Sqlite { path: path.clone() });
        config.timeout = Duration::from_secs(3);
        let store = runtime.block_on(async {
            let store = Store::open(config.clone()).await.unwrap();
            store.migrate().await.unwrap();
            let at = Timestamp::from_millis(0);
            store.put_function(&function(), at).await.unwrap();
            if let Some(trigger) = flaw.and_then(Flaw::trigger) {
                execute(&path, trigger).await;
            }
            rest(&store).await;
            store
        });
        Self {
            config,
            store,
            _runtime: runtime,
            _directory: directory,
        }
    }

    /// Forgets all but what is registered.
    pub(crate) async fn empty(&self) {
        let ekiden_store::Database::Sqlite { path } = &self.config.database else {
            return;
        };
        execute(path, EMPTY).await;
    }

    /// What lets one transaction run after the other.
    pub(crate) fn turn(&self) -> Turn {
        Turn {
            config: self.config.clone(),
            store: self.store.clone(),
            alone: Mutex::default(),
        }
    }
}

async fn execute(path: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection.execute(sqlx::raw_sql(sql)).await.unwrap();
    connection.close().await.unwrap();
}

/// Where a file is durable at once, as far as anybody here can tell.
fn memory() -> PathBuf {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() {
        shared.to_owned()
    } else {
        std::env::temp_dir()
    }
}

/// Transactions run one by one, each at once and whole: which comes first, and what comes of it, does
/// not depend on the machine's threads.
#[derive(Debug)]
pub(crate) struct Turn {
    config: StoreConfig,
    store: Store,
    alone: Mutex<()>,
}

impl Turn {
    /// The store of a process, with `trouble` in the way of all that it does.
    pub(crate) fn store(&self, trouble: Arc<dyn Trouble>) -> Store {
        self.store.in_trial(&self.config, trouble)
    }

    /// Runs a transaction when everybody else had a turn.
    pub(crate) async fn take(&self, run: Boxed<'_, ()>) {
        let _alone = self.alone.lock().await;
        self.rest().await;
        futures::executor::block_on(unconstrained(run));
    }

    /// Until nobody is ready to do anything, and no transaction is under way.
    pub(crate) async fn rest(&self) {
        rest(&self.store).await;
    }
}

async fn rest(store: &Store) {
    let (store, mut turns) = (store.clone(), 0);
    turns_until(move || {
        turns += 1;
        let is_at_rest = store.is_at_rest();
        if !is_at_rest {
            // The connections' way back to their pools leads through other threads.
            thread::yield_now();
        }
        is_at_rest && turns > TURNS
    })
    .await;
}
