//! `cargo xtask chaos`: the test of that name, for as long as one likes.

use crate::test;
use anyhow::{Context, bail};
use std::{fs, process::ExitCode};

/// What the run reads its length, its seed and the program to begin with from.
const SECONDS: &str = "EKIDEN_CHAOS_SECONDS";
const SEED: &str = "EKIDEN_CHAOS_SEED";
const PREVIOUS: &str = "EKIDEN_CHAOS_PREVIOUS";

/// Runs it; fails if any promise was broken.
pub(crate) fn chaos(arguments: &[&str]) -> anyhow::Result<ExitCode> {
    let (mut minutes, mut seed, mut previous) = (10, 1, None);
    for pair in arguments.chunks(2) {
        let &[name, value] = pair else {
            bail!("{} needs a value", pair[0]);
        };
        let number = || {
            let number = value.parse::<u64>();
            number.with_context(|| format!("{name} needs a number, not '{value}'"))
        };
        match name {
            "--minutes" => minutes = number()?,
            "--seed" => seed = number()?,
            "--previous" => {
                let path = fs::canonicalize(value).with_context(|| value.to_owned())?;
                previous = Some(path.display().to_string());
            }
            other => bail!("unknown: {other}"),
        }
    }
    let run = "no_promise_is_broken_whatever_happens";
    let of_test = ["-p", "ekiden-tests", "--test", "chaos", "--"];
    let arguments = [&of_test[..], &["--exact", run, "--nocapture"]].concat();
    let mut plan = vec![
        (SECONDS, (minutes * 60).to_string()),
        (SEED, seed.to_string()),
    ];
    plan.extend(previous.map(|path| (PREVIOUS, path)));
    test::test(&arguments, &plan)
}
