//! What PostgreSQL knows of how large the tables are.

use crate::fixture::{NOW, accepted, on_postgres_at};
use futures::future::join_all;
use sqlx::{Executor, PgConnection};
use uuid::Uuid;

const NOBODY: Uuid = Uuid::nil();

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
async fn no_plan_looks_an_id_up_by_the_index_that_lists_are_read_from() {
    on_postgres_at(async |store, mut connection| {
        store.migrate().await.unwrap();
        for table in ["invocations_live", "invocations_history"] {
            // Were there no key, nothing else would be left but the whole table.
            let keyless = format!("ALTER TABLE {table} DROP CONSTRAINT {table}_pkey");
            connection
                .execute(sqlx::AssertSqlSafe(keyless))
                .await
                .unwrap();
            connection
                .execute("SET enable_seqscan = off")
                .await
                .unwrap();
            let explain = format!("EXPLAIN SELECT * FROM {table} WHERE request_id = ANY($1)");
            let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(explain))
                .bind(vec![NOBODY; 3])
                .fetch_all(&mut connection)
                .await
                .unwrap();
            assert!(plan[0].contains("Seq Scan"), "{plan:#?}");
        }
    })
    .await;
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
