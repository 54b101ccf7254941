//! What the tables say, against what the functions saw.

use crate::{
    functions::Call,
    world::{World, story, until},
};
use serde_json::Value;
use sqlx::{Connection, PgConnection, Row, SqliteConnection, postgres::PgRow, sqlite::SqliteRow};
use std::{collections::HashMap, time::Duration};

/// Succeeded, as the tables write it.
const SUCCEEDED: i64 = 5;

/// One row of the state table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) status: i64,
    pub(super) attempts: i64,
    /// How many of its attempts were lost with their worker, by the table of failed attempts.
    pub(super) lost: i64,
    /// How many of its attempts failed.
    pub(super) failed: i64,
}

const ENTRIES: &str = "
    SELECT invocation_id, CAST(status AS BIGINT) AS status, attempts,
           (SELECT count(*) FROM attempts failed
            WHERE failed.request_id = invocations.request_id AND failed.fault_kind IS NOT NULL)
               AS failed,
           (SELECT count(*) FROM attempts failed
            WHERE failed.request_id = invocations.request_id AND failed.error = 'WorkerLost')
               AS lost
    FROM invocations WHERE function = 'default/f'";
const ENDED: &str = "SELECT count(*) FROM invocations_history";

macro_rules! entry {
    ($row:ty) => {
        |row: &$row| Entry {
            id: row.get("invocation_id"),
            status: row.get("status"),
            attempts: row.get("attempts"),
            lost: row.get("lost"),
            failed: row.get("failed"),
        }
    };
}

/// Every invocation of the function `f`.
pub(super) async fn entries(world: &World) -> Vec<Entry> {
    let url = &world.database_url;
    if world.broker.is_some() {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let rows = sqlx::query(ENTRIES)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        return rows.iter().map(entry!(PgRow)).collect();
    }
    let mut connection = SqliteConnection::connect(url).await.unwrap();
    let rows = sqlx::query(ENTRIES)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    rows.iter().map(entry!(SqliteRow)).collect()
}

/// Waits until so many invocations have ended.
pub(super) async fn until_ended(world: &World, count: usize) {
    let url = &world.database_url;
    let mut ended = 0;
    // A minute for each third of the way.
    for _ in 0..3 {
        if ended == count {
            return;
        }
        ended = until("invocations to end", async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let ended: i64 = if world.broker.is_some() {
                let mut connection = PgConnection::connect(url).await.unwrap();
                sqlx::query_scalar(ENDED)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            } else {
                let mut connection = SqliteConnection::connect(url).await.unwrap();
                sqlx::query_scalar(ENDED)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            };
            let ended = usize::try_from(ended).unwrap();
            (ended == count).then_some(ended)
        })
        .await;
    }
}

/// The records of all tasks as `ekiden list` gives them, by id.
pub(super) async fn listed(world: &World, endpoint: &str) -> HashMap<String, Value> {
    let list = [
        "list",
        "default/f",
        "--json",
        "--limit",
        "20000",
        "--endpoint",
        endpoint,
    ];
    let said = world.run(&list).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let mut answer = said.json();
    assert!(answer.get("nextToken").is_none());
    let Value::Array(records) = answer["invocations"].take() else {
        panic!("no list");
    };
    let count = records.len();
    let by_id: HashMap<String, Value> = records
        .into_iter()
        .map(|record| (record["invocationId"].as_str().unwrap().to_owned(), record))
        .collect();
    assert_eq!(by_id.len(), count, "no task is listed twice");
    by_id
}

/// Every one of `ids` ended Succeeded, once; the table and the list agree; and no function was
/// called again but where the record shows a lost worker. Returns how many attempts were lost.
pub(super) fn audit(
    ids: &[String],
    entries: &[Entry],
    listed: &HashMap<String, Value>,
    calls: &HashMap<String, Vec<Call>>,
) -> i64 {
    let table: HashMap<&str, &Entry> = entries
        .iter()
        .map(|entry| (entry.id.as_str(), entry))
        .collect();
    assert_eq!(
        (entries.len(), table.len()),
        (ids.len(), ids.len()),
        "one row for each"
    );
    assert_eq!(listed.len(), ids.len());
    for id in ids {
        let (entry, record, calls) = (table[id.as_str()], &listed[id], &calls[id]);
        assert_eq!(entry.status, SUCCEEDED, "{entry:?}");
        assert_eq!(record["status"], "Succeeded", "{record:#}");
        audit_one(entry, record, calls);
    }
    entries.iter().map(|entry| entry.lost).sum()
}

fn audit_one(entry: &Entry, record: &Value, calls: &[Call]) {
    let lost = usize::try_from(entry.lost).unwrap();
    assert_eq!(
        entry.failed, entry.lost,
        "nothing else goes wrong: {entry:?}"
    );
    assert_eq!(entry.attempts, entry.lost + 1, "{entry:?}");
    // A worker can die between its claim and the call, but nothing is called without a claim.
    assert!(
        (1..=lost + 1).contains(&calls.len()),
        "{calls:?}, {entry:?}"
    );
    let mut leases: Vec<u64> = calls.iter().map(|call| call.lease).collect();
    leases.sort_unstable();
    leases.dedup();
    assert_eq!(
        leases.len(),
        calls.len(),
        "each call has a claim of its own: {calls:?}"
    );
    let last = calls.iter().max_by_key(|call| call.lease).unwrap();
    assert!(last.answered, "the one that counted: {calls:?}");
    let told = record["events"].as_array().unwrap().iter();
    let told = told.filter(|event| {
        event["status"] == "Retrying"
            && event["eventDetail"]
                .as_str()
                .unwrap()
                .contains("WorkerLost")
    });
    assert_eq!(told.count(), lost, "{record:#}");
    assert_eq!(record["alreadyRetriedTimes"], lost);
    let mut expected = vec!["Enqueued"];
    for _ in 0..lost {
        expected.extend(["Dequeued", "Running", "Retrying"]);
    }
    expected.extend(["Dequeued", "Running", "Succeeded"]);
    assert_eq!(story(record), expected);
}
