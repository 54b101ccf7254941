//! Developer commands.

mod arrows;
mod bench;
mod chaos;
mod install;
mod services;
mod test;

use anyhow::{Context, bail};
use serde_json::Value;
use std::{
    env,
    process::{Command, ExitCode},
};

const USAGE: &str = "usage: cargo xtask test [ARGUMENTS OF CARGO TEST]
       cargo xtask chaos [--minutes N] [--seed S] [--previous PATH]
       cargo xtask bench [--rounds N] [--vs-peers | --scale] [--json] (more: --help)
       cargo xtask arrows";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test", rest @ ..] => test::test(rest, &[]),
        ["chaos", rest @ ..] => chaos::chaos(rest),
        ["bench", ..] => bench::bench(&arguments),
        ["arrows"] => arrows::arrows(),
        _ => bail!(USAGE),
    }
}

fn cargo() -> Command {
    Command::new(env!("CARGO"))
}

/// Builds an executable and tells where it is.
fn built(what: &[&str]) -> anyhow::Result<String> {
    let build = ["build", "--message-format=json-render-diagnostics"];
    let messages = output_of_cargo(&[&build[..], what].concat())?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| Some(message["executable"].as_str()?.to_owned()))
        .context("cargo built no executable")
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
