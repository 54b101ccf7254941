//! One run: load all the while, one fault after the other with calm between, and then the reckoning.

use crate::{
    check::{Evidence, Promise, Violation},
    fault::{Fault, Struck},
    fleet::{Fleet, Role},
    functions::Functions,
    load::Load,
    place::Place,
    record::now,
    report::Report,
};
use ekiden_domain::Status;
use rand::{SeedableRng, rngs::StdRng};
use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// How long nothing happens before the first fault, and after what a fault affected has gone on.
const CALM: Duration = Duration::from_secs(3);
/// How long anything may take to go on after a fault before it counts as stuck.
const STUCK: Duration = Duration::from_secs(90);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(200);
/// What has been due for so many milliseconds and still waits is a backlog.
const BACKLOG: i64 = 1000;
/// The longest time that the database stays away.
const AWAY: Duration = Duration::from_secs(60);

/// What a run is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// For how long faults are begun.
    pub(crate) length: Duration,
    /// Draws faults and tasks.
    pub(crate) seed: u64,
}

/// Runs it; what is written on the way goes to `folder`.
pub(crate) async fn run(plan: Plan, folder: &Path) -> Report {
    let place = Place::make().await;
    let functions = Functions::start().await;
    let mut fleet = Fleet::start(&place, &functions.url, folder).await;
    let list = fleet.endpoints(Role::List).remove(0);
    let load = Load::new(fleet.endpoints(Role::Enqueue), list);
    let stop = CancellationToken::new();
    let loading = tokio::spawn(load.clone().run(plan.seed, stop.clone()));
    let mut course = Course::default();
    course.faults(plan, &mut fleet, &place).await;
    stop.cancel();
    if tokio::time::timeout(STUCK, loading).await.is_err() {
        course.stuck(
            "",
            "producers wait in vain for their tasks to be accepted".to_owned(),
        );
    }
    course.settle(&place).await;
    drop(fleet);
    let evidence = Evidence {
        tasks: load.tasks(),
        calls: functions.calls(),
        rows: place.rows().await,
        victims: course
            .struck
            .iter()
            .flat_map(|it| it.victims.clone())
            .collect(),
        standstills: course
            .struck
            .iter()
            .filter_map(Struck::standstill)
            .collect(),
        ends: course.ends,
    };
    place.remove().await;
    let mut violations = evidence.check();
    violations.extend(load.violations());
    violations.extend(course.violations);
    Report {
        plan,
        evidence,
        struck: course.struck,
        violations,
    }
}

/// What happened so far.
#[derive(Default)]
struct Course {
    struck: Vec<Struck>,
    ends: HashMap<String, Status>,
    violations: Vec<Violation>,
}

impl Course {
    fn stuck(&mut self, id: &str, what: String) {
        let (promise, id) = (Promise::NothingIsStuck, id.to_owned());
        self.violations.push(Violation { promise, id, what });
    }

    /// Faults until the time is up, every kind before any comes again.
    async fn faults(&mut self, plan: Plan, fleet: &mut Fleet, place: &Place) {
        let mut rng = StdRng::seed_from_u64(plan.seed);
        let away = (plan.length / 8).min(AWAY);
        let end = Instant::now() + plan.length;
        let mut bag = Vec::new();
        loop {
            let was_calm = self.calm(place).await;
            if Instant::now() > end {
                break;
            }
            if bag.is_empty() {
                bag = Fault::shuffled(&mut rng);
            }
            let Some(fault) = bag.pop() else { break };
            eprintln!("{}", fault.name());
            let struck = fault.strike(fleet, place, &mut rng, away, was_calm).await;
            self.until_over(&struck, place).await;
            for (id, end) in place.ends().await {
                self.ends.entry(id).or_insert(end);
            }
            self.struck.push(struck);
        }
    }

    /// Waits for a while, and until no backlog is left, and answers whether none is: every other time
    /// that the database was away it does not wait, and the next fault strikes while producers send what
    /// they kept.
    async fn calm(&mut self, place: &Place) -> bool {
        let was_away = |struck: &&Struck| struck.fault == Fault::DatabaseAway;
        let times_away = self.struck.iter().filter(was_away).count();
        if self.struck.last().filter(was_away).is_some() && times_away % 2 == 1 {
            return false;
        }
        tokio::time::sleep(CALM).await;
        let give_up = Instant::now() + STUCK;
        loop {
            let due = place.live(now() - BACKLOG).await;
            let Some(one) = due.iter().find(|it| it.version.1.is_waiting()) else {
                return true;
            };
            if Instant::now() > give_up {
                self.stuck(&one.id, "it waits in a backlog that stays".to_owned());
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until all that a fault affected has gone on.
    async fn until_over(&mut self, struck: &Struck, place: &Place) {
        let give_up = Instant::now() + STUCK;
        loop {
            let live = place.live(i64::MAX).await;
            let versions: HashMap<&str, _> = live.iter().map(|it| (&*it.id, it.version)).collect();
            let affected = struck.affected.iter();
            let waits = |it: &&crate::place::Live| versions.get(&*it.id) == Some(&it.version);
            let Some(one) = affected.clone().find(waits) else {
                return;
            };
            if Instant::now() > give_up {
                let what = format!("it does not go on after: {}", struck.fault.name());
                return self.stuck(&one.id, what);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until everything has ended, or nothing more can be expected to.
    async fn settle(&mut self, place: &Place) {
        let give_up = Instant::now() + STUCK;
        while Instant::now() < give_up && !place.live(i64::MAX).await.is_empty() {
            tokio::time::sleep(LOOK).await;
        }
    }
}
