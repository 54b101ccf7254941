//! The figures that have a goal, or a limit to be held against.

use super::{
    measured::Measured,
    rounds::{EMBEDDED, LARGE, LIMIT, MANY, USUAL},
};
use comfy_table::{CellAlignment, Table, presets};

/// What is wanted.
#[derive(Clone, Copy, Debug)]
enum Goal {
    AtLeast(f64),
    /// So much, or this share of the limit where that is less.
    AtLeastOfLimit(f64, f64),
    AtMost(f64),
    /// So much, or what the limit is this share of where that is more.
    AtMostOfLimit(f64, f64),
    /// This share of another figure of the same run.
    OfOwn(&'static str, f64),
    /// At most so many times another figure of the same run.
    NoMoreThan(&'static str, f64),
    None,
}

/// The share of the limit above which no goal is set.
const OF_LIMIT: f64 = 0.9;
/// The same for single invocations over HTTP, whose limit routes and publishes nothing.
const OF_HTTP_LIMIT: f64 = 0.75;

/// A figure.
struct Figure {
    name: &'static str,
    /// Whose, and under which key.
    run: &'static str,
    key: &'static str,
    /// Its key among the limit's, if there it has one.
    limit: Option<&'static str>,
    goal: Goal,
}

const fn figure(
    name: &'static str,
    (run, key): (&'static str, &'static str),
    limit: Option<&'static str>,
    goal: Goal,
) -> Figure {
    Figure {
        name,
        run,
        key,
        limit,
        goal,
    }
}

#[rustfmt::skip]
const FIGURES: [Figure; 32] = [
    figure("drain, 64 slots", (USUAL, "drain_per_s"), Some("drain_per_s"), Goal::AtLeastOfLimit(30_000.0, OF_LIMIT)),
    figure("drain, 1,000 slots", (MANY, "drain_per_s"), Some("drain_per_s"), Goal::AtLeastOfLimit(30_000.0, OF_LIMIT)),
    figure("drain with a backlog, 1,000 slots", (MANY, "backlog_drain_per_s"), None, Goal::OfOwn("drain_per_s", 0.9)),
    figure("enqueue, 1,000 in a request", (USUAL, "batch_enqueue_per_s"), Some("enqueue_per_s"), Goal::AtLeastOfLimit(40_000.0, OF_LIMIT)),
    figure("both at once, 64 slots", (USUAL, "both_per_s"), Some("both_per_s"), Goal::AtLeastOfLimit(15_000.0, OF_LIMIT)),
    figure("both at once, 1,000 slots", (MANY, "both_per_s"), Some("both_per_s"), Goal::AtLeastOfLimit(15_000.0, OF_LIMIT)),
    figure("both at once, in batches, 64 slots", (USUAL, "batch_both_per_s"), Some("both_per_s"), Goal::AtLeastOfLimit(15_000.0, OF_LIMIT)),
    figure("both at once, in batches, 1,000 slots", (MANY, "batch_both_per_s"), Some("both_per_s"), Goal::AtLeastOfLimit(15_000.0, OF_LIMIT)),
    figure("enqueue, 32 connections", (USUAL, "enqueue_32_per_s"), Some("http_32_per_s"), Goal::None),
    figure("enqueue, 64 connections", (USUAL, "enqueue_per_s"), Some("http_64_per_s"), Goal::AtLeastOfLimit(12_000.0, OF_HTTP_LIMIT)),
    figure("enqueue, 256 connections", (MANY, "enqueue_per_s"), Some("http_256_per_s"), Goal::AtLeastOfLimit(20_000.0, OF_HTTP_LIMIT)),
    figure("idle, p50, ms", (USUAL, "p50_ms"), Some("p50_ms"), Goal::AtMostOfLimit(3.0, OF_LIMIT)),
    figure("idle, p99, ms", (USUAL, "p99_ms"), Some("p99_ms"), Goal::AtMostOfLimit(8.0, OF_LIMIT)),
    figure("at half the rate, p99, ms, 64 slots", (USUAL, "loaded_p99_ms"), None, Goal::AtMost(50.0)),
    figure("at half the rate, p99, ms, 1,000 slots", (MANY, "loaded_p99_ms"), None, Goal::AtMost(50.0)),
    figure("resident, a worker of 64 slots, MiB", (USUAL, "rss_mb"), None, Goal::AtMost(40.0)),
    figure("commits for a task, 64 slots", (USUAL, "commits_per_task"), None, Goal::None),
    figure("commits for a task, 1,000 slots", (MANY, "commits_per_task"), None, Goal::AtMost(0.05)),
    figure("WAL for a task, bytes, 1,000 slots", (MANY, "wal_bytes_per_task"), None, Goal::AtMost(4096.0)),
    figure("list, first pages, p99, ms", (LARGE, "list_p99_ms"), None, Goal::AtMost(15.0)),
    figure("list, deep pages, p99, ms", (LARGE, "list_deep_p99_ms"), None, Goal::AtMost(15.0)),
    figure("list, the slowest question, p99, ms", (LARGE, "list_slowest_p99_ms"), None, Goal::AtMost(15.0)),
    figure("list while tasks are drained, p99, ms", (LARGE, "list_draining_p99_ms"), None, Goal::AtMost(30.0)),
    figure("drain with results in vain, 64 slots", (USUAL, "in_vain_drain_per_s"), None, Goal::None),
    figure("long run: tasks/s in its last tenth", (LARGE, "long_last_per_s"), None, Goal::OfOwn("long_first_per_s", 0.9)),
    figure("long run: tasks/s in its slowest tenth", (LARGE, "long_slowest_per_s"), None, Goal::None),
    figure("long run: tasks/s in its fastest tenth", (LARGE, "long_fastest_per_s"), None, Goal::None),
    figure("long run: MiB of tables at its end", (LARGE, "long_last_mb"), None, Goal::NoMoreThan("long_early_mb", 2.0)),
    figure("long run: resident, MiB a worker", (LARGE, "long_rss_mb"), None, Goal::None),
    figure("SQLite: drain", (EMBEDDED, "drain_per_s"), None, Goal::AtLeast(10_000.0)),
    figure("SQLite: idle, p50, ms", (EMBEDDED, "p50_ms"), None, Goal::AtMost(3.0)),
    figure("SQLite: enqueue, 64 connections", (EMBEDDED, "enqueue_per_s"), None, Goal::None),
];

/// What a value is held against.
enum Bound {
    Least(f64),
    Most(f64),
}

impl Bound {
    fn holds(&self, value: f64) -> bool {
        match *self {
            Self::Least(least) => value >= least,
            Self::Most(most) => value <= most,
        }
    }
}

impl Goal {
    /// How much of the limit a value comes to: 1 is as good as that.
    fn of(self, limit: f64, value: f64) -> f64 {
        match self {
            Self::AtMostOfLimit(..) => limit / value,
            _ => value / limit,
        }
    }

    /// As it is said, and what it comes to beside the run's `own` other figures and the `limit`; `None` if
    /// there is none, or what it rests on was not measured.
    fn bound(
        self,
        own: impl Fn(&'static str) -> Option<f64>,
        limit: Option<f64>,
    ) -> Option<(String, Bound)> {
        let least = |goal: f64| (format!("≥ {}", shown(goal)), Bound::Least(goal));
        let most = |goal: f64| (format!("≤ {}", shown(goal)), Bound::Most(goal));
        let instead = |(said, bound): (String, Bound), share, goal| {
            let (share, goal) = (percent(share), shown(goal));
            Some((format!("{said}: {share} of the limit, for {goal}"), bound))
        };
        match self {
            Self::AtLeast(goal) => Some(least(goal)),
            Self::AtLeastOfLimit(goal, share) => match limit.map(|limit| limit * share) {
                Some(of_limit) if of_limit < goal => instead(least(of_limit), share, goal),
                _ => Some(least(goal)),
            },
            Self::AtMost(goal) => Some(most(goal)),
            Self::AtMostOfLimit(goal, share) => match limit.map(|limit| limit / share) {
                Some(of_limit) if of_limit > goal => instead(most(of_limit), share, goal),
                _ => Some(most(goal)),
            },
            Self::OfOwn(key, share) => own(key).map(|own| least(own * share)),
            Self::NoMoreThan(key, times) => own(key).map(|own| most(own * times)),
            Self::None => None,
        }
    }
}

/// Every figure that was measured, in Markdown.
pub(super) fn table(measured: &Measured) -> Table {
    let mut table = markdown(["", "measured", "limit", "of it", "goal", ""]);
    for figure in &FIGURES {
        let Some(value) = measured.median(figure.run, figure.key) else {
            continue;
        };
        let limit = figure.limit.and_then(|key| measured.median(LIMIT, key));
        let goal = figure
            .goal
            .bound(|key| measured.median(figure.run, key), limit);
        let is_met = goal.as_ref().map(|(_, bound)| bound.holds(value));
        table.add_row([
            figure.name.to_owned(),
            shown(value),
            limit.map_or_else(String::new, shown),
            limit.map_or_else(String::new, |limit| percent(figure.goal.of(limit, value))),
            goal.map_or_else(String::new, |(said, _)| said),
            is_met
                .map_or("", |is_met| if is_met { "met" } else { "missed" })
                .to_owned(),
        ]);
    }
    table
}

/// An empty table of these columns, the first of which has names and the others numbers.
pub(super) fn markdown<const N: usize>(columns: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_header(columns);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A number as people read it: thousands apart, and no more places than tell something.
pub(super) fn shown(value: f64) -> String {
    if value.abs() < 100.0 {
        let text = format!("{value:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{value:.0}");
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_out_of_reach_of_the_limit_is_a_share_of_it() {
        let goal = Goal::AtLeastOfLimit(40_000.0, OF_LIMIT);
        for (limit, said, met, missed) in [
            (None, "≥ 40,000", 40_000.0, 39_999.0),
            (Some(50_000.0), "≥ 40,000", 40_000.0, 39_999.0),
            (
                Some(40_000.0),
                "≥ 36,000: 90 % of the limit, for 40,000",
                36_000.0,
                35_999.0,
            ),
        ] {
            let (text, bound) = goal.bound(|_| None, limit).unwrap();
            assert_eq!(text, said);
            assert!(bound.holds(met) && !bound.holds(missed), "{limit:?}");
        }
    }

    #[test]
    fn a_time_that_the_limit_takes_longer_than_is_measured_by_it() {
        let goal = Goal::AtMostOfLimit(3.0, OF_LIMIT);
        for (limit, said, met, missed) in [
            (None, "≤ 3", 3.0, 3.1),
            (Some(2.7), "≤ 3", 3.0, 3.1),
            (Some(3.6), "≤ 4: 90 % of the limit, for 3", 4.0, 4.1),
        ] {
            let (text, bound) = goal.bound(|_| None, limit).unwrap();
            assert_eq!(text, said);
            assert!(bound.holds(met) && !bound.holds(missed), "{limit:?}");
        }
    }

    #[test]
    fn numbers_are_shown_as_people_read_them() {
        for (value, text) in [
            (0.0, "0"),
            (0.305, "0.3"),
            (2.05, "2.05"),
            (40.0, "40"),
            (100.4, "100"),
            (12_000.0, "12,000"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(shown(value), text);
        }
    }
}
