//! The processes: each with ways of its own to the database and the broker.

use crate::{
    load::client,
    place::{Place, variable},
};
use ekiden_tests::proxy::{Proxy, Way};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rand::seq::SliceRandom;
use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The program, and the one before it: unless that is named, there is only this one.
const BINARY: &str = "EKIDEN_TEST_BINARY";
const PREVIOUS: &str = "EKIDEN_CHAOS_PREVIOUS";
/// How long a process may take to be ready, or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// The time after which a silent worker counts as dead.
pub(crate) const WORKER_TIMEOUT: Duration = Duration::from_secs(4);
/// How long what waits may be missing in the broker.
pub(crate) const RECONCILE_PERIOD: Duration = Duration::from_secs(15);
/// All that is not as installed: what is waited for is short, so that much fits into a run.
const SETTINGS: &str = r#"
[worker]
slots = 24
worker_timeout = "4s"
drain_grace = "1s"
[reconcile]
period = "15s"

[[function]]
service = "default"
name = "steady"
target = { http = "@" }
async = { max_retries = 8, retry_base = "20ms", retry_max = "200ms" }

[[function]]
service = "default"
name = "narrow"
target = { http = "@" }
max_concurrency = 4
async = { max_retries = 8, retry_base = "20ms", retry_max = "200ms" }

[[function]]
service = "default"
name = "brief"
target = { http = "@" }
timeout = "2s"
async = { max_retries = 1, retry_base = "20ms", retry_max = "200ms" }

[[function]]
service = "default"
name = "hasty"
target = { http = "@" }
async = { max_age = "2s", max_retries = 8, retry_base = "20ms", retry_max = "200ms" }
"#;

/// What a process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Enqueue,
    Worker,
    List,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Enqueue => "enqueue",
            Self::Worker => "worker",
            Self::List => "list",
        }
    }
}

/// One process, whichever it is at the time.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) role: Role,
    /// Stays the same when it is started anew.
    pub(crate) endpoint: String,
    pub(crate) database: Proxy,
    pub(crate) broker: Proxy,
    program: String,
    address: String,
    urls: [(&'static str, String); 2],
    config: PathBuf,
    log: File,
    child: Option<Child>,
}

/// Two that enqueue, three that work, one that lists: of the program before this one, if it is named,
/// until they are rolled to this one.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) processes: Vec<Process>,
}

impl Fleet {
    /// Starts all of them, and waits until they are ready.
    pub(crate) async fn start(place: &Place, functions: &str, folder: &Path) -> Self {
        let config = folder.join("ekiden.toml");
        std::fs::write(&config, SETTINGS.replace('@', functions)).unwrap();
        let this = variable(BINARY);
        let program = std::env::var(PREVIOUS).unwrap_or(this);
        migrate(&program, place);
        let roles = [
            [Role::Enqueue; 2].as_slice(),
            &[Role::Worker; 3],
            &[Role::List],
        ];
        let mut processes = Vec::new();
        for (number, role) in roles.concat().into_iter().enumerate() {
            let log = folder.join(format!("{}-{number}.log", role.name()));
            let log = File::options().create(true).append(true).open(log).unwrap();
            let (program, config) = (program.clone(), config.clone());
            let mut process = Process::new(program, place, role, config, log).await;
            process.start();
            processes.push(process);
        }
        for process in &mut processes {
            process.ready().await;
        }
        Self { processes }
    }

    /// Migrates under load, and restarts one process after the other, each as this program.
    pub(crate) async fn roll(&mut self, place: &Place) {
        let this = variable(BINARY);
        migrate(&this, place);
        for process in &mut self.processes {
            process.end().await;
            process.program.clone_from(&this);
            process.start();
            process.ready().await;
        }
    }

    pub(crate) fn endpoints(&self, role: Role) -> Vec<String> {
        let of_role = self.processes.iter().filter(|process| process.role == role);
        of_role.map(|process| process.endpoint.clone()).collect()
    }
}

fn migrate(program: &str, place: &Place) {
    let migrated = ekiden(program)
        .arg("migrate")
        .env("DATABASE_URL", place.database_url(None))
        .stdout(Stdio::null())
        .status();
    assert!(migrated.unwrap().success());
}

fn ekiden(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", variable("PATH"));
    command
}

/// An address that nobody listens at: beneath the ports that the system gives to connections, of which
/// there are many here.
fn free_address() -> String {
    let addresses = (20_000..32_000).map(|port| format!("127.0.0.1:{port}"));
    let mut addresses: Vec<String> = addresses.collect();
    addresses.shuffle(&mut rand::rng());
    let is_free = |address: &String| TcpListener::bind(address).is_ok();
    addresses.into_iter().find(is_free).unwrap()
}

impl Process {
    async fn new(program: String, place: &Place, role: Role, config: PathBuf, log: File) -> Self {
        let [database, broker] = place.servers();
        let database = Proxy::before(database, Way::Open).await.unwrap();
        let broker = Proxy::before(broker, Way::Open).await.unwrap();
        let address = free_address();
        let database_url = place.database_url(Some(&database.address.to_string()));
        let amqp_url = place.amqp_url(&broker.address.to_string());
        Self {
            role,
            endpoint: format!("http://{address}"),
            database,
            broker,
            program,
            address,
            urls: [("DATABASE_URL", database_url), ("AMQP_URL", amqp_url)],
            config,
            log,
            child: None,
        }
    }

    pub(crate) fn start(&mut self) {
        let child = ekiden(&self.program)
            .args(["serve", "--log-format", "json", "--role", self.role.name()])
            .arg("--config")
            .arg(&self.config)
            .env("EKIDEN__SERVER__LISTEN", &self.address)
            .env("RUST_LOG", "info")
            .envs(self.urls.clone())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(self.log.try_clone().unwrap())
            .spawn();
        self.child = Some(child.unwrap());
    }

    /// Waits until it can do its work.
    pub(crate) async fn ready(&mut self) {
        let give_up = Instant::now() + PATIENCE;
        let (http, ready) = (client(), format!("{}/readyz", self.endpoint));
        let is_ready = async || {
            let answer = http.get(&ready).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        };
        while !is_ready().await {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert_eq!(ended, None, "the {} process ended", self.role.name());
            assert!(Instant::now() < give_up, "{ready} is not ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().try_into().unwrap()), signal).unwrap();
    }

    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        let child = self.child.as_mut().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        let give_up = Instant::now() + PATIENCE;
        while self.child.as_mut().unwrap().try_wait().unwrap().is_none() {
            assert!(Instant::now() < give_up, "{} does not end", self.endpoint);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
