use super::{Backend, make_directory_of};
use crate::{Accepted, Database, Store, StoreConfig, StoreError, sample};
use bytes::Bytes;
use sqlx::SqlitePool;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};

#[test]
fn only_the_owner_enters_a_directory_that_was_missing() {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let outer = tempfile::tempdir().unwrap();
    fs::set_permissions(outer.path(), Permissions::from_mode(0o750)).unwrap();
    let inner = outer.path().join("ekiden-data");
    for _ in 0..2 {
        make_directory_of(&inner.join("ekiden.db")).unwrap();
        assert_eq!((mode(outer.path()), mode(&inner)), (0o750, 0o700));
    }
}

/// A number that the connection which writes tells.
async fn number(writer: &SqlitePool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(writer).await.unwrap()
}

/// How large the file may grow, by this connection that writes and by those to come.
async fn set_most_pages(writer: &SqlitePool, pages: i64) {
    let options = writer.connect_options().as_ref().clone();
    writer.set_connect_options(options.pragma("max_page_count", pages.to_string()));
    let now = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::query(now).execute(writer).await.unwrap();
}

#[tokio::test]
async fn what_a_full_disk_has_no_room_for_is_not_half_there_and_is_taken_when_there_is_room() {
    const ROWS: &str = "SELECT (SELECT count(*) FROM invocation_inputs) * 1000000
        + (SELECT count(*) FROM invocations_live) * 1000 + (SELECT count(*) FROM outbox)";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ekiden.db");
    let mut config = StoreConfig::new(Database::Sqlite { path });
    config.timeout = Duration::from_millis(200);
    let store = Store::open(config).await.unwrap();
    store.migrate().await.unwrap();
    let Backend::Sqlite(sqlite) = &store.inner.backend else {
        panic!("it is SQLite");
    };
    let pages = number(&sqlite.writer, "PRAGMA page_count").await;
    set_most_pages(&sqlite.writer, pages + 100).await;

    let payload = Bytes::from(vec![b'x'; 50_000]);
    let mut accepted = 0;
    let refused = loop {
        let (invocation, message) = sample::invocation();
        let again = (invocation.clone(), message.clone());
        match store.accept(invocation, payload.clone(), message).await {
            Ok(answer) => assert_eq!(answer, Accepted::New),
            Err(error) => break (error, again),
        }
        accepted += 1;
        assert!(accepted < 100, "it is full some time");
    };
    let (error, (invocation, message)) = refused;
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let each = 1_001_001;
    assert_eq!(number(&sqlite.writer, ROWS).await, accepted * each);
    assert!(accepted > 0);

    set_most_pages(&sqlite.writer, pages + 1000).await;
    let taken = store.accept(invocation, payload, message).await.unwrap();
    assert_eq!(taken, Accepted::New);
    assert_eq!(number(&sqlite.writer, ROWS).await, (accepted + 1) * each);
}
