//! The figures in `docs/performance.md`, between two marks.

use super::{
    figures,
    peers::Peers,
    rounds::{Measured, Rounds},
};
use anyhow::Context;
use std::{fs, path::Path, process::Command};

const DOCUMENT: &str = "docs/performance.md";
const BEGIN: &str = "<!-- cargo xtask bench --vs-peers writes from here -->";
const END: &str = "<!-- to here -->";

/// Writes what was measured.
pub(super) fn write(measured: &Measured, peers: &Peers, rounds: &Rounds) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join(DOCUMENT);
    let old = fs::read_to_string(&path).with_context(|| DOCUMENT)?;
    let marks = || {
        let (before, rest) = old.split_once(BEGIN)?;
        Some((before, rest.split_once(END)?.1))
    };
    let (before, after) = marks().with_context(|| format!("{DOCUMENT} has lost its marks"))?;
    let section = section(measured, peers, rounds);
    fs::write(&path, format!("{before}{BEGIN}\n\n{section}\n{END}{after}"))?;
    eprintln!("written into {DOCUMENT}");
    Ok(())
}

fn section(measured: &Measured, peers: &Peers, rounds: &Rounds) -> String {
    let mut section = format!(
        "{}, {}; PostgreSQL {} with `shared_buffers=1GB`, `max_wal_size=4GB`, `max_connections=200`, and \
         RabbitMQ {}, both as durable as installed, with all else on the same machine. The medians of \
         {} rounds, each in the other order than the one before, of\n\n    {}\n\n{}\n",
        said("date -u +%F"),
        machine(),
        said(&format!(
            "psql -tAc 'SHOW server_version' {}",
            rounds.database
        )),
        said("dpkg-query -W -f '${Version}' rabbitmq-server"),
        measured.rounds(),
        rounds.command(measured.rounds()),
        figures::table(measured),
    );
    section += &format!(
        "\nOther systems, in the same rounds:\n\n{}\n",
        peers.table(measured)
    );
    if let Some((lead, best)) = peers.lead(measured) {
        section += &format!(
            "\nEkiden's faster drain is {} times that of the fastest of the others, {best}.\n",
            figures::shown(lead)
        );
    }
    for (name, why) in &measured.not_run {
        section += &format!("\nNot run: {name} ({why}).\n");
    }
    section
}

/// What this machine is.
fn machine() -> String {
    let model = "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1";
    format!("{} processors ({})", said("nproc"), said(model))
}

/// What a shell line prints; nothing where it fails.
fn said(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}
