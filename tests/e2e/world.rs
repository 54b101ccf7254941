//! Where a platform's state lives, and the processes that work on it.

use crate::{client::Client, functions::Functions, server::Server, spelling::UNVERSIONED};
use ekiden_tests::proxy::{Proxy, Way};
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long anything may take before a test gives up waiting for it.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Functions for most tests: `@` is the recording server.
const FUNCTIONS: &str = r#"
[[function]]
service = "default"
name = "f"
target = { http = "@" }
[function.async]
max_retries = 2
retry_base = "20ms"
retry_max = "50ms"
[function.qualifiers.prod]
max_retries = 0
[function.qualifiers.beta]

[[function]]
service = "default"
name = "untracked"
target = { http = "@" }
async = { stateful = false }

[[function]]
service = "default"
name = "patient"
target = { http = "@" }
async = { retry_base = "1h", retry_max = "1h" }

[[function]]
service = "default"
name = "stubborn"
target = { command = ["sh", "-c", "trap '' TERM; : > deaf; while :; do sleep 1; done"] }
"#;

/// A database, a broker's corner, a directory and the functions.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) functions: Functions,
    pub(crate) database_url: String,
    /// The broker's URL, and what its names begin with; `None` where the queue is in the process.
    pub(crate) broker: Option<(String, String)>,
    files: AtomicU32,
}

/// How a process is to be started.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) arguments: Vec<&'static str>,
    /// Sections for the configuration.
    pub(crate) settings: String,
    /// Its `[[function]]` entries.
    pub(crate) functions: String,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            arguments: vec!["--migrate"],
            settings: String::new(),
            functions: FUNCTIONS.to_owned(),
            environment: Vec::new(),
        }
    }
}

impl Plan {
    /// This, for a process that has these roles alone.
    pub(crate) fn with_roles(mut self, roles: &[&'static str]) -> Self {
        for role in roles {
            self.arguments.extend(["--role", role]);
        }
        self
    }
}

pub(crate) async fn embedded(case: impl AsyncFnOnce(&World)) {
    case(&World::embedded().await).await;
}

pub(crate) async fn production(case: impl AsyncFnOnce(&World)) {
    let server = variable("EKIDEN_TEST_DATABASE_URL");
    let name = format!("e2e_{}", uuid::Uuid::new_v4().simple());
    run_sql(&server, &format!("CREATE DATABASE {name}")).await;
    let mut world = World::embedded().await;
    world.database_url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    world.broker = Some((variable("EKIDEN_TEST_AMQP_URL"), name[..24].to_owned()));
    case(&world).await;
    run_sql(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`"))
}

pub(crate) async fn run_sql(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}

/// Looks until there is something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + SOON;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < give_up, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl World {
    async fn embedded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("data/ekiden.db");
        Self {
            functions: Functions::start().await,
            database_url: format!("sqlite://{}", database.display()),
            broker: None,
            files: AtomicU32::new(0),
            directory,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file of its own name.
    pub(crate) fn write(&self, text: &str, end: &str) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.path().join(format!("file-{number}.{end}"));
        std::fs::write(&path, text.replace('@', &self.functions.url)).unwrap();
        path
    }

    /// The binary, with nothing of this process's environment but the way to the services.
    pub(crate) fn ekiden(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(variable("EKIDEN_TEST_BINARY"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", variable("PATH"))
            .env("DATABASE_URL", &self.database_url);
        if let Some((url, prefix)) = &self.broker {
            command
                .env("AMQP_URL", url)
                .env("EKIDEN__BROKER__PREFIX", prefix);
        }
        command
    }

    fn serve_command(&self, plan: &Plan) -> Command {
        let settings = format!("{}\n{}", plan.settings, plan.functions);
        let config = self.write(&settings, "toml");
        let mut command = self.ekiden(&["serve", "--config", config.to_str().unwrap()]);
        command
            .args(&plan.arguments)
            .env("EKIDEN__SERVER__LISTEN", "127.0.0.1:0");
        command.envs(plan.environment.iter().cloned());
        command
    }

    /// A way to this world's PostgreSQL, and the plan of a process that takes it.
    pub(crate) async fn behind_a_proxy(&self, way: Way) -> (Proxy, Plan) {
        let (start, database) = self.database_url.rsplit_once('/').unwrap();
        let (user, server) = start.rsplit_once('@').unwrap();
        let proxy = Proxy::before(server.to_owned(), way).await.unwrap();
        let url = format!("{user}@{}/{database}", proxy.address);
        let plan = Plan {
            environment: vec![("DATABASE_URL", url)],
            ..Plan::default()
        };
        (proxy, plan)
    }

    /// Changes the database behind the platform's back.
    pub(crate) async fn sql(&self, sql: &str) {
        if self.broker.is_some() {
            return run_sql(&self.database_url, sql).await;
        }
        let mut connection = SqliteConnection::connect(&self.database_url).await.unwrap();
        connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    }

    /// A process that is ready.
    pub(crate) async fn serve(&self, plan: Plan) -> Server {
        self.start(plan).await.ready().await
    }

    /// A process that listens, ready or not.
    pub(crate) async fn start(&self, plan: Plan) -> Server {
        Server::start(self.serve_command(&plan)).await
    }

    /// What a `serve` that ends by itself says.
    pub(crate) async fn serve_to_its_end(&self, plan: Plan) -> Said {
        Said::of(self.serve_command(&plan)).await
    }

    /// What a command says.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.ekiden(arguments)).await
    }
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) async fn of(command: Command) -> Self {
        let mut command = tokio::process::Command::from(command);
        command
            .kill_on_drop(true)
            .stdin(std::process::Stdio::null());
        let output = tokio::time::timeout(SOON, command.output()).await;
        let Output {
            status,
            stdout,
            stderr,
        } = output.expect("the command ends").unwrap();
        Self {
            code: status.code().unwrap(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The record of a task in the service `default`, as soon as `is_it` says so.
pub(crate) async fn until_record(
    client: &Client,
    (function, id): (&str, &str),
    is_it: impl Fn(&Value) -> bool,
) -> Value {
    let path = UNVERSIONED.task(function, id);
    let give_up = Instant::now() + SOON;
    loop {
        let answer = client.get(&path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let record = answer.json();
        if is_it(&record) {
            return record;
        }
        assert!(Instant::now() < give_up, "waited in vain: {record:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The record of a task of the function `f`, as soon as it is in this status.
pub(crate) async fn until_status(client: &Client, id: &str, status: &str) -> Value {
    until_record(client, ("f", id), |record| record["status"] == status).await
}

/// The statuses of a record's events.
pub(crate) fn story(record: &Value) -> Vec<&str> {
    let events = record["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["status"].as_str().unwrap())
        .collect()
}
