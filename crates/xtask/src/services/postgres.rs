//! An installed PostgreSQL, with a cluster of its own.

use super::{
    DATABASE_URL, Environment, POSTGRES_COPY, POSTGRES_RESTART, Purpose, Server, free_port, shell,
};
use crate::install::is_root;
use anyhow::Context;
use std::{
    fs,
    path::{Path, PathBuf},
};

pub(super) struct Postgres {
    bin: PathBuf,
    data: PathBuf,
    port: u16,
    purpose: Purpose,
}

impl Postgres {
    pub(super) fn new(root: &Path, purpose: Purpose) -> anyhow::Result<Self> {
        Ok(Self {
            bin: bin().context("install the package postgresql")?,
            data: root.join("postgres"),
            port: free_port()?,
            purpose,
        })
    }

    /// The shell words that run `pg_ctl` on this cluster.
    fn control(&self) -> String {
        let user = if is_root() {
            "runuser -u postgres -- "
        } else {
            ""
        };
        format!(
            "{user}{}/pg_ctl -D {}",
            self.bin.display(),
            self.data.display()
        )
    }
}

impl Server for Postgres {
    fn end(&self) -> String {
        format!("{} stop -m immediate >/dev/null 2>&1", self.control())
    }

    fn start(&self) -> anyhow::Result<Environment> {
        fs::create_dir_all(&self.data)?;
        if is_root() {
            shell(&format!("chown postgres {}", self.data.display()))?;
        }
        shell(&format!(
            "{} -s initdb -o '-U postgres -A trust -E UTF8 --locale=C.UTF-8'",
            self.control()
        ))?;
        let settings = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} \
             {}",
            self.port,
            self.data.display(),
            self.purpose.of_postgres()
        );
        let log = self.data.join("server.log");
        shell(&format!(
            "{} -s -w -l {} -o '{settings}' start",
            self.control(),
            log.display()
        ))?;
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port);
        let restart = format!(
            "{} -s -w -m immediate -l {} restart",
            self.control(),
            log.display()
        );
        let bin = self.bin.display();
        let at = format!("-h 127.0.0.1 -p {} -U postgres", self.port);
        let copy = format!(
            "{bin}/pg_dump {at} \"$FROM\" | {bin}/psql {at} -q -v ON_ERROR_STOP=1 \"$TO\" >/dev/null"
        );
        Ok(vec![
            (DATABASE_URL, url),
            (POSTGRES_RESTART, restart),
            (POSTGRES_COPY, copy),
        ])
    }
}

pub(super) fn is_installed() -> bool {
    bin().is_some()
}

/// The newest PostgreSQL's binaries, where Debian keeps them.
fn bin() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop()
}
