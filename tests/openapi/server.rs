//! A process of the platform, with functions to call.

use serde_json::Value;
use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long it may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// The names are those that `schemathesis.toml` has.
const FUNCTIONS: &str = r#"
[[function]]
service = "shop"
name = "echo"
target = { command = ["cat"] }

[[function]]
service = "default"
name = "echo"
target = { command = ["cat"] }

[[function]]
service = "shop"
name = "fails"
target = { command = ["false"] }

[[function]]
service = "default"
name = "fails"
target = { command = ["false"] }
"#;

/// Killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) endpoint: String,
    process: Child,
    directory: TempDir,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("ekiden.toml");
        fs::write(&config, FUNCTIONS).unwrap();
        let binary = std::env::var_os("EKIDEN_TEST_BINARY").expect("run `cargo xtask test`");
        let process = Command::new(binary)
            .args(["serve", "--log-format", "json", "--config"])
            .arg(config)
            .current_dir(directory.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("EKIDEN__SERVER__LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self {
            endpoint: String::new(),
            process,
            directory,
        };
        server.endpoint = format!("http://{}", server.address());
        server
    }

    /// Waits until it says that it is ready, and tells where it listens.
    fn address(&mut self) -> String {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            let lines = log
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            let lines: Vec<Value> = lines.collect();
            let said = |what| lines.iter().find(|line| line["message"] == what);
            if let (Some(start), Some(_)) = (said("Ekiden starts"), said("ready")) {
                return start["address"].as_str().unwrap().to_owned();
            }
            let is_waiting = self.is_alive() && Instant::now() < give_up;
            assert!(is_waiting, "it does not start:\n{log}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory().join("log")).unwrap()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
