//! The schema: embedded migrations, and whether this binary and a database fit each other.

use crate::{
    Schema, StoreError,
    backend::{Backend, read, write},
};
use sqlx::migrate::Migrator;
use std::sync::Arc;

static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");
static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");

fn migrator(backend: &Backend) -> Migrator {
    let embedded = match backend {
        Backend::Postgres(_) => &POSTGRES,
        Backend::Sqlite(_) => &SQLITE,
    };
    Migrator {
        migrations: embedded.migrations.clone(),
        // A newer release may have applied more; `compatible_from` says whether that is a problem.
        ignore_missing: true,
        ..Migrator::DEFAULT
    }
}

fn known(backend: &Backend) -> i64 {
    migrator(backend)
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

pub(crate) async fn schema(backend: &Backend) -> Result<Schema, StoreError> {
    let found: Result<(i64, i64), sqlx::Error> = read!(backend, pool => sqlx::query_as(
        "SELECT COALESCE(MAX(version), 0), COALESCE(MAX(compatible_from), 0) FROM schema_versions",
    )
    .fetch_one(pool)
    .await);
    let (applied, compatible_from) = match found {
        Ok(found) => found,
        Err(error) if is_missing_table(&error) => (0, 0),
        Err(error) => return Err(error.into()),
    };
    Ok(Schema {
        applied,
        compatible_from,
        known: known(backend),
    })
}

fn is_missing_table(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(database) = error else {
        return false;
    };
    // PostgreSQL has a code for it, SQLite only a message.
    database.code().is_some_and(|code| code == "42P01")
        || database.message().starts_with("no such table")
}

pub(crate) async fn migrate(backend: &Backend) -> Result<Schema, StoreError> {
    let found = schema(backend).await?;
    if found.compatible_from > found.known {
        return found.check().map(|()| found);
    }
    let migrator = migrator(backend);
    write!(backend, pool => migrator.run_direct(None, &mut *pool.acquire().await?, false).await)
        .map_err(|error| StoreError::Migration(Arc::new(error)))?;
    schema(backend).await
}
