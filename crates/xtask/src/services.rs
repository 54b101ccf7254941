//! A private PostgreSQL and a private RabbitMQ on free loopback ports: installed ones in a temporary
//! directory, or else containers. One that the environment names is left alone, and none of it is
//! started beside it.
//!
//! Nothing of them outlives this process: a guard shell that holds a pipe from it ends them when the
//! pipe closes, however this process ends.

mod docker;
mod postgres;
mod purpose;
mod rabbitmq;

use crate::install;
use anyhow::{Context, bail};
use docker::Container;
use postgres::Postgres;
pub(crate) use purpose::Purpose;
use rabbitmq::Rabbit;
use std::{
    env, fs,
    net::TcpListener,
    ops::Range,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The variable that names the PostgreSQL under test.
pub(crate) const DATABASE_URL: &str = "EKIDEN_TEST_DATABASE_URL";
/// The variable that says how to restart it as in a crash.
const POSTGRES_RESTART: &str = "EKIDEN_TEST_POSTGRES_RESTART";
/// The variable that says how to dump its database `$FROM` and to restore that into `$TO`.
const POSTGRES_COPY: &str = "EKIDEN_TEST_POSTGRES_COPY";
/// The variable that names the RabbitMQ under test.
pub(crate) const AMQP_URL: &str = "EKIDEN_TEST_AMQP_URL";
/// The variable that says how to run `rabbitmqctl` against it.
const RABBITMQCTL: &str = "EKIDEN_TEST_RABBITMQCTL";
/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(90);
/// The ports that servers are given.
const PORTS: Range<u16> = 20_000..32_000;
pub(crate) type Environment = Vec<(&'static str, String)>;

/// A server for this run alone.
pub(crate) trait Server {
    /// The shell line that ends it, however far its start has come.
    fn end(&self) -> String;

    /// Starts it, waits for it, and tells tests how to reach it.
    fn start(&self) -> anyhow::Result<Environment>;
}

pub(crate) struct Services {
    environment: Environment,
    guard: Child,
    _directory: TempDir,
}

impl Services {
    /// Starts those that the environment does not name.
    pub(crate) fn start(purpose: Purpose) -> anyhow::Result<Self> {
        Self::start_in(|root| servers(root, purpose))
    }

    /// Starts what `servers` gives, in a directory of their own.
    pub(crate) fn start_in(
        servers: impl FnOnce(&Path) -> anyhow::Result<Vec<Box<dyn Server>>>,
    ) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("ekiden-test-").tempdir()?;
        let root = directory.path();
        // PostgreSQL runs as another user where this one is root.
        fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
        let servers = servers(root)?;
        let guard = guard(&servers, root)?;
        let mut services = Self {
            environment: Environment::new(),
            guard,
            _directory: directory,
        };
        for server in servers {
            services.environment.extend(server.start()?);
        }
        Ok(services)
    }

    pub(crate) fn environment(&self) -> Environment {
        self.environment.clone()
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // A guard that cannot be waited for has ended already.
        drop(self.guard.wait());
    }
}

fn servers(root: &Path, purpose: Purpose) -> anyhow::Result<Vec<Box<dyn Server>>> {
    let is_wanted = |name| env::var_os(name).is_none();
    let (database, broker) = (is_wanted(DATABASE_URL), is_wanted(AMQP_URL));
    let is_missing =
        (database && !postgres::is_installed()) || (broker && !rabbitmq::is_installed());
    let mut servers: Vec<Box<dyn Server>> = Vec::new();
    if is_missing && docker::answers() {
        if database {
            servers.push(Box::new(Container::postgres(purpose)));
        }
        if broker {
            servers.push(Box::new(Container::rabbitmq(purpose)));
        }
        return Ok(servers);
    }
    if is_missing {
        install::servers()?;
    }
    if database {
        servers.push(Box::new(Postgres::new(root, purpose)?));
    }
    if broker {
        servers.push(Box::new(Rabbit::new(root, purpose)?));
    }
    Ok(servers)
}

/// Waits for its standard input to close, then ends the servers and removes what they wrote.
fn guard(servers: &[Box<dyn Server>], root: &Path) -> anyhow::Result<Child> {
    let ends: Vec<String> = servers.iter().map(|server| server.end()).collect();
    let script = format!(
        "trap '' INT TERM HUP; read -r _\n{}\nrm -rf {}",
        ends.join("\n"),
        root.display()
    );
    Command::new("sh")
        .args(["-c", &script])
        .current_dir("/")
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start the guard")
}

pub(crate) fn shell(line: &str) -> anyhow::Result<()> {
    let status = Command::new("sh")
        .args(["-c", line])
        .current_dir("/")
        .status()?;
    if !status.success() {
        bail!("failed: {line}");
    }
    Ok(())
}

/// Repeats a shell line until it succeeds, quietly, and says whether it did in time.
fn await_shell(line: &str) -> bool {
    let give_up = Instant::now() + PATIENCE;
    while shell(&format!("{{ {line}; }} >/dev/null 2>&1")).is_err() {
        if Instant::now() >= give_up {
            return false;
        }
        thread::sleep(Duration::from_millis(500));
    }
    true
}

/// A port that nobody listens on. None of those that systems give to connections: a server that is
/// started later, or anew, would find it taken.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (0..100)
        .map(|_| rand::random_range(PORTS))
        .find(is_free)
        .context("there is no free port")
}
