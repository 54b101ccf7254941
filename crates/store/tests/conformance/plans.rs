//! By which index PostgreSQL reads, where a wrong one costs seconds on a large table.

use crate::{
    fixture::{NOW, function, on_postgres_at, reopened},
    listing::{pages, query, some},
};
use ekiden_domain::{ListQuery, Order, Status};
use sqlx::{Executor, PgConnection};
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

const NOBODY: Uuid = Uuid::nil();

#[tokio::test(flavor = "multi_thread")]
async fn no_plan_looks_an_id_up_by_the_index_that_lists_are_read_from() {
    on_postgres_at(async |store, mut connection| {
        store.migrate().await.unwrap();
        connection
            .execute("SET enable_seqscan = off")
            .await
            .unwrap();
        for table in ["invocations_live", "invocations_history"] {
            // Were there no key, nothing else would be left but the whole table.
            let keyless = format!("ALTER TABLE {table} DROP CONSTRAINT {table}_pkey");
            connection
                .execute(sqlx::AssertSqlSafe(keyless))
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

/// Waits until this is the only connection: what others have read is told when theirs end.
async fn alone(connection: &mut PgConnection) {
    const OTHERS: &str = "SELECT COUNT(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while sqlx::query_scalar::<_, i64>(OTHERS)
        .fetch_one(&mut *connection)
        .await
        .unwrap()
        > 0
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// How often those whose connections have ended read the tables of invocations: by each index, and from end
/// to end.
async fn reads(connection: &mut PgConnection) -> BTreeMap<String, i64> {
    const READS: &str = "
        SELECT indexrelname::TEXT, idx_scan FROM pg_stat_user_indexes
        WHERE relname IN ('invocations_live', 'invocations_history')
        UNION ALL
        SELECT relname::TEXT, seq_scan FROM pg_stat_user_tables
        WHERE relname IN ('invocations_live', 'invocations_history')";
    alone(connection).await;
    let reads: Vec<(String, i64)> = sqlx::query_as(READS).fetch_all(connection).await.unwrap();
    reads.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_the_look_for_what_no_function_has_read_by_the_indexes_made_for_them() {
    on_postgres_at(async |store, mut connection| {
        let all = some(&store).await;
        store.close().await;
        let before = reads(&mut connection).await;
        let store = reopened(&mut connection).await;
        for status in [
            None,
            Some(Status::Enqueued),
            Some(Status::Succeeded),
            Some(Status::Failed),
        ] {
            for order in [Order::Ascending, Order::Descending] {
                for accepted_from in [None, Some(NOW)] {
                    let query = ListQuery {
                        status,
                        order,
                        accepted_from,
                        ..query(5)
                    };
                    let listed = pages(&store, query).await;
                    let expected = all
                        .iter()
                        .filter(|i| status.is_none_or(|s| i.status() == s));
                    assert_eq!(listed.len(), expected.count());
                }
            }
        }
        assert_eq!(store.unregistered(1).await.unwrap()[0].function, function());
        assert!(store.does_any_wait(&[function()]).await.unwrap());
        store.close().await;
        for (name, after) in reads(&mut connection).await {
            let is_for_lists = name.contains("listed");
            assert_eq!(after > before[&name], is_for_lists, "{name}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_destination_that_hangs_is_not_read_to_find_what_others_wait_for() {
    const DELIVERIES: &str = "
        INSERT INTO deliveries (request_id, destination, status, attempts, created_at, take_at)
        SELECT gen_random_uuid(), destination, 0, 0, 0, 0
        FROM (VALUES ('https://hangs.example', 5000), ('https://works.example', 5)) AS kinds(destination, many),
             generate_series(1, many)";
    const READ: &str = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = $1";
    on_postgres_at(async |store, mut connection| {
        store.migrate().await.unwrap();
        connection.execute(DELIVERIES).await.unwrap();
        let hangs = ["https://hangs.example".parse().unwrap()];
        let taken = store.take_deliveries(NOW, NOW, 10, &hangs).await.unwrap();
        assert_eq!(taken.len(), 5);
        store.close().await;
        alone(&mut connection).await;
        let read: i64 = sqlx::query_scalar(READ)
            .bind("deliveries_pending")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert!((5..100).contains(&read), "{read} were read");
    })
    .await;
}
