//! What a producer is told when the store fails.

use ekiden_store::StoreError;
use ekiden_wire::Problem;

/// A failed read, or a write that did not happen. Told once, here; the request's span has its id.
pub(crate) fn failed(error: StoreError) -> Problem {
    match error {
        StoreError::Unavailable(_) | StoreError::Closed => {
            tracing::warn!(error = error.with_causes(), "the store does not answer");
            Problem::unavailable("the database is not available; nothing was changed")
        }
        StoreError::Unknown(_) => {
            tracing::warn!(error = error.with_causes(), "a commit's outcome is unknown");
            Problem::unavailable(
                "the database was lost during the commit, whose outcome is unknown; \
                 repeating the request with the same id is safe",
            )
        }
        StoreError::Invalid(invalid) => invalid.into(),
        _ => {
            tracing::error!(error = error.with_causes(), "the store failed");
            Problem::internal()
        }
    }
}
