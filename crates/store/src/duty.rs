//! What one process does for all that share the database.

use crate::{StoreError, backend::Backend};
use ekiden_domain::WorkerId;
use std::time::Duration;

/// Takes the duty for so long, or keeps it; says whether `holder` has it now. By the database's clock:
/// theirs may differ. On SQLite there is nobody else.
pub(crate) async fn take(
    backend: &Backend,
    duty: &str,
    holder: WorkerId,
    span: Duration,
) -> Result<bool, StoreError> {
    let Backend::Postgres(postgres) = backend else {
        return Ok(true);
    };
    let taken = sqlx::query(
        "INSERT INTO duties (name, holder, held_until)
         VALUES ($1, $2, clock_timestamp() + $3 * INTERVAL '1 millisecond')
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
         WHERE duties.holder = excluded.holder OR duties.held_until < clock_timestamp()",
    )
    .bind(duty)
    .bind(holder.as_uuid())
    .bind(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
    .execute(&postgres.keyed)
    .await?;
    Ok(taken.rows_affected() == 1)
}
