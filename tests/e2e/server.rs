//! One process of the platform.

use crate::{
    client::Client,
    world::{SOON, until},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

/// A running `ekiden serve`. Killed when dropped, like a machine that fails.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
}

impl Server {
    /// Starts `command` and waits until it says where it listens.
    pub(crate) async fn start(mut command: Command) -> Self {
        let mut child = command
            .args(["--log-format", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let stderr = child.stderr.take().unwrap();
        let (sender, told) = mpsc::channel();
        let kept = Arc::clone(&log);
        thread::spawn(move || follow(stderr, &kept, &sender));
        let told = tokio::task::spawn_blocking(move || told.recv_timeout(SOON))
            .await
            .unwrap();
        let Ok(address) = told else {
            panic!("it does not start:\n{}", log.lock().unwrap().join("\n"));
        };
        Self {
            child,
            log,
            address,
            client: Client::new(format!("http://{address}")),
        }
    }

    /// Waits until it can do its work.
    pub(crate) async fn ready(self) -> Self {
        until("the server to be ready", async || {
            (self.client.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        self
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Asks it to end, as an init system does.
    pub(crate) fn terminate(&self) {
        kill(self.pid(), Signal::SIGTERM).unwrap();
    }

    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How it ends.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        until("the server to end", async || self.child.try_wait().unwrap()).await
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            // The thread that reads needs a moment for the last lines.
            thread::sleep(Duration::from_millis(50));
            eprintln!(
                "the log of the process on {}:\n{}",
                self.address,
                self.log()
            );
        }
    }
}

/// Keeps every line, and tells the address that one of them names.
fn follow(stderr: impl Read, log: &Mutex<Vec<String>>, sender: &mpsc::Sender<SocketAddr>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if told["message"] == "Ekiden starts" {
            // Nobody listens after the start.
            let _ = sender.send(told["address"].as_str().unwrap().parse().unwrap());
        }
        log.lock().unwrap().push(line);
    }
}
