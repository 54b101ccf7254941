//! What a slot is held for.

use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, production, until, until_status},
};
use sqlx::{Connection, Executor, PgConnection};

/// How often the worker's heart beats while the end cannot be written: a slot that is free has a call
/// within the first of them.
const BEATS: i64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_free_once_the_end_is_durable() {
    production(async |world: &World| {
        let plan = Plan {
            settings: "[worker]\nslots = 1\nworker_timeout = \"2s\"\n".to_owned(),
            ..Plan::default()
        };
        let server = world.serve(plan).await;
        let invoke = UNVERSIONED.invoke("f");
        let first = server.client.post(&invoke, &[], "hang").await;
        let calls = |id: &str| world.functions.calls_of(id);
        until("the call", async || {
            calls(first.request_id()).first().map(drop)
        })
        .await;

        let mut connection = PgConnection::connect(&world.database_url).await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        let lock = "SELECT FROM invocations_live FOR UPDATE";
        transaction.execute(lock).await.unwrap();
        world.functions.release();
        number_until(&mut transaction, WAITING, |waiting| waiting > 0).await;
        let second = server.client.post(&invoke, &[], "").await;
        let beats = number_until(&mut transaction, BEATEN, |_| true).await;
        number_until(&mut transaction, BEATEN, |now| now >= beats + BEATS).await;
        assert!(calls(first.request_id())[0].answered);
        assert!(calls(second.request_id()).is_empty());
        number_until(&mut transaction, WAITING, |waiting| waiting > 0).await;
        transaction.rollback().await.unwrap();
        for answer in [first, second] {
            until_status(&server.client, answer.request_id(), "Succeeded").await;
        }
    })
    .await;
}

/// How many wait for this transaction to end.
const WAITING: &str = "SELECT count(*) FROM pg_locks
    WHERE NOT granted AND transactionid = pg_current_xact_id()::xid";
const BEATEN: &str = "SELECT counter FROM workers";

async fn number_until(
    connection: &mut PgConnection,
    sql: &'static str,
    is_it: impl Fn(i64) -> bool,
) -> i64 {
    until(sql, async || {
        let number = sqlx::query_scalar(sql).fetch_one(&mut *connection).await;
        let number = number.unwrap();
        is_it(number).then_some(number)
    })
    .await
}
