//! `cargo xtask test`: every test, with a PostgreSQL, a RabbitMQ and the binary.

use crate::{
    built, cargo, install,
    services::{Purpose, Services},
};
use anyhow::Context;
use std::process::ExitCode;

/// The variable that names the binary under test.
const BINARY: &str = "EKIDEN_TEST_BINARY";

/// Runs every test, or those of the packages that `arguments` name, which find `told` in their
/// environment.
pub(crate) fn test(arguments: &[&str], told: &[(&str, String)]) -> anyhow::Result<ExitCode> {
    let runs = |option, value| !arguments.contains(&option) || arguments.contains(&value);
    let needs_languages = ["sdk", "openapi"].iter().any(|test| runs("--test", test));
    if runs("-p", "ekiden-tests") && needs_languages {
        install::languages()?;
    }
    if runs("-p", "ekiden-tests") && runs("--test", "browser") {
        install::browser()?;
    }
    let binary = built(&["--package=ekiden"])?;
    let services = Services::start(Purpose::Tests)?;
    let mut command = cargo();
    command.arg("test");
    if !arguments.contains(&"-p") {
        command.arg("--workspace");
    }
    command
        .args(arguments)
        .env(BINARY, binary)
        .envs(services.environment())
        .envs(told.iter().cloned());
    let status = command.status().context("cannot run cargo test")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
