//! How many invocations there are.

use crate::{
    Counts, FunctionCount, StatusCount, StoreError,
    backend::{Backend, read},
};
use ekiden_domain::{Status, Timestamp};

/// One row of [`Counts`]: a function, a status's code, how many.
type Row = (String, i16, i64);

pub(crate) async fn count_live(backend: &Backend) -> Result<Vec<StatusCount>, StoreError> {
    let rows: Vec<(i16, i64)> = read!(backend, pool => sqlx::query_as(
        "SELECT status, COUNT(*) FROM invocations_live GROUP BY status ORDER BY status",
    )
    .fetch_all(pool)
    .await?);
    let counts = rows.into_iter().filter_map(|(status, count)| {
        let status = Status::from_code(status)?;
        Some(StatusCount {
            status,
            count: u64::try_from(count).unwrap_or(0),
        })
    });
    Ok(counts.collect())
}

pub(crate) async fn count_live_up_to(backend: &Backend, most: u32) -> Result<u32, StoreError> {
    let count: i64 = read!(backend, pool => sqlx::query_scalar(
        "SELECT COUNT(*) FROM (SELECT 1 FROM invocations_live LIMIT $1) AS live",
    )
    .bind(i64::from(most))
    .fetch_one(pool)
    .await?);
    Ok(u32::try_from(count).unwrap_or(most))
}

/// The ended ones are found by the time of their end alone, and only so many of them are read: the
/// oldest first, in which order they were written.
pub(crate) async fn counts(
    backend: &Backend,
    ended_from: Timestamp,
    most: u32,
) -> Result<Counts, StoreError> {
    let rows: Vec<Row> = read!(backend, pool => sqlx::query_as(
        "SELECT function, status, COUNT(*) FROM (
             SELECT function, status FROM invocations_live
             UNION ALL
             SELECT * FROM (
                 SELECT function, status FROM invocations_history WHERE ended_at >= $1 LIMIT $2
             ) AS ended
         ) AS counted
         GROUP BY function, status ORDER BY function, status",
    )
    .bind(ended_from.as_millis())
    .bind(i64::from(most))
    .fetch_all(pool)
    .await?);
    let counts = rows.into_iter().map(told).collect::<Result<Vec<_>, _>>()?;
    let ended = counts.iter().filter(|count| count.status.is_final());
    let is_partial = ended.map(|count| count.count).sum::<u64>() >= u64::from(most);
    Ok(Counts { counts, is_partial })
}

fn told((function, status, count): Row) -> Result<FunctionCount, StoreError> {
    let inconsistent = |column| StoreError::Inconsistent {
        table: "invocations",
        column,
        id: function.clone(),
    };
    Ok(FunctionCount {
        status: Status::from_code(status).ok_or_else(|| inconsistent("status"))?,
        count: u64::try_from(count).unwrap_or(0),
        function: function.parse().map_err(|_| inconsistent("function"))?,
    })
}
