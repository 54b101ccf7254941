//! The registry of functions.

use crate::{
    StoreError,
    backend::{Backend, read, write},
};
use ekiden_domain::{Function, FunctionName, Timestamp};

const NEXT_REVISION: &str = "UPDATE functions_revision SET revision = revision + 1";

pub(crate) async fn put(
    backend: &Backend,
    name: &FunctionName,
    function: &Function,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let definition = definition(function);
    let changed = write!(backend, pool => {
        let mut transaction = pool.begin().await?;
        let changed = sqlx::query(
            "INSERT INTO functions (function, definition, created_at, changed_at)
             VALUES ($1, $2, $3, $3)
             ON CONFLICT (function) DO UPDATE
             SET definition = excluded.definition, changed_at = excluded.changed_at
             WHERE functions.definition <> excluded.definition",
        )
        .bind(name.as_str())
        .bind(&definition)
        .bind(now.as_millis())
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if changed > 0 {
            sqlx::query(NEXT_REVISION).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        changed
    });
    Ok(changed > 0)
}

pub(crate) async fn all(backend: &Backend) -> Result<(Vec<Function>, i64), StoreError> {
    // The revision is read first: a change in between is then read again, never missed.
    let revision = revision(backend).await?;
    let rows: Vec<(String, String)> = read!(backend, pool => sqlx::query_as(
        "SELECT function, definition FROM functions ORDER BY function",
    )
    .fetch_all(pool)
    .await?);
    let function = |(name, definition): (String, String)| {
        serde_json::from_str(&definition).map_err(|_| StoreError::Inconsistent {
            table: "functions",
            column: "definition",
            id: name,
        })
    };
    let functions = rows
        .into_iter()
        .map(function)
        .collect::<Result<Vec<_>, _>>()?;
    Ok((functions, revision))
}

pub(crate) async fn revision(backend: &Backend) -> Result<i64, StoreError> {
    Ok(
        read!(backend, pool => sqlx::query_scalar("SELECT revision FROM functions_revision")
        .fetch_one(pool)
        .await?),
    )
}

pub(crate) async fn delete(backend: &Backend, name: &FunctionName) -> Result<bool, StoreError> {
    let deleted = write!(backend, pool => {
        let mut transaction = pool.begin().await?;
        let deleted = sqlx::query("DELETE FROM functions WHERE function = $1")
            .bind(name.as_str())
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        if deleted > 0 {
            sqlx::query(NEXT_REVISION).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        deleted
    });
    Ok(deleted > 0)
}

fn definition(function: &Function) -> String {
    serde_json::to_string(function).unwrap_or_else(|error| {
        // A function is plain data with string keys; serde_json has no way to refuse it.
        unreachable!("a function serializes: {error}")
    })
}
