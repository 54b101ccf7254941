//! The checker: holds what the producers, the functions and the state table say against each other.

#[cfg(test)]
mod tests;

use crate::record::{Call, Row, Task};
use ekiden_domain::Status;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    ops::Range,
};

/// A promise that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Promise {
    /// What was accepted is in the state table.
    NothingIsLost,
    /// What is due goes on.
    NothingIsStuck,
    /// Each claim is recorded, and leads to one call at most.
    OneValidClaim,
    /// Calls of one task overlap only where the record shows why.
    OverlapsAreExplained,
    /// A task is called again only where the record shows why.
    RepetitionsAreExplained,
    /// Events are steps of the state machine.
    StepsAreLegal,
    /// An end never changes.
    EndsAreFinal,
    /// A task ends as what happened to it allows.
    EndsAreTrue,
    /// A worker that nothing happened to is not taken for dead.
    TheHealthyAreLeftAlone,
    /// Whoever cannot be served is told so, and when to come again.
    RefusalsArePolite,
}

impl Promise {
    pub(crate) const ALL: [Self; 10] = [
        Self::NothingIsLost,
        Self::NothingIsStuck,
        Self::OneValidClaim,
        Self::OverlapsAreExplained,
        Self::RepetitionsAreExplained,
        Self::StepsAreLegal,
        Self::EndsAreFinal,
        Self::EndsAreTrue,
        Self::TheHealthyAreLeftAlone,
        Self::RefusalsArePolite,
    ];

    /// How a break of it is counted.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::NothingIsLost => "lost",
            Self::NothingIsStuck => "stuck",
            Self::OneValidClaim => "two_valid_claims",
            Self::OverlapsAreExplained => "overlaps_unexplained",
            Self::RepetitionsAreExplained => "repetitions_unexplained",
            Self::StepsAreLegal => "illegal_transitions",
            Self::EndsAreFinal => "ends_changed",
            Self::EndsAreTrue => "ends_untrue",
            Self::TheHealthyAreLeftAlone => "healthy_workers_lost",
            Self::RefusalsArePolite => "impolite_refusals",
        }
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) promise: Promise,
    /// Of which task; empty where it is of none.
    pub(crate) id: String,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.promise.key(), self.id, self.what)
    }
}

/// All that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) tasks: Vec<Task>,
    pub(crate) calls: Vec<Call>,
    pub(crate) rows: Vec<Row>,
    /// How each of those that had ended was found at an earlier look.
    pub(crate) ends: HashMap<String, Status>,
    /// The workers that a fault gave reason to take for dead.
    pub(crate) victims: HashSet<String>,
    /// When every worker stood still, so that nobody saw a timeout pass.
    pub(crate) standstills: Vec<Range<i64>>,
}

impl Evidence {
    /// Every promise that is broken.
    pub(crate) fn check(&self) -> Vec<Violation> {
        let rows: HashMap<&str, &Row> = self.rows.iter().map(|row| (&*row.id, row)).collect();
        let mut calls: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
        for call in &self.calls {
            calls.entry(&call.id).or_default().push(call);
        }
        let mut trial = Trial::default();
        for task in &self.tasks {
            let Some(row) = rows.get(&*task.id) else {
                let what = "accepted, and not in the state table".to_owned();
                trial.tell(Promise::NothingIsLost, &task.id, what);
                continue;
            };
            let calls = calls.get(&*task.id).map_or(&[][..], Vec::as_slice);
            trial.end(task, row, calls, &self.standstills);
            trial.steps(row);
            trial.claims(row, calls);
            trial.overlaps(row, calls);
            trial.repetitions(row, calls);
            trial.workers(row, &self.victims);
            if let Some(end) = self.ends.get(&task.id).filter(|end| **end != row.status) {
                let what = format!("it was {end} and is {}", row.status);
                trial.tell(Promise::EndsAreFinal, &task.id, what);
            }
        }
        trial.violations
    }

    /// How many calls were made again after a lost worker, as the record shows.
    pub(crate) fn explained_repetitions(&self) -> usize {
        let failures = self.rows.iter().flat_map(|row| &row.failures);
        failures.filter(|failure| failure.is_lost_worker()).count()
    }
}

#[derive(Default)]
struct Trial {
    violations: Vec<Violation>,
}

impl Trial {
    fn tell(&mut self, promise: Promise, id: &str, what: String) {
        let id = id.to_owned();
        self.violations.push(Violation { promise, id, what });
    }

    fn end(&mut self, task: &Task, row: &Row, calls: &[&Call], standstills: &[Range<i64>]) {
        if !row.status.is_final() {
            let what = format!("it is still {}", row.status);
            return self.tell(Promise::NothingIsStuck, &row.id, what);
        }
        let last = calls.iter().find(|call| call.lease == row.lease);
        // What has answered when its worker goes on has answered, though its time is over by then.
        let is_late = last.and_then(|call| call.ended_at).is_some_and(|at| {
            row.status == Status::Succeeded && standstills.iter().any(|it| it.contains(&at))
        });
        if !task.ends.contains(&row.status) && !is_late {
            let what = format!("it is {}, and can only be {:?}", row.status, task.ends);
            self.tell(Promise::EndsAreTrue, &row.id, what);
        }
        if row.status == Status::Succeeded && !last.is_some_and(|call| call.succeeded) {
            let what = "it Succeeded, and the function of its last claim did not".to_owned();
            self.tell(Promise::EndsAreTrue, &row.id, what);
        }
    }

    fn steps(&mut self, row: &Row) {
        let events = &row.events;
        let (first, last) = (events.first(), events.last());
        if first.map(|(_, status)| *status) != Some(Status::Enqueued)
            || last.map(|(_, status)| *status) != Some(row.status)
        {
            let what = format!("its events do not lead from Enqueued to {}", row.status);
            self.tell(Promise::StepsAreLegal, &row.id, what);
        }
        for pair in events.windows(2) {
            let [(at, from), (then, to)] = [pair[0], pair[1]];
            if !from.leads_to().contains(&to) || then < at {
                let what = format!("{from} at {at}, then {to} at {then}");
                self.tell(Promise::StepsAreLegal, &row.id, what);
            }
        }
    }

    fn claims(&mut self, row: &Row, calls: &[&Call]) {
        let (claims, starts) = (row.count(Status::Dequeued), row.count(Status::Running));
        if (claims, starts) != (row.lease, row.attempts) {
            let what = format!(
                "lease {} and {} attempts, and its events show {claims} and {starts}",
                row.lease, row.attempts
            );
            self.tell(Promise::OneValidClaim, &row.id, what);
        }
        let mut leases = HashSet::new();
        for call in calls {
            let Call { lease, attempt, .. } = call;
            if !leases.insert(lease) {
                let what = format!("the claim {lease} led to two calls");
                self.tell(Promise::OneValidClaim, &row.id, what);
            }
            // What runs was started before it was called, by the attempt's own event.
            let mut starts = row.events.iter().filter(|it| it.1 == Status::Running);
            let started = usize::try_from(attempt - 1)
                .ok()
                .and_then(|n| starts.nth(n));
            if *lease > row.lease || started.is_none_or(|(at, _)| *at > call.started_at) {
                let what = format!("called under the claim {lease} before that was recorded");
                self.tell(Promise::OneValidClaim, &row.id, what);
            }
        }
    }

    fn overlaps(&mut self, row: &Row, calls: &[&Call]) {
        let mut calls = calls.to_vec();
        calls.sort_by_key(|call| call.started_at);
        for (place, earlier) in calls.iter().enumerate() {
            let end = earlier.ended_at.unwrap_or(i64::MAX);
            let overlaps = calls[place + 1..]
                .iter()
                .any(|later| later.started_at < end);
            let failure = row.failure(earlier.attempt);
            if overlaps && !failure.is_some_and(|it| it.may_outlive_its_caller()) {
                let what = format!(
                    "attempt {} was still executing when the next began",
                    earlier.attempt
                );
                self.tell(Promise::OverlapsAreExplained, &row.id, what);
            }
        }
    }

    fn repetitions(&mut self, row: &Row, calls: &[&Call]) {
        for call in calls {
            if call.attempt < row.attempts && row.failure(call.attempt).is_none() {
                let what = format!("attempt {} did not fail, and another came", call.attempt);
                self.tell(Promise::RepetitionsAreExplained, &row.id, what);
            }
        }
    }

    fn workers(&mut self, row: &Row, victims: &HashSet<String>) {
        let lost = row.failures.iter().filter(|it| it.is_lost_worker());
        for failure in lost.filter(|it| !victims.contains(&it.worker)) {
            let what = format!(
                "attempt {} was taken from the worker {}, which nothing had happened to",
                failure.attempt, failure.worker
            );
            self.tell(Promise::TheHealthyAreLeftAlone, &row.id, what);
        }
    }
}
