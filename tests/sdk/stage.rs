//! Where stories are played: a database, a broker's corner, a process of the platform, and a function.

use crate::function;
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};
use std::{path::Path, process::Stdio, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

/// The key that may do everything.
pub(crate) const KEY: (&str, &str) = ("testid", "testsecret");
/// The key that may read.
pub(crate) const READER: (&str, &str) = ("reader", "readersecret");

/// What webhooks are signed with: one is replacing the other.
pub(crate) const SECRETS: [&str; 2] = [
    "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU=",
];

/// How long the platform may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keys, and for programs that make none themselves, functions: `@` is the server of the function.
const SETTINGS: &str = r#"
[webhooks]
secrets = [SECRETS]
allow = ["127.0.0.1"]

[[auth.key]]
id = "testid"
secret = "testsecret"
scopes = ["invoke", "read", "manage"]

[[auth.key]]
id = "reader"
secret = "readersecret"
scopes = ["read"]

[[function]]
service = "examples"
name = "echo"
target = { http = "@/echo" }

[[function]]
service = "default"
name = "echo"
target = { http = "@/echo" }
"#;

/// What a platform is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    /// SQLite, with the queue in the process.
    Embedded,
    /// PostgreSQL and RabbitMQ.
    Production,
}

/// A platform that serves.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) endpoint: String,
    /// Where the function is.
    pub(crate) function: String,
    /// Killed when dropped.
    _process: Child,
    _directory: TempDir,
}

/// Lets `act` have a stage of its own.
pub(crate) async fn play<T>(stack: Stack, act: impl AsyncFnOnce(&Stage) -> T) -> T {
    match stack {
        Stack::Embedded => act(&Stage::set(|_| ()).await).await,
        Stack::Production => {
            let server = variable("EKIDEN_TEST_DATABASE_URL");
            let name = format!("sdk_{}", uuid::Uuid::new_v4().simple());
            run_sql(&server, &format!("CREATE DATABASE {name}")).await;
            let database = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
            let set = Stage::set(|command| {
                command
                    .env("DATABASE_URL", database)
                    .env("AMQP_URL", variable("EKIDEN_TEST_AMQP_URL"))
                    .env("EKIDEN__BROKER__PREFIX", &name[..24]);
            });
            let stage = set.await;
            let told = act(&stage).await;
            drop(stage);
            run_sql(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
            told
        }
    }
}

impl Stage {
    async fn set(stack: impl FnOnce(&mut Command)) -> Self {
        let function = function::serve().await;
        let secrets = SECRETS.map(|secret| format!("{secret:?}")).join(", ");
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("ekiden.toml");
        std::fs::write(
            &config,
            SETTINGS
                .replace('@', &function)
                .replace("SECRETS", &secrets),
        )
        .unwrap();
        let mut command = Command::new(variable("EKIDEN_TEST_BINARY"));
        command
            .args(["serve", "--migrate", "--log-format", "json", "--config"])
            .arg(config)
            .current_dir(directory.path())
            .env_clear()
            .env("EKIDEN__SERVER__LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        stack(&mut command);
        let mut process = command.spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = tokio::time::timeout(PATIENCE, ready(log)).await;
        let address = address.expect("it is ready in time");
        Self {
            endpoint: format!("http://{address}"),
            function,
            _process: process,
            _directory: directory,
        }
    }

    /// Where this is, for programs that ask their environment.
    pub(crate) fn environment(&self) -> [(&'static str, &str); 3] {
        [
            ("EKIDEN_ENDPOINT", self.endpoint.as_str()),
            ("EKIDEN_ACCESS_KEY_ID", KEY.0),
            ("EKIDEN_ACCESS_KEY_SECRET", KEY.1),
        ]
    }
}

/// Waits until the log says that it is ready, tells the address that it named before, and keeps
/// reading, so that it can keep writing.
async fn ready(mut log: Lines<BufReader<ChildStderr>>) -> String {
    let mut said = Vec::new();
    let mut address = None;
    while let Some(line) = log.next_line().await.unwrap() {
        let told: Value = serde_json::from_str(&line).unwrap_or_default();
        said.push(line);
        if told["message"] == "Ekiden starts" {
            address = told["address"].as_str().map(str::to_owned);
        }
        if told["message"] == "ready" {
            tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
            return address.unwrap();
        }
    }
    panic!("it does not start:\n{}", said.join("\n"));
}

pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`"))
}

async fn run_sql(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}

/// The folder that holds the whole project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
