//! What single settings allow, but not together.

use super::{Problems, Settings};
use crate::admin;
use clap::ValueEnum;
use ekiden_store::Database;

/// A part of the platform that a process can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Accepts invocations; gets and stops them; keeps the functions.
    Enqueue,
    /// Lists invocations and shows the dashboard.
    List,
    /// Runs invocations.
    Worker,
}

impl Role {
    /// Every role: what a process plays if none is picked.
    pub(crate) const ALL: [Self; 3] = [Self::Enqueue, Self::List, Self::Worker];
}

impl Settings {
    /// Whether a process with these roles can do with these settings. None given means all.
    ///
    /// # Errors
    /// Every way in which it cannot.
    pub(crate) fn check(&self, roles: &[Role]) -> Result<(), Problems> {
        let mut problems = Problems::default();
        let has_all = roles.is_empty() || Role::ALL.iter().all(|role| roles.contains(role));
        if !has_all && self.broker.url.is_none() {
            problems.push(
                "without broker.url (or AMQP_URL) the queue is inside the process, which must then \
                 have all roles: leave --role out, or set broker.url",
            );
        }
        if !has_all && matches!(self.database.database, Database::Sqlite { .. }) {
            problems.push(
                "an SQLite database belongs to one process, which must then have all roles: leave \
                 --role out, or set database.url (or DATABASE_URL) to a postgres:// URL",
            );
        }
        if let Database::Sqlite { path } = &self.database.database
            && !admin::has_room_for(path)
        {
            problems.push(format!(
                "the name of the SQLite file '{}' (database.url, or DATABASE_URL) leaves no room for the \
                 address of the Unix socket beside it: a name of up to 75 bytes does",
                path.display()
            ));
        }
        if self.server.tls_cert.is_some() != self.server.tls_key.is_some() {
            problems
                .push("server.tls_cert and server.tls_key need each other: set both, or neither");
        }
        problems.or(())
    }

    /// Whether the address may be listened on. `is_insecure`: the user asked for no authentication;
    /// `has_stored_keys`: the database has access keys beside those of the configuration.
    ///
    /// # Errors
    /// If others could reach it and none would have to prove who they are.
    pub(crate) fn check_exposure(
        &self,
        is_insecure: bool,
        has_stored_keys: bool,
    ) -> Result<(), Problems> {
        let listen = self.server.listen;
        let mut problems = Problems::default();
        let has_keys = has_stored_keys || !self.keys.is_empty();
        if !has_keys && !self.is_open_without_keys(is_insecure) {
            problems.push(format!(
                "server.listen '{listen}' can be reached from other machines, and there is no access \
                 key: add one (`ekiden key create`, or [[auth.key]] in ekiden.toml), listen on \
                 127.0.0.1, or allow it with --insecure"
            ));
        }
        problems.or(())
    }

    /// Whether anyone may be served while there is no access key. `is_insecure`: the user asked for it.
    pub(crate) fn is_open_without_keys(&self, is_insecure: bool) -> bool {
        is_insecure || !self.is_exposed()
    }

    /// Whether other machines can reach the address that is listened on.
    pub(super) fn is_exposed(&self) -> bool {
        !self.server.listen.ip().to_canonical().is_loopback()
    }
}
