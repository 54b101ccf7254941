//! A row that the database refuses, among others that it takes.

use crate::platform::{Platform, production};
use ekiden_domain::Status;
use ekiden_store::Database;
use futures::future::join_all;
use sqlx::{Connection, Executor, PgConnection};

async fn run_sql(platform: &Platform, sql: String) {
    let Database::Postgres { url } = &platform.database else {
        panic!("needs PostgreSQL")
    };
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_refused_leaves_its_neighbours_running() {
    production(async |platform: &Platform| {
        let function = platform.function("echo", "{}").await;
        // Accepted together, they travel in one message and are claimed together.
        let mut tasks = join_all((0..15).map(|_| platform.invoke(&function))).await;
        let refused = tasks.remove(7);
        let refuse = format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation'; END $$;
             CREATE TRIGGER refuse BEFORE UPDATE ON invocations_live FOR EACH ROW
             WHEN (NEW.request_id = '{}') EXECUTE FUNCTION refuse()",
            refused.request_id
        );
        run_sql(platform, refuse).await;
        platform.worker();
        for task in &tasks {
            let ended = platform.until(task, Status::Succeeded).await;
            assert_eq!(ended.attempts, 1, "{ended:#?}");
            assert_eq!(platform.calls.lock().unwrap()[&task.request_id], 1);
        }
        assert_eq!(platform.now(&refused).await.status(), Status::Enqueued);
        run_sql(
            platform,
            "DROP TRIGGER refuse ON invocations_live".to_owned(),
        )
        .await;
        platform.until(&refused, Status::Succeeded).await;
    })
    .await;
}
