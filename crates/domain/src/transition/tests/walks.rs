//! Random walks through the state machine: whatever happens in whatever order, what must always
//! hold does, and an end can be reached.

mod rules;

use super::{Deed, Story, accepted, due_at};
use crate::{AsyncConfig, Status, Timestamp, transition::MAX_RELEASES};
use proptest::{
    prelude::*,
    sample::{select, subsequence},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use rules::{check, check_refused, check_versions};
use std::{cell::RefCell, collections::BTreeSet, time::Duration};

/// An upper bound of the attempts that five hours of system errors allow: waits of 0.4 s and more
/// that double to 48 s and more.
const MOST_SYSTEM_RETRIES: usize = 5 * 3600 / 48 + 8;
const MOST_STEPS: usize = 3 * (MOST_SYSTEM_RETRIES + 8 + 1 + MAX_RELEASES as usize + 1) + 1;

#[derive(Clone, Debug)]
struct Plan {
    config: AsyncConfig,
    delay: Duration,
    /// Each step with the milliseconds that pass before it; negative where the next machine's clock
    /// is behind.
    steps: Vec<(i64, Deed)>,
}

/// A plan draws its steps from a few kinds only, and claims (and mostly starts) more often than
/// anything else, so that the ends are reached too that take a long way to come to.
fn plans() -> impl Strategy<Value = Plan> {
    let max_age = prop_oneof![1_u64..120, 1_u64..=604_800].prop_map(Duration::from_secs);
    let config =
        (0_u8..=8, max_age, 1_u64..20_000).prop_map(|(max_retries, max_age, base)| AsyncConfig {
            max_retries,
            max_age,
            retry_base: Duration::from_millis(base),
            retry_max: Duration::from_millis(base * 8),
            ..AsyncConfig::default()
        });
    let delay = prop_oneof![
        Just(Duration::ZERO),
        (0_u64..60).prop_map(Duration::from_secs)
    ];
    let kinds = subsequence(&Deed::ALL[2..], 1..5);
    let steps = (kinds, 0_usize..=3).prop_flat_map(|(mut deeds, starts)| {
        deeds.extend([Deed::Claim; 4]);
        deeds.extend(vec![Deed::Start; starts]);
        let pause = prop_oneof![
            6 => 0_i64..2_000,
            3 => 0_i64..100_000,
            1 => 0_i64..20_000_000,
            1 => -2_000_i64..0,
        ];
        prop::collection::vec((pause, select(deeds)), 20..100)
    });
    (config, delay, steps).prop_map(|(config, delay, steps)| Plan {
        config,
        delay,
        steps,
    })
}

/// Takes the plan's steps as far as they are allowed, with every check at each.
fn walk(plan: &Plan) -> Story {
    let invocation = accepted(&plan.config, plan.delay);
    let mut versions = vec![invocation.version()];
    let mut story = Story {
        now: invocation.accepted_at,
        invocation,
    };
    for (pause, deed) in &plan.steps {
        story.now = Timestamp::from_millis(story.now.as_millis() + pause);
        match story.attempt(*deed) {
            Ok(transition) => {
                check(&story, *deed, &transition, &plan.config);
                check_versions(&mut versions, &transition, &story.invocation);
                story.invocation = transition.after;
            }
            Err(refused) => check_refused(&story, *deed, refused),
        }
        if story.status().is_final() {
            for deed in Deed::ALL {
                check_refused(&story, deed, story.attempt(deed).unwrap_err());
            }
            break;
        }
    }
    story
}

/// The step that a platform takes on which `trouble` comes as soon as it can.
fn next_deed(story: &Story, trouble: Deed) -> Deed {
    let is_old = story.now >= story.invocation.expires_at;
    match story.status() {
        Status::Enqueued | Status::Retrying | Status::Dequeued if is_old => Deed::Expire,
        Status::Enqueued | Status::Retrying => Deed::Claim,
        Status::Dequeued if trouble == Deed::Release => Deed::Release,
        Status::Dequeued => Deed::Start,
        Status::Running if trouble == Deed::Release => Deed::Lose,
        Status::Running => trouble,
        _ => Deed::Stopped,
    }
}

fn troubles() -> impl Strategy<Value = Deed> {
    select(vec![
        Deed::Release,
        Deed::FunctionFault,
        Deed::SystemFault,
        Deed::DrainingFault,
        Deed::Lose,
    ])
}

#[test]
fn walks_keep_every_rule_and_take_every_edge_and_no_other() {
    let taken = RefCell::new(BTreeSet::new());
    // The same walks every time, so that no edge is missed by chance; the other test's are random.
    let config = Config {
        source_file: Some(file!()),
        ..Config::with_cases(4_000)
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, rng).run(&plans(), |plan| {
        let story = walk(&plan);
        let statuses = story.events();
        let steps = statuses.windows(2).map(|pair| (pair[0], pair[1]));
        taken.borrow_mut().extend(steps);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let every = Status::ALL
        .into_iter()
        .flat_map(|from| from.leads_to().iter().map(move |to| (from, *to)));
    assert_eq!(taken.into_inner(), every.collect());
}

proptest! {
    #![proptest_config(Config::with_cases(500))]

    #[test]
    fn from_wherever_it_stands_steady_trouble_of_any_kind_comes_to_an_end(
        plan in plans(), trouble in troubles(),
    ) {
        let mut story = walk(&plan);
        let mut steps = 0;
        while !story.status().is_final() {
            story.now = due_at(&story.invocation).map_or(story.now, |due| story.now.max(due));
            story.take(next_deed(&story, trouble));
            steps += 1;
            prop_assert!(steps <= MOST_STEPS, "no end of {trouble:?}");
        }
    }
}
