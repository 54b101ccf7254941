//! What PostgreSQL knows of how large the tables are.

use crate::fixture::{NOW, accepted, on_postgres_at};
use futures::future::join_all;
use sqlx::{Executor, PgConnection};

/// How many are accepted at once.
const MANY: usize = 500;
/// After how many of these it is known at the latest.
const MOST: usize = 100;

/// How many rows the planner takes the table to have.
async fn known(connection: &mut PgConnection) -> f32 {
    let known = "SELECT reltuples FROM pg_class WHERE oid = 'invocations_live'::regclass";
    sqlx::query_scalar(known)
        .fetch_one(connection)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_has_grown_is_analyzed_before_autovacuum_comes() {
    on_postgres_at(async |store, mut connection| {
        store.migrate().await.unwrap();
        // So that nobody else does it.
        let alone = "ALTER TABLE invocations_live SET (autovacuum_enabled = off)";
        connection.execute(alone).await.unwrap();
        connection
            .execute("ANALYZE invocations_live")
            .await
            .unwrap();
        assert!(known(&mut connection).await <= 0.0);
        for _ in 0..MOST {
            join_all((0..MANY).map(|_| accepted(&store, None, NOW))).await;
            if known(&mut connection).await >= 1000.0 {
                return;
            }
        }
        panic!("{} rows, and the planner knows of none", MOST * MANY);
    })
    .await;
}
