//! What could be wrong with the protocol: each flaw, built into the model, must be found.

/// One thing done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Flaw {
    /// The producer is told 202 while the commit is under way.
    AnswerBeforeCommit,
    /// A row leaves the outbox as soon as it is taken.
    DeleteBeforeConfirm,
    /// A confirmed dispatch takes every outbox row of its invocation with it.
    DeleteByInvocation,
    /// A message is acknowledged when it is delivered.
    AcknowledgeBeforeClaim,
    /// A claim does not ask whether the invocation is due.
    ClaimBeforeDue,
    /// The function is called while the commit that says Running is under way.
    CallBeforeRunning,
    /// Writes are guarded by the status alone.
    NoLeaseGuard,
    /// Writes are guarded by the lease alone.
    NoStatusGuard,
    /// A worker is declared dead by its id, whatever its counter says.
    RescueById,
    /// An attempt whose worker was lost is recorded as one that the platform could not begin.
    RescueUnrecorded,
    /// A worker that cannot record how a run ended begins it anew.
    CallAgain,
    /// What the broker lost is not looked for.
    NoReconcile,
    /// A put-back is left out even where the row that is there may have been sent already.
    PutBackUnlessAnyIsThere,
    /// A dispatch of what this worker has already is settled, though its row may wait again.
    SettleOwnDispatch,
    /// A worker that finds a claim of its own whose answer it never had calls the function by it,
    /// instead of leaving it to its heart.
    CallByALostClaim,
    /// A worker that left its last results to the reaper gives them up as never called.
    GiveUpAfterDrain,
    /// A worker that was declared dead runs what it was about to claim.
    RunAfterDeath,
    /// A worker that is declared dead while it drains goes on as if it were not.
    DrainThroughDeath,
}
