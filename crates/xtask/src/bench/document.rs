//! The figures in a document, between two marks.

use super::{figures, measured::Measured, peers::Peers};
use anyhow::Context;
use std::{fs, path::Path, process::Command};

const BEGIN: &str = "<!-- cargo xtask bench writes from here -->";
const END: &str = "<!-- to here -->";

/// Writes `section` into the document of this name.
pub(super) fn write(document: &str, section: &str) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("docs").join(document);
    let old = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let marks = || {
        let (before, rest) = old.split_once(BEGIN)?;
        Some((before, rest.split_once(END)?.1))
    };
    let (before, after) = marks().with_context(|| format!("{document} has lost its marks"))?;
    fs::write(&path, format!("{before}{BEGIN}\n\n{section}\n{END}{after}"))?;
    eprintln!("written into docs/{document}");
    Ok(())
}

/// The figures, beside those of other systems.
pub(super) fn beside_peers(measured: &Measured, peers: &Peers) -> String {
    let ours = figures::table(measured);
    let theirs = peers.table(measured);
    let mut section = format!(
        "{ours}\n\nLists and the long run were measured once, after the rounds.\n\n\
         Other systems, in the same rounds:\n\n{theirs}\n"
    );
    if let Some((lead, best)) = peers.lead(measured) {
        section += &format!(
            "\nEkiden's faster drain is {} times that of the fastest of the others, {best} (goal: 1.8).\n",
            figures::shown(lead)
        );
    }
    for (name, why) in &measured.not_run {
        section += &format!("\nNot run: {name} ({why}).\n");
    }
    section
}

/// Where, with what, and by which command it was measured.
pub(super) fn head(measured: &Measured, database: &str, command: &str) -> String {
    format!(
        "{}, {}; PostgreSQL {} and RabbitMQ {}, both as durable as\n\
         installed, on the same machine as all else; `shared_buffers=1GB`, `max_wal_size=4GB`,\n\
         `max_connections=200`. The medians of {} rounds:\n\n    {command}\n",
        said("date -u +%F"),
        machine(),
        said(&format!(
            "psql -tAc 'SHOW server_version' {database} | cut -d' ' -f1"
        )),
        said("dpkg-query -W -f '${Version}' rabbitmq-server"),
        measured.rounds(),
    )
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
