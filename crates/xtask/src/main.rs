//! Developer commands.

mod arrows;
mod chaos;
mod install;
mod services;
mod test;

use anyhow::{Context, bail};
use std::{
    env,
    process::{Command, ExitCode},
};

const USAGE: &str = "usage: cargo xtask test [ARGUMENTS OF CARGO TEST]
       cargo xtask chaos [--minutes N] [--seed S]
       cargo xtask arrows";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test", rest @ ..] => test::test(rest, &[]),
        ["chaos", rest @ ..] => chaos::chaos(rest),
        ["arrows"] => arrows::arrows(),
        _ => bail!(USAGE),
    }
}

fn cargo() -> Command {
    Command::new(env!("CARGO"))
}

/// What cargo prints.
fn output_of_cargo(arguments: &[&str]) -> anyhow::Result<String> {
    let output = cargo()
        .args(arguments)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("failed: cargo {}", arguments.join(" "));
    }
    Ok(String::from_utf8(output.stdout)?)
}
