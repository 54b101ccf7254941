//! A process of the platform for the page to look at.

use reqwest::Client;
use serde_json::Value;
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

/// How long anything may take before a test gives up waiting for it.
pub(crate) const SOON: Duration = Duration::from_secs(60);

const FUNCTIONS: &str = r#"
[[function]]
service = "shop"
name = "echo"
target = { command = ["cat"] }

[[function]]
service = "shop"
name = "broken"
target = { command = ["sh", "-c", "echo '<b>no</b> paper' >&2; exit 3"] }
[function.async]
max_retries = 1
retry_base = "20ms"
on_failure = "amqp:/nowhere"

[[function]]
service = "shop"
name = "endless"
timeout = "1h"
target = { command = ["sleep", "3600"] }

[[function]]
service = "shop"
name = "idle"
target = { command = ["cat"] }
"#;

/// A directory with a configuration, and where the process is to listen.
#[derive(Debug)]
pub(crate) struct Home {
    directory: TempDir,
    environment: Vec<(&'static str, String)>,
}

/// A running `ekiden serve`. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    pub(crate) endpoint: String,
    http: Client,
}

impl Home {
    pub(crate) fn new(settings: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = format!("{settings}\n{FUNCTIONS}");
        std::fs::write(directory.path().join("ekiden.toml"), config).unwrap();
        Self {
            directory,
            environment: Vec::new(),
        }
    }

    /// The same home for processes that share a database and a broker.
    pub(crate) fn with(mut self, environment: Vec<(&'static str, String)>) -> Self {
        self.environment = environment;
        self
    }

    /// Starts a process with these roles, none being all, and waits until it is ready.
    pub(crate) async fn serve(&self, roles: &[&str], listen: &str) -> Server {
        // The first test of the process installs it.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut command = Command::new(variable("EKIDEN_TEST_BINARY"));
        command
            .args(["serve", "--migrate", "--log-format", "json"])
            .args(["--config", "ekiden.toml"])
            .args(roles.iter().flat_map(|role| ["--role", role]))
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", variable("PATH"))
            .env("EKIDEN__SERVER__LISTEN", listen)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = tokio::time::timeout(SOON, ready(log)).await;
        Server {
            process,
            endpoint: format!("http://{}", address.expect("it is ready in time")),
            http: Client::builder().no_proxy().build().unwrap(),
        }
    }
}

impl Server {
    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }

    /// Enqueues a task of a function in the service `shop`.
    pub(crate) async fn invoke(&self, function: &str, id: &str, payload: impl Into<Vec<u8>>) {
        self.invoke_with(function, id, payload, &[]).await;
    }

    /// Enqueues one that waits for an hour.
    pub(crate) async fn invoke_later(&self, function: &str, id: &str) {
        let later = [("X-Fc-Async-Delay", "3600")];
        self.invoke_with(function, id, "later", &later).await;
    }

    async fn invoke_with(
        &self,
        function: &str,
        id: &str,
        payload: impl Into<Vec<u8>>,
        headers: &[(&str, &str)],
    ) {
        let path = format!("/services/shop/functions/{function}/invocations");
        let mut request = self
            .http
            .post(format!("{}{path}", self.endpoint))
            .bearer_auth("owner:ownersecret")
            .header("X-Fc-Invocation-Type", "Async")
            .header("X-Fc-Stateful-Async-Invocation-Id", id)
            .body(payload.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 202, "{answer:?}");
    }

    pub(crate) async fn status(&self, function: &str, id: &str) -> String {
        let path = format!("/services/shop/functions/{function}/stateful-async-invocations/{id}");
        let request = self.http.get(format!("{}{path}", self.endpoint));
        let request = request.bearer_auth("owner:ownersecret");
        let record: Value = request.send().await.unwrap().json().await.unwrap();
        record["status"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn until_status(&self, function: &str, id: &str, status: &str) {
        let give_up = Instant::now() + SOON;
        while self.status(function, id).await != status {
            assert!(Instant::now() < give_up, "{id} does not become {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it as a machine that fails.
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
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
