//! `cargo xtask chaos`: the test of that name, for as long as one likes.

use crate::test;
use anyhow::{Context, bail};
use std::process::ExitCode;

/// What the run reads its length and its seed from.
const SECONDS: &str = "EKIDEN_CHAOS_SECONDS";
const SEED: &str = "EKIDEN_CHAOS_SEED";

/// Runs it; fails if any promise was broken.
pub(crate) fn chaos(arguments: &[&str]) -> anyhow::Result<ExitCode> {
    let (mut minutes, mut seed) = (10, 1);
    for pair in arguments.chunks(2) {
        let number = pair.get(1).and_then(|text| text.parse::<u64>().ok());
        let number = number.with_context(|| format!("{} needs a number", pair[0]))?;
        match pair[0] {
            "--minutes" => minutes = number,
            "--seed" => seed = number,
            other => bail!("unknown: {other}"),
        }
    }
    let run = "no_promise_is_broken_whatever_happens";
    let of_test = ["-p", "ekiden-tests", "--test", "chaos", "--"];
    let arguments = [&of_test[..], &["--exact", run, "--nocapture"]].concat();
    let plan = [(SECONDS, minutes * 60), (SEED, seed)];
    test::test(
        &arguments,
        &plan.map(|(name, value)| (name, value.to_string())),
    )
}
