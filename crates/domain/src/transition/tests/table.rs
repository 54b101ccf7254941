//! Every pair of status and step.

use super::{Deed, HOUR, Story};
use crate::{AsyncConfig, Refused, Status};
use std::collections::BTreeSet;

/// Where each step leads from each status, with retries left; `-` where it is refused. A status
/// stands twice where what came before it matters: Dequeued for the first attempt or for another,
/// Stopping before or after the function was called.
#[rustfmt::skip]
const TABLE: &str = "
from              Claim    Start   Succeed   FunctionFault SystemFault DrainingFault Release  Stop     Stopped Lose     Expire  Invalidate
Enqueued          Dequeued -       -         -             -           -             -        Stopped  -       -        Expired Invalid
Dequeued          -        Running -         -             -           -             Enqueued Stopping -       Enqueued Expired Invalid
Dequeued/again    -        Running -         -             -           -             Retrying Stopping -       Retrying Expired Invalid
Running           -        -       Succeeded Retrying      Retrying    Retrying      -        Stopping -       Retrying -       -
Retrying          Dequeued -       -         -             -           -             -        Stopped  -       -        Expired Invalid
Stopping/claimed  -        -       -         -             -           -             -        -        Stopped Stopped  -       -
Stopping/running  -        -       Succeeded Failed        Stopped     Stopped       -        -        Stopped Stopped  -       -
Succeeded         -        -       -         -             -           -             -        -        -       -        -       -
Failed            -        -       -         -             -           -             -        -        -       -        -       -
Stopped           -        -       -         -             -           -             -        -        -       -        -       -
Expired           -        -       -         -             -           -             -        -        -       -        -       -
Invalid           -        -       -         -             -           -             -        -        -       -        -       -
";

#[test]
fn every_step_from_every_status_leads_where_the_table_says() {
    let mut lines = TABLE.trim().lines().map(str::split_whitespace);
    let steps: Vec<&str> = lines.next().unwrap().skip(1).collect();
    let all: Vec<String> = Deed::ALL.iter().map(|deed| format!("{deed:?}")).collect();
    assert_eq!(steps, all);

    let mut seen = BTreeSet::new();
    for mut cells in lines {
        let from = cells.next().unwrap();
        let story = brought_to(from);
        seen.insert(story.status());
        let expected: Vec<&str> = cells.collect();
        assert_eq!(expected.len(), steps.len(), "{from}");
        for (deed, expected) in Deed::ALL.into_iter().zip(expected) {
            check(from, story.clone(), deed, expected);
        }
    }
    assert!(seen.into_iter().eq(Status::ALL), "a row for each status");
}

fn check(from: &str, mut story: Story, deed: Deed, expected: &str) {
    match deed {
        // The two whose answer depends on the time are asked when they are allowed.
        Deed::Claim => story.wait(HOUR),
        Deed::Expire => story.wait(HOUR * 24),
        _ => &mut story,
    };
    let refused = Refused::IllegalStep {
        from: story.status(),
        step: deed.step(),
    };
    match story.attempt(deed) {
        Ok(transition) => {
            assert_eq!(
                transition.after.status().as_str(),
                expected,
                "{from} {deed:?}"
            );
            assert_eq!(transition.before, story.invocation.version());
        }
        Err(error) => {
            assert_eq!("-", expected, "{from} {deed:?}: {error}");
            assert_eq!(error, refused, "{from} {deed:?}");
        }
    }
}

fn brought_to(row: &str) -> Story {
    use Deed::{Claim, Expire, FunctionFault, Invalidate, Start, Stop, Stopped, Succeed};
    let (status, path): (&str, &[Deed]) = match row {
        "Enqueued" => (row, &[]),
        "Dequeued" => (row, &[Claim]),
        "Dequeued/again" => ("Dequeued", &[Claim, Start, FunctionFault, Claim]),
        "Running" => (row, &[Claim, Start]),
        "Retrying" => (row, &[Claim, Start, FunctionFault]),
        "Stopping/claimed" => ("Stopping", &[Claim, Stop]),
        "Stopping/running" => ("Stopping", &[Claim, Start, Stop]),
        "Succeeded" => (row, &[Claim, Start, Succeed]),
        "Failed" => (row, &[Claim, Start, Stop, FunctionFault]),
        "Stopped" => (row, &[Claim, Stop, Stopped]),
        "Expired" => return expired(),
        "Invalid" => (row, &[Invalidate]),
        _ => panic!("no path to {row}"),
    };
    let story = Story::of(path);
    assert_eq!(story.status().as_str(), status);
    return story;

    fn expired() -> Story {
        let mut story = Story::new(&AsyncConfig::default());
        story.wait(HOUR * 24).take(Expire);
        story
    }
}

#[test]
fn a_refusal_says_what_cannot_be_done_from_where() {
    let running = Story::of(&[Deed::Claim, Deed::Start]);
    let refused = running.attempt(Deed::Claim).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "an invocation that is Running cannot be claimed"
    );
}
