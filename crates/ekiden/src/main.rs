//! The one binary: all roles, and the commands for producers and owners.

mod admin;
mod cli;
mod client;
mod clock;
mod http;
mod platform;
mod settings;
mod signals;
mod telemetry;

use clap::Parser;
use cli::{Cli, Failure};
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            match failure {
                Failure::Usage(_) => ExitCode::from(2),
                Failure::Operation(_) => ExitCode::from(1),
            }
        }
    }
}
