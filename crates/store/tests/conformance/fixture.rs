//! A fresh store for each case, and invocations to put into it.

use bytes::Bytes;
use ekiden_domain::{
    AsyncConfig, FunctionName, Invocation, Lane, Message, NewInvocation, RequestId, Timestamp,
    TraceContext, WorkerId,
};
use ekiden_store::{Accepted, Commit, Database, Store, StoreConfig};
use sqlx::{Connection, PgConnection};
use std::time::Duration;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_763_800_000_000);

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

pub(crate) async fn on_sqlite(case: impl AsyncFnOnce(Store)) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ekiden.db");
    let store = Store::open(StoreConfig::new(Database::Sqlite { path }))
        .await
        .unwrap();
    case(store).await;
}

fn server() -> String {
    std::env::var("EKIDEN_TEST_DATABASE_URL")
        .expect("EKIDEN_TEST_DATABASE_URL names a PostgreSQL: run `cargo xtask test`")
}

/// Where on that server a database is.
fn url(database: &str) -> String {
    let server = server();
    let (base, _) = server.rsplit_once('/').unwrap();
    format!("{base}/{database}")
}

pub(crate) async fn on_postgres(case: impl AsyncFnOnce(Store)) {
    on_postgres_at(async |store, _| case(store).await).await;
}

/// As `on_postgres`, for a case that looks at the database itself.
pub(crate) async fn on_postgres_at(case: impl AsyncFnOnce(Store, PgConnection)) {
    let name = format!("store_{}", RequestId::generate(NOW).as_uuid().simple());
    let mut connection = PgConnection::connect(&server()).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.unwrap();
    let own = PgConnection::connect(&url(&name)).await.unwrap();
    let store = Store::open(config(&name)).await.unwrap();
    case(store, own).await;
    let drop = sqlx::AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"));
    sqlx::query(drop).execute(&mut connection).await.unwrap();
}

/// Another store on the same database.
pub(crate) async fn reopened(connection: &mut PgConnection) -> Store {
    reopened_with(connection, |_| {}).await
}

/// As `reopened`, with another configuration.
pub(crate) async fn reopened_with(
    connection: &mut PgConnection,
    change: impl FnOnce(&mut StoreConfig),
) -> Store {
    let name: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(connection)
        .await
        .unwrap();
    let mut config = config(&name);
    change(&mut config);
    Store::open(config).await.unwrap()
}

fn config(database: &str) -> StoreConfig {
    let url = url(database);
    let seal_key = format!("{}=", "A".repeat(43));
    let mut config = StoreConfig::new(Database::Postgres { url });
    config.seal_keys = vec![seal_key.parse().unwrap()];
    config
}

pub(crate) fn function() -> FunctionName {
    "media/thumbnail".parse().unwrap()
}

pub(crate) fn worker(number: u128) -> WorkerId {
    WorkerId::from_uuid(uuid::Uuid::from_u128(number))
}

pub(crate) fn new(id: Option<&str>) -> NewInvocation {
    NewInvocation {
        function: function(),
        qualifier: "LATEST".parse().unwrap(),
        version: "LATEST".parse().unwrap(),
        invocation_id: id.map(|id| id.parse().unwrap()),
        delay: Duration::ZERO,
        stateful: true,
        hops: 0,
        trace: TraceContext::new(
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "vendor=a value",
        ),
    }
}

pub(crate) fn invocation(id: Option<&str>, now: Timestamp) -> (Invocation, Message) {
    let config = AsyncConfig::default();
    Invocation::accept(
        RequestId::generate(now),
        new(id),
        &config,
        Lane::shared(),
        now,
    )
}

/// Accepts an invocation and returns it.
pub(crate) async fn accepted(store: &Store, id: Option<&str>, now: Timestamp) -> Invocation {
    let (invocation, message) = invocation(id, now);
    let payload = Bytes::from_static(b"payload");
    let accepted = store
        .accept(invocation.clone(), payload, message)
        .await
        .unwrap();
    assert_eq!(accepted, Accepted::New);
    invocation
}

/// Claims and starts it, and returns it as it then is.
pub(crate) async fn started(store: &Store, invocation: &Invocation, now: Timestamp) -> Invocation {
    let step = invocation
        .claim(worker(1), now)
        .and_then(|claim| claim.then(|i| i.start(Duration::from_secs(60), now)))
        .unwrap();
    let after = step.after.clone();
    assert_eq!(store.commit(step).await.unwrap(), Commit::Written);
    after
}
