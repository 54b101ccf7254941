//! What a run came to: a table, one JSON line, and the story of each task that a promise was broken to.

use crate::{
    check::{Evidence, Promise, Violation},
    fault::{Fault, Struck},
    load::RATE,
    run::Plan,
};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, fmt::Write, time::Duration};

/// How many stories are told.
const STORIES: usize = 5;
/// The throughput is back when so many milliseconds see so much of the usual, in percent.
const WINDOW: i64 = 2000;
const USUAL: usize = 70;

/// The outcome of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) plan: Plan,
    pub(crate) evidence: Evidence,
    pub(crate) struck: Vec<Struck>,
    pub(crate) violations: Vec<Violation>,
}

/// How one kind of fault went.
#[derive(Debug, Default)]
struct Recovery {
    times: usize,
    affected: usize,
    /// Until all that the victim held was taken from it, at worst; zero where there is none.
    rescued: Duration,
    /// Until all that was affected ran again or had ended, at worst; if it was calm before.
    went_on: Option<Duration>,
    /// The same in the backlog of the fault before: for a slot is waited behind that, too.
    in_backlog: Option<Duration>,
    /// Until as many tasks ended as usual, at worst.
    throughput: Duration,
}

impl Report {
    /// One line for each kind of fault, and one for each promise.
    pub(crate) fn table(&self) -> String {
        let mut table = format!(
            "{:<42} {:>5} {:>8} {:>8} {:>8} {:>10} {:>8} {:>11}\n",
            "fault", "times", "affected", "rescued", "went on", "in backlog", "bound", "throughput"
        );
        for (fault, recovery) in self.recoveries() {
            let seconds_of = |time: Option<Duration>| time.map_or("-".to_owned(), seconds);
            let rescued = fault.has_victim().then_some(recovery.rescued);
            let line = writeln!(
                table,
                "{:<42} {:>5} {:>8} {:>8} {:>8} {:>10} {:>8} {:>11}",
                fault.name(),
                recovery.times,
                recovery.affected,
                seconds_of(rescued),
                seconds_of(recovery.went_on),
                seconds_of(recovery.in_backlog),
                seconds_of(fault.bound()),
                seconds(recovery.throughput)
            );
            line.unwrap();
        }
        table.push('\n');
        for (key, count) in self.counts() {
            writeln!(table, "{key:<26} {count}").unwrap();
        }
        table
    }

    /// All of it on one line.
    pub(crate) fn line(&self) -> Value {
        let recoveries = self.recoveries().into_iter().map(|(fault, it)| {
            json!({
                "fault": fault.name(), "times": it.times, "affected": it.affected,
                "rescued_ms": fault.has_victim().then(|| millis(it.rescued)),
                "went_on_ms": it.went_on.map(millis), "in_backlog_ms": it.in_backlog.map(millis),
                "bound_ms": fault.bound().map(millis),
                "throughput_ms": millis(it.throughput),
            })
        });
        let recoveries: Vec<Value> = recoveries.collect();
        let mut line = Map::new();
        line.insert("seed".to_owned(), self.plan.seed.into());
        line.insert("seconds".to_owned(), self.plan.length.as_secs().into());
        line.extend(
            self.counts()
                .into_iter()
                .map(|(key, count)| (key.to_owned(), count.into())),
        );
        line.insert("faults".to_owned(), recoveries.into());
        line.into()
    }

    /// The first promises that were broken, each with all that is known of the task.
    pub(crate) fn stories(&self) -> String {
        let mut stories = format!("seed {}\n", self.plan.seed);
        for violation in self.violations.iter().take(STORIES) {
            let mut story: Vec<(i64, String)> = Vec::new();
            for task in self
                .evidence
                .tasks
                .iter()
                .filter(|it| it.id == violation.id)
            {
                story.push((task.accepted_at, "the producer was told".to_owned()));
            }
            for row in self.evidence.rows.iter().filter(|it| it.id == violation.id) {
                let event = |(at, status): &(i64, _)| (*at, format!("event: {status}"));
                story.extend(row.events.iter().map(event));
                writeln!(stories, "{row:?}").unwrap();
            }
            for call in self
                .evidence
                .calls
                .iter()
                .filter(|it| it.id == violation.id)
            {
                story.push((call.started_at, format!("called: {call:?}")));
                story.extend(
                    call.ended_at
                        .map(|at| (at, format!("call {} done", call.attempt))),
                );
            }
            for struck in &self.struck {
                story.push((
                    struck.started_at,
                    format!("begins: {}", struck.fault.name()),
                ));
                story.push((struck.ended_at, format!("over: {}", struck.fault.name())));
            }
            story.sort();
            writeln!(stories, "{violation}").unwrap();
            for (at, what) in story {
                writeln!(stories, "  {at} {what}").unwrap();
            }
        }
        stories
    }

    fn counts(&self) -> Vec<(&'static str, usize)> {
        let evidence = &self.evidence;
        let mut counts = vec![
            ("tasks", evidence.tasks.len()),
            ("calls", evidence.calls.len()),
            ("repetitions_explained", evidence.explained_repetitions()),
        ];
        for promise in Promise::ALL {
            let broken = self.violations.iter().filter(|it| it.promise == promise);
            counts.push((promise.key(), broken.count()));
        }
        counts
    }

    /// In the order in which they came first.
    fn recoveries(&self) -> Vec<(Fault, Recovery)> {
        let rows = &self.evidence.rows;
        let by_id: HashMap<&str, _> = rows.iter().map(|row| (&*row.id, row)).collect();
        let ends = rows.iter().filter(|row| row.status.is_final());
        let mut ends: Vec<i64> = ends.filter_map(|row| Some(row.events.last()?.0)).collect();
        ends.sort_unstable();
        let mut recoveries: Vec<(Fault, Recovery)> = Vec::new();
        for struck in &self.struck {
            let since = if struck.fault.has_victim() {
                struck.started_at
            } else {
                struck.ended_at
            };
            let affected = || struck.affected.iter().filter_map(|it| by_id.get(&*it.id));
            let worst = |times: &mut dyn Iterator<Item = i64>| {
                times.max().map_or(Duration::ZERO, |at| between(since, at))
            };
            let rescued = worst(&mut affected().filter_map(|row| row.moved_after(since)));
            let went_on = worst(&mut affected().filter_map(|row| row.went_on_after(since)));
            let throughput = throughput_back(&ends, struck.ended_at);
            let place = recoveries.iter().position(|it| it.0 == struck.fault);
            let place = place.unwrap_or_else(|| {
                recoveries.push((struck.fault, Recovery::default()));
                recoveries.len() - 1
            });
            let recovery = &mut recoveries[place].1;
            recovery.times += 1;
            recovery.affected += struck.affected.len();
            recovery.rescued = recovery.rescued.max(rescued);
            let worst = if struck.was_calm {
                &mut recovery.went_on
            } else {
                &mut recovery.in_backlog
            };
            *worst = (*worst).max(Some(went_on));
            recovery.throughput = recovery.throughput.max(throughput);
        }
        recoveries
    }
}

/// How long after `since` as many tasks end as usual; `ends` are sorted.
fn throughput_back(ends: &[i64], since: i64) -> Duration {
    let enough = RATE as usize * WINDOW as usize / 1000 * USUAL / 100;
    let first = ends.partition_point(|at| *at < since);
    let is_back = |window: &&[i64]| window[enough - 1] - window[0] <= WINDOW;
    let back = ends[first..].windows(enough).find(is_back);
    back.map_or(Duration::MAX, |window| between(since, window[0]))
}

fn between(since: i64, at: i64) -> Duration {
    Duration::from_millis(u64::try_from(at - since).unwrap_or(0))
}

fn millis(time: Duration) -> Option<u64> {
    u64::try_from(time.as_millis()).ok()
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
