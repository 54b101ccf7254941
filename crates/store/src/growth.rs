//! Keeps plans true to how large the tables are.
//!
//! A statement that names its rows by key is planned once for a connection. Planned while a table was
//! empty, it would compare each of many rows with each of many steps once it is not, until PostgreSQL's
//! own next look at the table's size, which comes once a minute. So whoever fills the tables looks earlier: what has
//! grown is analyzed, which has every connection of every process plan anew.

use crate::backend::Kept;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// After how many accepted invocations the tables are looked at.
const LOOK: usize = 1000;

/// How long one look is from the next, whoever accepts how much.
const PAUSE: Duration = Duration::from_millis(100);

/// The tables that have outgrown what plans are made for: the rows that they are taken to have.
const OUTGROWN: &str = "
    SELECT pg_class.relname::text FROM pg_class JOIN pg_stat_all_tables ON relid = oid
    WHERE oid IN (
        'invocations_live'::regclass, 'invocation_inputs'::regclass, 'outbox'::regclass
    ) AND n_live_tup > 2 * GREATEST(reltuples, 500)";

/// How much was accepted since the last look was over.
#[derive(Debug, Default)]
pub(crate) struct Growth(AtomicUsize);

impl Growth {
    /// Counts what was accepted, and looks where it is time to: one look at a time, and never in the
    /// way of who accepts.
    pub(crate) fn add(self: &Arc<Self>, accepted: usize, pool: &Kept) {
        let before = self.0.fetch_add(accepted, Ordering::Relaxed);
        if before < LOOK && before + accepted >= LOOK {
            let (growth, pool) = (Arc::clone(self), pool.clone());
            tokio::spawn(async move {
                if let Err(error) = look(&pool).await {
                    tracing::warn!(%error, "tables that have grown could not be analyzed");
                }
                tokio::time::sleep(PAUSE).await;
                growth.0.store(0, Ordering::Relaxed);
            });
        }
    }
}

async fn look(pool: &Kept) -> Result<(), sqlx::Error> {
    let outgrown: Vec<String> = sqlx::query_scalar(OUTGROWN).fetch_all(pool).await?;
    if !outgrown.is_empty() {
        tracing::debug!(tables = ?outgrown, "analyzing what has grown");
        let analyze = format!("ANALYZE {}", outgrown.join(", "));
        sqlx::query(sqlx::AssertSqlSafe(analyze))
            .execute(pool)
            .await?;
    }
    Ok(())
}
