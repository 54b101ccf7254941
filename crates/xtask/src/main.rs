//! Developer commands: `cargo xtask test [ARGUMENTS OF CARGO TEST]`.

mod services;

use anyhow::{Context, bail};
use services::Services;
use std::{
    env,
    process::{Command, ExitCode},
};

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some("test") => test(&arguments.collect::<Vec<_>>()),
        _ => bail!("usage: cargo xtask test [ARGUMENTS OF CARGO TEST]"),
    }
}

/// Runs every test, with a PostgreSQL and a RabbitMQ of its own where the environment names none.
fn test(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let is_given = |name| env::var_os(name).is_some();
    let mut command = Command::new(env!("CARGO"));
    command.arg("test");
    if !arguments.iter().any(|argument| argument == "-p") {
        command.arg("--workspace");
    }
    command.args(arguments);
    let _services = if is_given(services::DATABASE_URL) && is_given(services::AMQP_URL) {
        None
    } else {
        let services = Services::start()?;
        command.envs(services.environment());
        Some(services)
    };
    let status = command.status().context("cannot run cargo test")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
