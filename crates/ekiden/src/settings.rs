//! Everything that can be set, from `ekiden.toml` and the environment.
//!
//! [`Settings::read`] is the list of all keys with their defaults and ranges;
//! `docs/configuration.md` says the same to users, and a test compares the two.

mod checks;
mod convert;
mod entry;
mod functions;
mod keys;
mod parse;
mod problems;
mod source;
mod telemetry;
mod unknown;

pub(crate) use checks::Role;
pub(crate) use functions::load_functions;
pub(crate) use keys::KeySettings;
pub(crate) use problems::Problems;
pub(crate) use telemetry::TelemetrySettings;

use ekiden_domain::{Function, Secret};
use ekiden_reach::Allowed;
use ekiden_store::{Database, SealKey};
use ekiden_worker::{OnDatabaseLoss, WebhookSecret};
use source::Source;
use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

/// The file that is read from the working directory if no other is named.
const FILE: &str = "ekiden.toml";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

const LISTEN: &str = "an IP address and a port, such as 127.0.0.1:7070";
const PEM: &str = "the path of a PEM file";
const DATABASE_URL: &str =
    "a well-formed URL: postgres://USER@HOST/DATABASE, or sqlite://PATH without options";
const BROKER_URL: &str = "a well-formed URL: amqp://USER@HOST/VHOST, or amqps://USER@HOST/VHOST";
const BROKER_PREFIX: &str = "1 to 40 letters, digits, '.', '_' or '-'";
const WEBHOOK_SECRETS: &str = "a list of texts, each 'whsec_' and the Base64 of 24 to 64 bytes";
const SEAL_KEYS: &str = "a list of texts, each the Base64 of 32 bytes";
const ALLOW: &str = "a list of IP addresses, networks such as 10.0.0.0/8, and names of hosts";
const ON_DATABASE_LOSS: &str = "\"continue\" or \"cancel\"";

/// Everything that can be set.
#[derive(Clone)]
pub(crate) struct Settings {
    /// `[server]`: the HTTP server.
    pub(crate) server: ServerSettings,
    /// `[database]`: where the state is kept.
    pub(crate) database: DatabaseSettings,
    /// `[broker]`: what carries the dispatch.
    pub(crate) broker: BrokerSettings,
    /// `[enqueue]`: what is accepted.
    pub(crate) enqueue: EnqueueSettings,
    /// `[worker]`: how invocations are run.
    pub(crate) worker: WorkerSettings,
    /// `[targets]`: what functions that others register may reach.
    pub(crate) targets: TargetSettings,
    /// `[webhooks]`: how results are sent to URLs.
    pub(crate) webhooks: WebhookSettings,
    /// `[retention]`: how long what has ended is kept.
    pub(crate) retention: RetentionSettings,
    /// `[telemetry]`: where traces go.
    pub(crate) telemetry: TelemetrySettings,
    /// `[reconcile]`: how what the broker lost is found.
    pub(crate) reconcile: ReconcileSettings,
    /// `auth.seal_keys`: what the secrets of the access keys in the database are sealed with; the first
    /// seals, and each opens. Default none: SQLite has one of its own, PostgreSQL keeps no such secret.
    pub(crate) seal_keys: Vec<SealKey>,
    /// `[[auth.key]]`: access keys. Default none; the database may hold others.
    pub(crate) keys: Vec<KeySettings>,
    /// `[[function]]`: functions to register at the start. Default none.
    pub(crate) functions: Vec<Function>,
}

/// The HTTP server.
#[derive(Clone, Debug)]
pub(crate) struct ServerSettings {
    /// The address and port it listens on; port 0 lets the system choose. Default 127.0.0.1:7070.
    pub(crate) listen: SocketAddr,
    /// How long a request may take to arrive and be answered: 1 s to 10 min, default 30 s. A
    /// synchronous call may take as long as its function as well.
    pub(crate) request_timeout: Duration,
    /// How long a client may leave a connection idle or take for the parts of it that are its own: 1 s
    /// to 10 min, default 75 s.
    pub(crate) idle_timeout: Duration,
    /// How many connections may be open at once from one address: 0 to 4096, default 1024; 0 for any
    /// number.
    pub(crate) connections_per_address: u32,
    /// The file of the certificate chain, as PEM. Default `None`: no TLS.
    pub(crate) tls_cert: Option<PathBuf>,
    /// The file of its key, as PEM. There if `tls_cert` is.
    pub(crate) tls_key: Option<PathBuf>,
}

/// Where the state is kept.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseSettings {
    /// Which database. Default SQLite in `ekiden-data/ekiden.db`.
    pub(crate) database: Database,
    /// The schema that its tables are in; no key sets it. PostgreSQL only.
    pub(crate) schema: Option<String>,
    /// The most connections of each of two pools, one for statements that name their rows by key, one
    /// for those that look for rows: 1 to 500, default 8. PostgreSQL only.
    pub(crate) connections: u32,
    /// How long an operation may wait for the database: 1 s to 5 min, default 10 s.
    pub(crate) timeout: Duration,
}

/// What carries the dispatch.
#[derive(Clone, Debug)]
pub(crate) struct BrokerSettings {
    /// RabbitMQ's URL; may hold a password. Default `None`: a queue inside the process.
    pub(crate) url: Option<Secret>,
    /// What the names of all queues and exchanges begin with: 1 to 40 letters, digits, `.`, `_` or
    /// `-`, default `ekiden`.
    pub(crate) prefix: String,
    /// How long a connection attempt, or any answer but a confirm, may take: 1 s to 5 min, default
    /// 10 s.
    pub(crate) timeout: Duration,
    /// How long a publish may wait for its confirm: 1 s to 5 min, default 10 s.
    pub(crate) publish_timeout: Duration,
}

/// What is accepted.
#[derive(Clone, Debug)]
pub(crate) struct EnqueueSettings {
    /// How many invocations may have been accepted and not ended: 1 to 1000000000. Default `None`: as
    /// many as the database holds.
    pub(crate) max_backlog: Option<u32>,
}

/// How invocations are run.
#[derive(Clone, Debug)]
pub(crate) struct WorkerSettings {
    /// How many invocations run at once in this process: 1 to 10000, default 64.
    pub(crate) slots: u32,
    /// How long a worker's heart may stand still before the worker counts as dead: 2 s to 10 min,
    /// default 10 s.
    pub(crate) worker_timeout: Duration,
    /// What becomes of runs while the database is out of reach: `continue` or `cancel`, default
    /// `continue`.
    pub(crate) on_database_loss: OnDatabaseLoss,
    /// How long what runs may go on after a stop of the worker was asked for: 0 s to 1 h, default
    /// 30 s.
    pub(crate) drain_grace: Duration,
}

/// What functions that others register may reach.
#[derive(Clone, Debug)]
pub(crate) struct TargetSettings {
    /// Which local addresses their targets may be at. Default none.
    pub(crate) allow: Vec<Allowed>,
}

/// How results are sent to URLs.
#[derive(Clone, Debug)]
pub(crate) struct WebhookSettings {
    /// What they are signed with: each signs. Default none: no signature.
    pub(crate) secrets: Vec<WebhookSecret>,
    /// How long a receiver has to answer: 1 s to 5 min, default 15 s.
    pub(crate) timeout: Duration,
    /// Which local addresses they may reach. Default none.
    pub(crate) allow: Vec<Allowed>,
}

/// How long what has ended is kept.
#[derive(Clone, Debug)]
pub(crate) struct RetentionSettings {
    /// How long an invocation is kept after its end: 1 min to 3650 days, default 7 days.
    pub(crate) keep: Duration,
}

/// How what the broker lost is found.
#[derive(Clone, Debug)]
pub(crate) struct ReconcileSettings {
    /// How much younger those are that a lane's workers claim when what is older counts as lost: 1 s to
    /// 1 h, default 30 s.
    pub(crate) period: Duration,
}

impl Settings {
    /// The settings of `file`, or of `./ekiden.toml` if that exists and none is named, overridden by
    /// the environment.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let mut source = open(file).with_environment(environment);
        let settings = Self::read(&mut source);
        source.finish(settings)
    }

    /// The settings where nothing is set.
    pub(crate) fn defaults() -> Self {
        Self::read(&mut Source::default())
    }

    fn read(source: &mut Source) -> Self {
        let wait = || SECOND..=5 * MINUTE;
        Self {
            server: read_server(source),
            database: DatabaseSettings {
                database: source
                    .url("database.url", DATABASE_URL, parse::database)
                    .unwrap_or_else(default_database),
                schema: None,
                connections: source.number("database.connections", 8, 1..=500),
                timeout: source.span("database.timeout", 10 * SECOND, wait()),
            },
            broker: BrokerSettings {
                url: source.url("broker.url", BROKER_URL, parse::amqp),
                prefix: source.text(
                    "broker.prefix",
                    "ekiden".to_owned(),
                    BROKER_PREFIX,
                    parse::prefix,
                ),
                timeout: source.span("broker.timeout", 10 * SECOND, wait()),
                publish_timeout: source.span("broker.publish_timeout", 10 * SECOND, wait()),
            },
            enqueue: EnqueueSettings {
                max_backlog: source.optional_number("enqueue.max_backlog", 1..=1_000_000_000),
            },
            worker: WorkerSettings {
                slots: source.number("worker.slots", 64, 1..=10_000),
                worker_timeout: source.span(
                    "worker.worker_timeout",
                    10 * SECOND,
                    2 * SECOND..=10 * MINUTE,
                ),
                on_database_loss: source.text(
                    "worker.on_database_loss",
                    OnDatabaseLoss::Continue,
                    ON_DATABASE_LOSS,
                    parse::on_database_loss,
                ),
                drain_grace: source.span("worker.drain_grace", 30 * SECOND, Duration::ZERO..=HOUR),
            },
            targets: TargetSettings {
                allow: source.texts("targets.allow", ALLOW, false),
            },
            webhooks: WebhookSettings {
                secrets: source.texts("webhooks.secrets", WEBHOOK_SECRETS, true),
                timeout: source.span("webhooks.timeout", 15 * SECOND, wait()),
                allow: source.texts("webhooks.allow", ALLOW, false),
            },
            retention: RetentionSettings {
                keep: source.span("retention.keep", 7 * DAY, MINUTE..=3650 * DAY),
            },
            telemetry: telemetry::read(source),
            reconcile: ReconcileSettings {
                period: source.span("reconcile.period", 30 * SECOND, SECOND..=HOUR),
            },
            seal_keys: source.texts("auth.seal_keys", SEAL_KEYS, true),
            keys: keys::read(source),
            functions: functions::read(source),
        }
    }
}

fn read_server(source: &mut Source) -> ServerSettings {
    ServerSettings {
        listen: source.text("server.listen", default_listen(), LISTEN, parse::listen),
        request_timeout: source.span("server.request_timeout", 30 * SECOND, SECOND..=10 * MINUTE),
        idle_timeout: source.span("server.idle_timeout", 75 * SECOND, SECOND..=10 * MINUTE),
        connections_per_address: source.number("server.connections_per_address", 1024, 0..=4096),
        tls_cert: source.text("server.tls_cert", None, PEM, parse::path),
        tls_key: source.text("server.tls_key", None, PEM, parse::path),
    }
}

fn open(file: Option<&Path>) -> Source {
    let source = Source::default();
    let path = file.unwrap_or(Path::new(FILE));
    match fs::read_to_string(path) {
        Ok(text) => source.with_file(path, &text),
        Err(error) if file.is_none() && error.kind() == io::ErrorKind::NotFound => source,
        Err(error) => source.with_problem(format!("{}: cannot be read: {error}", path.display())),
    }
}

fn default_listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 7070).into()
}

fn default_database() -> Database {
    let path = "ekiden-data/ekiden.db".into();
    Database::Sqlite { path }
}

#[cfg(test)]
mod tests;
