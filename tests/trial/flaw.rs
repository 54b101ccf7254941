//! What could be wrong: each flaw is built in, and must be found.

/// One thing done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The producer is told 202 whatever became of the commit.
    AnswerBeforeCommit,
    /// What the broker lost is not looked for.
    NoReconcile,
    /// A row leaves the outbox as soon as it is taken.
    DeleteWhenTaken,
    /// A confirmed dispatch takes every outbox row of its invocation with it.
    DeleteByInvocation,
    /// A dispatch is left out of the outbox where there is one, though that may have been sent already.
    DispatchUnlessAnyIsThere,
    /// Writes are guarded by nothing.
    NoLeaseGuard,
    /// An attempt whose worker was lost is recorded as if nothing had happened.
    RescueUnrecorded,
}

impl Flaw {
    /// The trigger that builds it into the database, if that is where it is.
    pub(crate) const fn trigger(self) -> Option<&'static str> {
        match self {
            Self::DeleteWhenTaken => Some(
                "CREATE TRIGGER flaw AFTER UPDATE OF take_at ON outbox BEGIN
                     DELETE FROM outbox WHERE request_id = NEW.request_id AND id = NEW.id;
                 END",
            ),
            Self::DeleteByInvocation => Some(
                "CREATE TRIGGER flaw AFTER DELETE ON outbox BEGIN
                     DELETE FROM outbox WHERE request_id = OLD.request_id;
                 END",
            ),
            Self::DispatchUnlessAnyIsThere => Some(
                "CREATE TRIGGER flaw BEFORE INSERT ON outbox
                 WHEN NEW.kind = 0 AND EXISTS (
                     SELECT 1 FROM outbox WHERE request_id = NEW.request_id AND kind = 0
                 ) BEGIN SELECT RAISE(IGNORE); END",
            ),
            Self::AnswerBeforeCommit
            | Self::NoReconcile
            | Self::NoLeaseGuard
            | Self::RescueUnrecorded => None,
        }
    }
}
