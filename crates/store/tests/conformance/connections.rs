//! What becomes of the connections to PostgreSQL.

use crate::fixture::{NOW, accepted, on_postgres_at, reopened_with};
use ekiden_store::{Store, StoreError, Worker};
use sqlx::{Connection, Executor, PgConnection, Postgres, Transaction};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Long enough for a connection to be found out that does not answer.
const FOUND_OUT: Duration = Duration::from_secs(10);

/// Asks for what a transaction locks; that, and the question that waits for it.
async fn ask_in_vain<'c>(
    store: &Store,
    connection: &'c mut PgConnection,
) -> (
    Transaction<'c, Postgres>,
    JoinHandle<Result<Vec<Worker>, StoreError>>,
) {
    let mut transaction = connection.begin().await.unwrap();
    let lock = "LOCK TABLE workers IN ACCESS EXCLUSIVE MODE";
    transaction.execute(lock).await.unwrap();
    let asking = tokio::spawn({
        let store = store.clone();
        async move { store.workers().await }
    });
    let waits = "SELECT EXISTS (
            SELECT FROM pg_locks WHERE relation = 'workers'::regclass AND NOT granted
        )";
    while !sqlx::query_scalar::<_, bool>(waits)
        .fetch_one(&mut *transaction)
        .await
        .unwrap()
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (transaction, asking)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_statement_was_given_up_is_nobody_else_s() {
    on_postgres_at(async |store, mut connection| {
        store.migrate().await.unwrap();
        let one = reopened_with(&mut connection, |config| config.connections = 1).await;
        assert_eq!(one.workers().await.unwrap(), []);
        let (transaction, asking) = ask_in_vain(&one, &mut connection).await;
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        // The only one for such statements still waits for the lock.
        let keys = tokio::time::timeout(FOUND_OUT, one.access_keys()).await;
        assert_eq!(keys.expect("another connection").unwrap(), []);
        transaction.rollback().await.unwrap();
        assert_eq!(one.workers().await.unwrap(), []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_connection_is_lost_each_is_asked() {
    on_postgres_at(async |store, mut connection| {
        store.migrate().await.unwrap();
        // Several at once, so that several lie idle.
        let ids = ["a", "b", "c", "d", "e", "f"];
        futures::future::join_all(ids.map(|id| accepted(&store, Some(id), NOW))).await;
        futures::future::join_all(ids.map(|_| store.workers())).await;
        let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        connection.execute(end_all).await.unwrap();
        assert!(store.workers().await.is_err());
        assert_eq!(store.workers().await.unwrap(), []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_closed_lets_what_is_under_way_end_and_has_no_connection() {
    on_postgres_at(async |store, mut connection| {
        store.migrate().await.unwrap();
        let ids = ["a", "b", "c", "d", "e", "f"];
        futures::future::join_all(ids.map(|id| accepted(&store, Some(id), NOW))).await;
        let (transaction, asking) = ask_in_vain(&store, &mut connection).await;
        let closing = tokio::spawn(store.clone().close());
        let until_closing = async {
            while store.ping().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let begun = tokio::time::timeout(FOUND_OUT, until_closing).await;
        begun.expect("nothing more can be asked");
        transaction.rollback().await.unwrap();
        assert_eq!(asking.await.unwrap().unwrap(), []);
        let closed = tokio::time::timeout(FOUND_OUT, closing).await;
        closed.expect("all are given back").unwrap();
        let others = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend'
              AND pid <> pg_backend_pid()";
        let until_none = async {
            while sqlx::query_scalar(others)
                .fetch_one(&mut connection)
                .await
                .ok()
                != Some(0_i64)
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let gone = tokio::time::timeout(FOUND_OUT, until_none).await;
        gone.expect("each is closed");
        assert!(store.workers().await.is_err());
    })
    .await;
}
