//! Access keys.

use crate::{
    StoreError,
    backend::{Backend, read, write},
};
use ekiden_domain::{AccessKey, Secret, Timestamp};

pub(crate) async fn create(
    backend: &Backend,
    key: &AccessKey,
    secret: &Secret,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let definition = serde_json::to_string(key).unwrap_or_else(|error| {
        // A key is plain data with string keys; serde_json has no way to refuse it.
        unreachable!("an access key serializes: {error}")
    });
    let created = write!(backend, pool => sqlx::query(
        "INSERT INTO access_keys (id, secret, definition, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(&key.id)
    .bind(secret.expose())
    .bind(&definition)
    .bind(now.as_millis())
    .execute(pool)
    .await?
    .rows_affected());
    Ok(created > 0)
}

pub(crate) async fn all(backend: &Backend) -> Result<Vec<(AccessKey, Secret)>, StoreError> {
    let rows: Vec<(String, String, String)> = read!(backend, pool => sqlx::query_as(
        "SELECT id, secret, definition FROM access_keys ORDER BY id",
    )
    .fetch_all(pool)
    .await?);
    let key = |(id, secret, definition): (String, String, String)| {
        let key = serde_json::from_str(&definition).map_err(|_| StoreError::Inconsistent {
            table: "access_keys",
            column: "definition",
            id,
        })?;
        Ok((key, Secret::new(secret)))
    };
    rows.into_iter().map(key).collect()
}

pub(crate) async fn revoke(backend: &Backend, id: &str) -> Result<bool, StoreError> {
    let revoked = write!(backend, pool => sqlx::query("DELETE FROM access_keys WHERE id = $1")
        .bind(id)
        .execute(pool)
        .await?
        .rows_affected());
    Ok(revoked > 0)
}
