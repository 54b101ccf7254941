//! The list: live and ended invocations, merged by one keyset in one snapshot.

use crate::{
    StoreError,
    backend::{Backend, look_up},
    deliveries,
    row::{RecordRow, columns, sound},
};
use ekiden_domain::{ListQuery, Order, Page, Record, Status};
use sqlx::{Database as SqlDatabase, Encode, Postgres, QueryBuilder, Sqlite, Type};
use uuid::Uuid;

/// Up to how many invocations with a prefix are looked up by their keys. Among more than that, the list's
/// own order comes by a page of them soon, unless they lie together in time.
const FEW: i64 = 10_000;

pub(crate) async fn list(backend: &Backend, query: &ListQuery) -> Result<Page, StoreError> {
    let is_of_few = match &query.prefix {
        Some(prefix) => is_of_few(backend, query, prefix).await?,
        None => false,
    };
    let mut rows: Vec<RecordRow> = match backend {
        Backend::Postgres(postgres) => {
            let mut sql = statement::<Postgres>(query, is_of_few);
            sql.build_query_as().fetch_all(&postgres.searching).await?
        }
        Backend::Sqlite(sqlite) => {
            let mut sql = statement::<Sqlite>(query, is_of_few);
            sql.build_query_as().fetch_all(&sqlite.reader).await?
        }
    };
    let limit = query.limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(RecordRow::position);
    let mut records: Vec<Record> = sound(rows);
    deliveries::annotate(backend, &mut records).await?;
    Ok(Page { records, next })
}

/// Whether a prefix is that of few invocations: no planner knows, and either way takes seconds where the
/// other takes milliseconds.
async fn is_of_few(backend: &Backend, query: &ListQuery, prefix: &str) -> Result<bool, StoreError> {
    let count: i64 = look_up!(backend, pool => sqlx::query_scalar(
        "SELECT COUNT(*) FROM (
             SELECT 1 FROM invocation_inputs
             WHERE function = $1 AND invocation_id >= $2 AND invocation_id < $3
             LIMIT $4
         ) AS named",
    )
    .bind(query.function.as_str())
    .bind(prefix)
    .bind(after_all(prefix))
    .bind(FEW + 1)
    .fetch_one(pool)
    .await?);
    Ok(count <= FEW)
}

/// What sorts after all that begins with `prefix`: ids compare byte by byte, and no character sorts after
/// U+10FFFF.
fn after_all(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}

/// Each arm gives its first rows by its own index, one more than the page holds, and the merge
/// keeps the first of both: no arm is read further than a page, however long it is.
fn statement<'q, DB>(query: &'q ListQuery, is_of_few: bool) -> QueryBuilder<DB>
where
    DB: SqlDatabase,
    i64: Encode<'q, DB> + Type<DB>,
    i16: Encode<'q, DB> + Type<DB>,
    Uuid: Encode<'q, DB> + Type<DB>,
    String: Encode<'q, DB> + Type<DB>,
    &'q str: Encode<'q, DB> + Type<DB>,
{
    let mut sql = QueryBuilder::new("");
    if is_of_few {
        sql.push("WITH named AS MATERIALIZED (SELECT request_id FROM invocation_inputs WHERE TRUE");
        name(&mut sql, query);
        sql.push(") ");
    }
    let arms: &[&str] = match query.status {
        Some(status) if status.is_final() => &["ended_invocations"],
        Some(Status::Dequeued | Status::Running | Status::Stopping) => &["claimed"],
        Some(_) => &["live_invocations"],
        None => &["live_invocations", "ended_invocations"],
    };
    for (index, arm) in arms.iter().enumerate() {
        sql.push(if index == 0 {
            "SELECT * FROM ("
        } else {
            " UNION ALL SELECT * FROM ("
        });
        sql.push(concat!("SELECT ", columns!(), ", "));
        sql.push(if query.include_payload {
            "payload"
        } else {
            "CAST(NULL AS BYTEA) AS payload"
        });
        sql.push(" FROM ").push(arm).push(" WHERE stateful");
        if is_of_few {
            sql.push(" AND request_id IN (SELECT request_id FROM named)");
        } else {
            name(&mut sql, query);
            // As the indexes that lists are read from say.
            sql.push(" AND accepted_at >= 0");
        }
        filter(&mut sql, query);
        order(&mut sql, query);
        sql.push(") arm").push(index.to_string());
    }
    if arms.len() > 1 {
        order(&mut sql, query);
    }
    sql
}

/// Of which function, and with which prefix.
fn name<'q, DB>(sql: &mut QueryBuilder<DB>, query: &'q ListQuery)
where
    DB: SqlDatabase,
    String: Encode<'q, DB> + Type<DB>,
    &'q str: Encode<'q, DB> + Type<DB>,
{
    sql.push(" AND function = ")
        .push_bind(query.function.as_str());
    if let Some(prefix) = &query.prefix {
        sql.push(" AND invocation_id >= ")
            .push_bind(prefix.as_str());
        sql.push(" AND invocation_id < ")
            .push_bind(after_all(prefix));
    }
}

fn filter<'q, DB>(sql: &mut QueryBuilder<DB>, query: &'q ListQuery)
where
    DB: SqlDatabase,
    i64: Encode<'q, DB> + Type<DB>,
    i16: Encode<'q, DB> + Type<DB>,
    Uuid: Encode<'q, DB> + Type<DB>,
    &'q str: Encode<'q, DB> + Type<DB>,
{
    if let Some(qualifier) = &query.qualifier {
        sql.push(" AND qualifier = ").push_bind(qualifier.as_str());
    }
    if let Some(status) = query.status {
        sql.push(" AND status = ").push_bind(status.code());
        // So that the planner may use the indexes that leave these out.
        if status != Status::Succeeded && status.is_final() {
            sql.push(" AND status <> 5");
        }
    }
    if let Some(from) = query.accepted_from {
        sql.push(" AND accepted_at >= ").push_bind(from.as_millis());
    }
    if let Some(until) = query.accepted_until {
        sql.push(" AND accepted_at <= ")
            .push_bind(until.as_millis());
    }
    if let Some(after) = query.after {
        sql.push(match query.order {
            Order::Descending => " AND (accepted_at, request_id) < (",
            Order::Ascending => " AND (accepted_at, request_id) > (",
        });
        sql.push_bind(after.accepted_at.as_millis());
        sql.push(", ")
            .push_bind(after.request_id.as_uuid())
            .push(")");
    }
}

fn order<'q, DB>(sql: &mut QueryBuilder<DB>, query: &ListQuery)
where
    DB: SqlDatabase,
    i64: Encode<'q, DB> + Type<DB>,
{
    sql.push(match query.order {
        Order::Descending => " ORDER BY accepted_at DESC, request_id DESC LIMIT ",
        Order::Ascending => " ORDER BY accepted_at, request_id LIMIT ",
    });
    sql.push_bind(i64::from(query.limit) + 1);
}
