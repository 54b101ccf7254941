//! Committing: a transition is written only where the row is still in the version it started from.

mod postgres;
mod sqlite;

use crate::{
    Commit, Store, StoreError,
    backend::{Backend, look_up},
    batch::{Flush, Pending},
    row::{Row, columns, sound},
};
use ekiden_domain::{Attempt, Invocation, Message, RequestId, State, Timestamp, Transition};
use futures::{StreamExt, TryStreamExt, stream};

/// How many of those that moved on meanwhile are looked at at once.
const LOOKS: usize = 4;

impl Store {
    /// Writes a transition, if the invocation is still in the version it started from.
    pub fn commit<T: Into<Box<Transition>>>(
        &self,
        transition: T,
    ) -> impl Future<Output = Result<Commit, StoreError>> + Send + use<'_, T> {
        // On the heap before it waits: who waits for it is often moved.
        let transition = transition.into();
        async move { self.answer(self.hand_in(transition).await).await }
    }

    /// Writes these transitions, each as [`Store::commit`] does, together as far as may be. Answers
    /// in order, each for itself.
    pub async fn commit_all(
        &self,
        transitions: Vec<Transition>,
    ) -> Vec<Result<Commit, StoreError>> {
        let mut commits = Vec::with_capacity(transitions.len());
        for transition in transitions {
            commits.push(self.hand_in(Box::new(transition)).await);
        }
        let mut answers = Vec::with_capacity(commits.len());
        for commit in commits {
            answers.push(self.answer(commit).await);
        }
        answers
    }

    async fn hand_in(&self, transition: Box<Transition>) -> HandedIn {
        let transition = self.inner.trial.bend(transition).await;
        let writer = match Kind::of(&transition) {
            Kind::Move => &self.inner.moves,
            Kind::End => &self.inner.ends,
        };
        HandedIn {
            offer: self.to_offer(&transition.messages, made_at(&transition.after)),
            has_result: transition.after.destination().is_some(),
            commit: writer.submit(transition).await,
        }
    }

    async fn answer(&self, handed_in: HandedIn) -> Result<Commit, StoreError> {
        let committed = handed_in.commit.answer().await?;
        if committed == Commit::Written {
            self.offer(handed_in.offer);
            if handed_in.has_result {
                self.inner.results.notify_one();
            }
        }
        Ok(committed)
    }
}

/// A transition on its way, and what is to be done once it is written.
struct HandedIn {
    commit: Pending<Commit>,
    offer: Vec<Message>,
    has_result: bool,
}

/// Which statement writes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The invocation goes on living.
    Move,
    /// It has ended.
    End,
}

impl Kind {
    pub(crate) fn of(transition: &Transition) -> Self {
        if transition.after.status().is_final() {
            Self::End
        } else {
            Self::Move
        }
    }
}

/// The writer of steps; on PostgreSQL, of one kind.
pub(crate) struct Commits {
    pub(crate) backend: Backend,
    pub(crate) kind: Kind,
}

impl Flush for Commits {
    type Item = Box<Transition>;
    type Answer = Commit;
    type Key = RequestId;

    fn key(item: &Box<Transition>) -> RequestId {
        item.after.request_id
    }

    async fn flush(
        &self,
        items: &[&Box<Transition>],
        repeated: bool,
    ) -> Result<Vec<Commit>, sqlx::Error> {
        let items: Vec<&Transition> = items.iter().map(|item| &***item).collect();
        let written = match &self.backend {
            Backend::Postgres(postgres) => {
                postgres::write(postgres, items.clone(), self.kind).await?
            }
            Backend::Sqlite(sqlite) => sqlite::write(sqlite, &items).await?,
        };
        let is_written = |item: &Transition| written.contains(&item.after.request_id.as_uuid());
        // Where others did the same before, hundreds have moved on at once.
        let moved_on = items.iter().filter(|item| !is_written(item));
        let looks: Vec<_> = moved_on
            .map(|item| current(&self.backend, item.after.request_id))
            .collect();
        let looks = stream::iter(looks).buffered(LOOKS);
        let mut found = looks.try_collect::<Vec<_>>().await?.into_iter();
        let answers = items.into_iter().map(|item| {
            if is_written(item) {
                return Commit::Written;
            }
            match found.next().flatten() {
                // An earlier try wrote it, and its answer was lost on the way.
                Some(now) if repeated && is_same_step(&now, &item.after) => Commit::Written,
                now => Commit::Conflict(now.map(Box::new)),
            }
        });
        Ok(answers.collect())
    }
}

/// Whether the row holds what this very step wanted to write: the version, by the same worker, with
/// the same story.
fn is_same_step(now: &Invocation, wanted: &Invocation) -> bool {
    now.version() == wanted.version() && now.worker == wanted.worker && now.events == wanted.events
}

async fn current(backend: &Backend, id: RequestId) -> Result<Option<Invocation>, sqlx::Error> {
    const CURRENT: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM invocations WHERE request_id = $1"
    );
    let found: Option<Row> = look_up!(backend, pool =>
        sqlx::query_as(CURRENT).bind(id.as_uuid()).fetch_optional(pool).await?);
    // Nobody can go on from a row that makes no sense; the neighbours can.
    Ok(sound(found.into_iter().collect()).pop())
}

/// Where an invocation stands that goes on living, as the live table holds it.
#[derive(Default)]
struct Place {
    due_at: Option<Timestamp>,
    claimed_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    deadline_at: Option<Timestamp>,
}

impl Place {
    fn of(after: &Invocation) -> Self {
        let mut place = Self::default();
        match &after.state {
            State::Enqueued { due_at } | State::Retrying { due_at } => {
                place.due_at = Some(*due_at);
            }
            State::Dequeued { claim } => place.claimed_at = Some(claim.claimed_at),
            State::Running {
                claim,
                started_at,
                deadline,
            } => {
                place.claimed_at = Some(claim.claimed_at);
                place.started_at = Some(*started_at);
                place.deadline_at = Some(*deadline);
            }
            State::Stopping {
                claim,
                started_at,
                deadline,
            } => {
                place.claimed_at = Some(claim.claimed_at);
                place.started_at = *started_at;
                place.deadline_at = Some(*deadline);
            }
            State::Ended { .. } => {}
        }
        place
    }
}

/// The attempt that a transition ends, if there is anything to tell of it.
fn told(transition: &Transition) -> Option<&Attempt> {
    transition
        .attempt
        .as_ref()
        .filter(|attempt| attempt.is_told())
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}

/// When a transition was made: the time of the last event it wrote.
pub(crate) fn made_at(after: &Invocation) -> Timestamp {
    after
        .events
        .last()
        .map_or(after.accepted_at, |event| event.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Database, StoreConfig,
        sample::{invocation, start},
    };
    use bytes::Bytes;

    #[test]
    fn a_step_is_known_by_its_version_its_worker_and_its_story() {
        let (waiting, _) = invocation();
        let wanted = start(&waiting, 1).after;
        assert!(is_same_step(&wanted, &wanted));
        assert!(!is_same_step(&start(&waiting, 2).after, &wanted));
        let mut other = wanted.clone();
        other.lease = waiting.lease;
        assert!(!is_same_step(&other, &wanted));
        let mut other = wanted.clone();
        other.events.pop();
        assert!(!is_same_step(&other, &wanted));
    }

    #[tokio::test]
    async fn what_an_earlier_try_wrote_is_written_for_who_repeats_it_and_for_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ekiden.db");
        let config = StoreConfig::new(Database::Sqlite { path });
        let store = Store::open(config).await.unwrap();
        store.migrate().await.unwrap();
        let (waiting, message) = invocation();
        let payload = Bytes::new();
        store
            .accept(waiting.clone(), payload, message)
            .await
            .unwrap();
        let commits = Commits {
            backend: store.inner.backend.clone(),
            kind: Kind::Move,
        };
        let [mine, theirs] = [1, 2].map(|worker| Box::new(start(&waiting, worker)));
        for (step, repeated, is_written) in [
            (&mine, false, true),
            (&mine, true, true),
            (&mine, false, false),
            (&theirs, true, false),
        ] {
            let answers = commits.flush(&[step], repeated).await.unwrap();
            assert_eq!(answers[0] == Commit::Written, is_written, "{repeated}");
        }
    }
}
