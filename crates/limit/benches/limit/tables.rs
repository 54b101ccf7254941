//! The tables, and the fastest statements that were found for them.

use anyhow::{Context, bail};
use sqlx::{
    AssertSqlSafe, Executor, FromRow, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::str::FromStr;
use uuid::Uuid;

static SCHEMA: Migrator = sqlx::migrate!("../../migrations/postgres");
const NAME: &str = "ekiden_limit";
/// What the benchmark's function is called, and where its tasks wait.
const FUNCTION: &str = "bench/noop";
const QUALIFIER: &str = "LATEST";
const LANE: &str = "default";
/// In milliseconds: how long a task may wait, a message may be held, a run may take.
const MAX_AGE: i64 = 86_400_000;
const HOLD: i64 = 5_000;
const TIMEOUT: i64 = 70_000;

const ACCEPT: &str = "
    WITH new AS (
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::uuid[])
            AS new(request_id, invocation_id, payload, message_id)
    ), inputs AS (
        INSERT INTO invocation_inputs (
            request_id, function, invocation_id, qualifier, version, stateful, lane, max_retries,
            retry_base_ms, retry_max_ms, hops, payload
        )
        SELECT request_id, $6, invocation_id, $7, $7, TRUE, $8, 3, 1000, 60000, 0, payload FROM new
    ), live AS (
        INSERT INTO invocations_live (
            request_id, function, accepted_at, expires_at, status, lease, due_at, attempts, retries,
            system_retries, releases, reached, duration_ms, events
        )
        SELECT request_id, $6, $5, $5 + $9, 0, 0, $5, 0, 0, 0, 0, FALSE, 0, $11 FROM new
    )
    INSERT INTO outbox (request_id, id, kind, lane, due_at, take_at)
    SELECT request_id, message_id, 0, $8, $5, $5 + $10 FROM new";

const SENT: &str = "
    DELETE FROM outbox USING unnest($1::uuid[], $2::uuid[]) AS sent(request_id, id)
    WHERE outbox.request_id = sent.request_id AND outbox.id = sent.id";

/// Claims and starts, and reads all that a run needs.
const START: &str = "
    UPDATE invocations_live live
    SET status = 2, lease = live.lease + 1, due_at = NULL, worker = $2, claimed_at = $3,
        started_at = $3, deadline_at = $3 + $4, first_started_at = $3,
        attempts = live.attempts + 1, events = left(live.events, -1) || $5
    FROM invocation_inputs inputs
    WHERE live.request_id = ANY($1) AND live.status = 0 AND live.lease = 0
      AND inputs.request_id = live.request_id
    RETURNING live.request_id, inputs.invocation_id, inputs.payload";

const END: &str = "
    WITH ended AS (
        DELETE FROM invocations_live live
        USING unnest($1::uuid[], $2::text[]) AS run(request_id, invocation_id)
        WHERE live.request_id = run.request_id AND live.status = 2 AND live.lease = 1
        RETURNING live.*, run.invocation_id
    )
    INSERT INTO invocations_history (
        request_id, function, invocation_id, qualifier, stateful, accepted_at, expires_at, status,
        lease, worker, first_started_at, attempts, retries, system_retries, releases, reached,
        duration_ms, ended_at, events
    )
    SELECT request_id, function, invocation_id, $4, TRUE, accepted_at, expires_at, 5, lease, worker,
           first_started_at, attempts, retries, system_retries, releases, TRUE, 0, $3,
           left(events, -1) || $5
    FROM ended";

/// The tables, in a schema of their own.
pub(crate) struct Tables(PgPool);

/// What is to be accepted together.
pub(crate) struct Accepted<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) messages: Vec<Uuid>,
    pub(crate) payloads: Vec<&'a [u8]>,
    /// In milliseconds since 1970.
    pub(crate) now: i64,
}

/// What runs now.
#[derive(FromRow)]
pub(crate) struct Started {
    pub(crate) request_id: Uuid,
    pub(crate) invocation_id: String,
    pub(crate) payload: Vec<u8>,
}

impl Tables {
    /// Makes them anew; `flights` commits on each side may be under way at once.
    pub(crate) async fn make(url: &str, flights: usize) -> anyhow::Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .context("the database URL")?
            // Each statement finds its rows by key, however many there are.
            .options([
                ("search_path", NAME),
                ("plan_cache_mode", "force_generic_plan"),
                ("enable_seqscan", "off"),
            ]);
        let connections = u32::try_from(2 * flights).unwrap_or(u32::MAX);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(connections)
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .context("cannot reach PostgreSQL")?;
        let make = format!("DROP SCHEMA IF EXISTS {NAME} CASCADE; CREATE SCHEMA {NAME}");
        pool.execute(AssertSqlSafe(make)).await?;
        SCHEMA.run(&pool).await?;
        Ok(Self(pool))
    }

    /// Removes every row.
    pub(crate) async fn empty(&self) -> anyhow::Result<()> {
        let tables = "TRUNCATE invocation_inputs, invocations_live, invocations_history, outbox";
        self.0.execute(tables).await?;
        Ok(())
    }

    /// Removes the schema.
    pub(crate) async fn remove(&self) -> anyhow::Result<()> {
        let drop = format!("DROP SCHEMA {NAME} CASCADE");
        self.0.execute(AssertSqlSafe(drop)).await?;
        Ok(())
    }

    /// Makes invocations durable, with their payloads and outbox rows.
    pub(crate) async fn accept(&self, new: &Accepted<'_>) -> anyhow::Result<()> {
        let names: Vec<String> = new.ids.iter().map(Uuid::to_string).collect();
        let written = sqlx::query(ACCEPT)
            .bind(&new.ids)
            .bind(names)
            .bind(&new.payloads)
            .bind(&new.messages)
            .bind(new.now)
            .bind(FUNCTION)
            .bind(QUALIFIER)
            .bind(LANE)
            .bind(MAX_AGE)
            .bind(HOLD)
            .bind(format!("[{}]", event(new.now, "Enqueued")))
            .execute(&self.0)
            .await?;
        all(written.rows_affected(), new.ids.len(), "accepted")
    }

    /// Forgets messages that the broker confirmed.
    pub(crate) async fn sent(&self, ids: &[Uuid], messages: &[Uuid]) -> anyhow::Result<()> {
        let written = sqlx::query(SENT)
            .bind(ids)
            .bind(messages)
            .execute(&self.0)
            .await?;
        all(written.rows_affected(), ids.len(), "taken from the outbox")
    }

    /// Claims and starts invocations.
    pub(crate) async fn start(
        &self,
        ids: &[Uuid],
        worker: Uuid,
        now: i64,
    ) -> anyhow::Result<Vec<Started>> {
        let events = [event(now, "Dequeued"), event(now, "Running")];
        let started: Vec<Started> = sqlx::query_as(START)
            .bind(ids)
            .bind(worker)
            .bind(now)
            .bind(TIMEOUT)
            .bind(format!(",{}]", events.join(",")))
            .fetch_all(&self.0)
            .await?;
        all(started.len() as u64, ids.len(), "started")?;
        Ok(started)
    }

    /// Moves invocations that Succeeded to the history.
    pub(crate) async fn end(&self, runs: Vec<Started>, now: i64) -> anyhow::Result<()> {
        let (ids, names): (Vec<Uuid>, Vec<String>) = runs
            .into_iter()
            .map(|run| (run.request_id, run.invocation_id))
            .unzip();
        let written = sqlx::query(END)
            .bind(&ids)
            .bind(&names)
            .bind(now)
            .bind(QUALIFIER)
            .bind(format!(",{}]", event(now, "Succeeded")))
            .execute(&self.0)
            .await?;
        all(written.rows_affected(), ids.len(), "ended")
    }

    /// How many have ended.
    pub(crate) async fn ended(&self) -> anyhow::Result<u64> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM invocations_history")
            .fetch_one(&self.0)
            .await?;
        Ok(u64::try_from(count)?)
    }
}

fn event(at: i64, status: &str) -> String {
    format!("[{at},\"{status}\"]")
}

fn all(written: u64, asked: usize, what: &str) -> anyhow::Result<()> {
    if written != asked as u64 {
        bail!("{written} of {asked} were {what}");
    }
    Ok(())
}
