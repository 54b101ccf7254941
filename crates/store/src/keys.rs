//! Access keys.

use crate::{
    Inner, Seal, Store, StoreError,
    backend::{Backend, read, write},
    seal::Seals,
};
use ekiden_domain::{AccessKey, Secret, Timestamp};

/// An access key as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptKey {
    /// The key.
    pub key: AccessKey,
    /// Its secret; `None` if it is [`Seal::Lost`].
    pub secret: Option<Secret>,
    /// How the secret is kept.
    pub seal: Seal,
}

impl Store {
    /// Keeps an access key with its secret, which is sealed. Returns whether it did: `false` means that
    /// there is one of this id, which was not changed.
    ///
    /// # Errors
    /// [`StoreError::SealKey`] if there is no key to seal with.
    pub async fn create_access_key(
        &self,
        key: &AccessKey,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Inner { backend, seals, .. } = &*self.inner;
        self.bounded(create(backend, seals, key, secret, now)).await
    }

    /// Every access key with its secret, by id.
    pub async fn access_keys(&self) -> Result<Vec<KeptKey>, StoreError> {
        let Inner { backend, seals, .. } = &*self.inner;
        self.bounded(all(backend, seals)).await
    }

    /// Whether there is a key to seal secrets with. With SQLite there always is.
    #[must_use]
    pub fn can_seal(&self) -> bool {
        self.inner.seals.can_seal()
    }

    /// Seals, with the key that seals now, each secret that is kept plain or was sealed with another
    /// key at hand. Returns how many those were.
    ///
    /// # Errors
    /// [`StoreError::SealKey`] if there is one to seal and no key to do it with.
    pub async fn seal_access_keys(&self) -> Result<u64, StoreError> {
        let Inner { backend, seals, .. } = &*self.inner;
        self.bounded(seal(backend, seals)).await
    }

    /// Removes an access key. Returns whether it was there.
    pub async fn revoke_access_key(&self, id: &str) -> Result<bool, StoreError> {
        self.bounded(revoke(&self.inner.backend, id)).await
    }
}

async fn create(
    backend: &Backend,
    seals: &Seals,
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
    .bind(seals.seal(&key.id, secret)?)
    .bind(&definition)
    .bind(now.as_millis())
    .execute(pool)
    .await?
    .rows_affected());
    Ok(created > 0)
}

async fn all(backend: &Backend, seals: &Seals) -> Result<Vec<KeptKey>, StoreError> {
    let rows: Vec<(String, String, String)> = read!(backend, pool => sqlx::query_as(
        "SELECT id, secret, definition FROM access_keys ORDER BY id",
    )
    .fetch_all(pool)
    .await?);
    let key = |(id, kept, definition): (String, String, String)| {
        let (secret, seal) = seals.open(&id, &kept);
        let key = serde_json::from_str(&definition).map_err(|_| StoreError::Inconsistent {
            table: "access_keys",
            column: "definition",
            id,
        })?;
        Ok(KeptKey { key, secret, seal })
    };
    rows.into_iter().map(key).collect()
}

/// Seals with the first key what is not; returns how many that were.
async fn seal(backend: &Backend, seals: &Seals) -> Result<u64, StoreError> {
    let rows: Vec<(String, String)> = read!(backend, pool => sqlx::query_as(
        "SELECT id, secret FROM access_keys ORDER BY id",
    )
    .fetch_all(pool)
    .await?);
    let mut sealed = 0;
    for (id, kept) in rows {
        let (Some(secret), Seal::Plain | Seal::Old) = seals.open(&id, &kept) else {
            continue;
        };
        // A key that was revoked and made anew meanwhile has another secret.
        sealed += write!(backend, pool => sqlx::query(
            "UPDATE access_keys SET secret = $1 WHERE id = $2 AND secret = $3",
        )
        .bind(seals.seal(&id, &secret)?)
        .bind(&id)
        .bind(&kept)
        .execute(pool)
        .await?
        .rows_affected());
    }
    Ok(sealed)
}

async fn revoke(backend: &Backend, id: &str) -> Result<bool, StoreError> {
    let revoked = write!(backend, pool => sqlx::query("DELETE FROM access_keys WHERE id = $1")
        .bind(id)
        .execute(pool)
        .await?
        .rows_affected());
    Ok(revoked > 0)
}
