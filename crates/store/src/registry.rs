//! The registry: small documents, changed together or not at all.

use crate::{
    StoreError,
    backend::{Backend, read, write},
};
use ekiden_domain::{
    Destination, Entry, Function, FunctionName, Registered, Registry, Timestamp,
    registry::{Document, Entries, Kind, key_of_destination},
};
use sqlx::{Connection, FromRow};
use std::sync::Arc;

/// How often a change that others came before is tried anew.
const ROUNDS: usize = 10;

/// One change of the registry. Several are made together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Registers a document where there is none of its key.
    Create {
        /// What kind of document it is.
        kind: Kind,
        /// Its key.
        key: String,
        /// The document, as JSON.
        document: String,
    },
    /// Replaces a document that is still as it was when it had this revision.
    Replace {
        /// What kind of document it is.
        kind: Kind,
        /// Its key.
        key: String,
        /// The new document, as JSON.
        document: String,
        /// The revision of the old one.
        revision: i64,
    },
    /// Removes a document that is still as it was when it had this revision.
    Remove {
        /// What kind of document it is.
        kind: Kind,
        /// Its key.
        key: String,
        /// Its revision.
        revision: i64,
    },
    /// Removes every document of a kind whose key begins like this, however many there are.
    RemoveAll {
        /// What kind of documents they are.
        kind: Kind,
        /// What their keys begin with.
        prefix: String,
    },
}

impl Change {
    /// Registers `document` where there is none of `key`.
    #[must_use]
    pub fn create<T: Document>(kind: Kind, key: impl Into<String>, document: &T) -> Self {
        Self::Create {
            kind,
            key: key.into(),
            document: json(kind, document),
        }
    }

    /// Replaces the document of `key` that had `revision`.
    #[must_use]
    pub fn replace<T: Document>(
        kind: Kind,
        key: impl Into<String>,
        document: &T,
        revision: i64,
    ) -> Self {
        Self::Replace {
            kind,
            key: key.into(),
            document: json(kind, document),
            revision,
        }
    }

    /// Removes the document of `key` that has `revision`.
    #[must_use]
    pub fn remove(kind: Kind, key: impl Into<String>, revision: i64) -> Self {
        let key = key.into();
        Self::Remove {
            kind,
            key,
            revision,
        }
    }

    /// What to change so that results of `name` are handed on to `destination` again; nothing unless
    /// it is disabled.
    #[must_use]
    pub fn enabling(
        registry: &Registry,
        name: &FunctionName,
        destination: &Destination,
    ) -> Option<Self> {
        let entry = registry.disabled_destination(name, destination)?;
        let key = key_of_destination(name, destination);
        Some(Self::remove(Kind::DisabledDestination, key, entry.revision))
    }

    /// What to change so that a function is gone, with all that belongs to it alone; `None` if
    /// there is none of this name.
    #[must_use]
    pub fn function_removal(registry: &Registry, name: &FunctionName) -> Option<Vec<Self>> {
        let entry = registry.function(name)?;
        let mut changes = vec![Self::remove(Kind::Function, name.as_str(), entry.revision)];
        let beside = [
            Kind::Snapshot,
            Kind::Config,
            Kind::Version,
            Kind::Alias,
            Kind::DisabledDestination,
        ];
        changes.extend(beside.map(|kind| Self::RemoveAll {
            kind,
            prefix: format!("{name}@"),
        }));
        Some(changes)
    }
}

fn json<T: Document>(kind: Kind, document: &T) -> String {
    debug_assert!(T::KINDS.contains(&kind), "the document is of another kind");
    serde_json::to_string(document).unwrap_or_else(|error| {
        // Documents are plain data with string keys; serde_json has no way to refuse them.
        unreachable!("a document serializes: {error}")
    })
}

#[derive(Debug, FromRow)]
struct Row {
    kind: i16,
    key: String,
    document: String,
    revision: i64,
    created_at: i64,
    changed_at: i64,
}

impl Row {
    fn add_to<T: Document>(self, entries: &mut Entries<T>) -> Result<(), StoreError> {
        let value = serde_json::from_str(&self.document).map_err(|_| StoreError::Inconsistent {
            table: "registry",
            column: "document",
            id: self.key.clone(),
        })?;
        let entry = Entry {
            value,
            revision: self.revision,
            created_at: Timestamp::from_millis(self.created_at),
            changed_at: Timestamp::from_millis(self.changed_at),
        };
        entries.insert(self.key, entry);
        Ok(())
    }
}

pub(crate) async fn all(backend: &Backend) -> Result<(Registry, i64), StoreError> {
    // The revision is read first: a change in between is then read again, never missed.
    let revision = revision(backend).await?;
    let rows: Vec<Row> = read!(backend, pool => sqlx::query_as(
        "SELECT kind, key, document, revision, created_at, changed_at FROM registry
         ORDER BY kind, key",
    )
    .fetch_all(pool)
    .await?);
    let mut registry = Registry::default();
    for row in rows {
        match Kind::from_code(row.kind) {
            Some(Kind::Service) => row.add_to(&mut registry.services)?,
            Some(Kind::Function) => row.add_to(&mut registry.functions)?,
            Some(Kind::Version) => row.add_to(&mut registry.versions)?,
            Some(Kind::Snapshot) => row.add_to(&mut registry.snapshots)?,
            Some(Kind::Alias) => row.add_to(&mut registry.aliases)?,
            Some(Kind::Config) => row.add_to(&mut registry.configs)?,
            Some(Kind::DisabledDestination) => row.add_to(&mut registry.disabled_destinations)?,
            // A newer release may know more kinds.
            None => {}
        }
    }
    Ok((registry, revision))
}

pub(crate) async fn revision(backend: &Backend) -> Result<i64, StoreError> {
    Ok(
        read!(backend, pool => sqlx::query_scalar("SELECT revision FROM registry_revision")
            .fetch_one(pool)
            .await?),
    )
}

/// Makes all changes, or none: `false` means that one of them was not as expected.
pub(crate) async fn change(
    backend: &Backend,
    changes: &[Change],
    now: Timestamp,
) -> Result<bool, StoreError> {
    write!(backend, pool => {
        let mut connection = pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        // First of all, so that changes queue here and never wait for each other in a circle.
        sqlx::query("UPDATE registry_revision SET revision = revision + 1")
            .execute(&mut *transaction)
            .await?;
        for change in changes {
            let query = match change {
                Change::Create { kind, key, document } => sqlx::query(
                    "INSERT INTO registry (kind, key, document, revision, created_at, changed_at)
                     VALUES ($1, $2, $3, 1, $4, $4) ON CONFLICT (kind, key) DO NOTHING",
                )
                .bind(kind.code())
                .bind(key)
                .bind(document)
                .bind(now.as_millis()),
                Change::Replace { kind, key, document, revision } => sqlx::query(
                    "UPDATE registry SET document = $3, revision = revision + 1, changed_at = $4
                     WHERE kind = $1 AND key = $2 AND revision = $5",
                )
                .bind(kind.code())
                .bind(key)
                .bind(document)
                .bind(now.as_millis())
                .bind(revision),
                Change::Remove { kind, key, revision } => sqlx::query(
                    "DELETE FROM registry WHERE kind = $1 AND key = $2 AND revision = $3",
                )
                .bind(kind.code())
                .bind(key)
                .bind(revision),
                Change::RemoveAll { kind, prefix } => sqlx::query(
                    "DELETE FROM registry WHERE kind = $1 AND key >= $2 AND key < $3",
                )
                .bind(kind.code())
                .bind(prefix)
                // Keys compare byte by byte, and no character sorts after U+10FFFF.
                .bind(format!("{prefix}\u{10FFFF}")),
            };
            let changed = query.execute(&mut *transaction).await?.rows_affected();
            if changed == 0 && !matches!(change, Change::RemoveAll { .. }) {
                transaction.rollback().await?;
                return Ok(false);
            }
        }
        transaction.commit().await?;
    });
    Ok(true)
}

/// Registers a function of the configuration or the command line; what FC's API said of it is
/// forgotten; its versions stay, and so does that it is disabled. If that changes anything, its
/// destinations are enabled.
pub(crate) async fn put_function(
    backend: &Backend,
    name: &FunctionName,
    function: &Function,
    now: Timestamp,
) -> Result<bool, StoreError> {
    for _ in 0..ROUNDS {
        let (registry, _) = all(backend).await?;
        let mut registered = Registered::from_file(function.clone());
        let mut changes = vec![Change::RemoveAll {
            kind: Kind::DisabledDestination,
            prefix: format!("{name}@"),
        }];
        changes.push(match registry.function(name) {
            None => Change::create(Kind::Function, name.as_str(), &registered),
            Some(entry) => {
                registered.last_version = entry.value.last_version;
                registered.disabled = entry.value.disabled.clone();
                if entry.value == registered {
                    return Ok(false);
                }
                Change::replace(Kind::Function, name.as_str(), &registered, entry.revision)
            }
        });
        if self::change(backend, &changes, now).await? {
            return Ok(true);
        }
    }
    Err(StoreError::Unavailable(Arc::new(sqlx::Error::Io(
        std::io::ErrorKind::ResourceBusy.into(),
    ))))
}

pub(crate) async fn delete_function(
    backend: &Backend,
    name: &FunctionName,
    now: Timestamp,
) -> Result<bool, StoreError> {
    loop {
        let (registry, _) = all(backend).await?;
        let Some(changes) = Change::function_removal(&registry, name) else {
            return Ok(false);
        };
        if change(backend, &changes, now).await? {
            return Ok(true);
        }
    }
}
