//! Other systems, by the scripts of a folder beside this repository: each is run by its own, in the
//! mode that is fastest, on the same servers.

use super::{
    figures::{markdown, shown},
    measured::Measured,
    rounds::{MANY, USUAL, told},
};
use crate::services::{Environment, Server, free_port, shell};
use anyhow::{Context, ensure};
use comfy_table::Table;
use serde_json::{Map, Value};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the scripts keep what they install, unless the variable names another folder.
const WORK: &str = "/var/tmp/ekiden-bench";
const WORK_VARIABLE: &str = "BENCH_WORK";
/// How many tasks are followed one by one, and for how many seconds at most.
const FOLLOWED: &str = "500";
const FOLLOWED_SECONDS: &str = "6";

/// A system.
pub(super) struct Peer {
    pub(super) name: &'static str,
    /// Its script's name, and the mode.
    script: &'static str,
    mode: &'static str,
    /// Fewer for those that take long.
    tasks: &'static str,
    /// Where its version is written.
    version: Version,
}

enum Version {
    Npm(&'static str),
    PyPi(&'static str),
    /// The manifest, in the scripts' folder, and the dependency.
    Cargo(&'static str, &'static str),
}

const fn peer(
    name: &'static str,
    (script, mode): (&'static str, &'static str),
    tasks: &'static str,
    version: Version,
) -> Peer {
    Peer {
        name,
        script,
        mode,
        tasks,
        version,
    }
}

#[rustfmt::skip]
static PEERS: [Peer; 9] = [
    peer("graphile-worker", ("graphile", "batch"), "20000", Version::Npm("graphile-worker")),
    peer("pg-boss", ("pgboss", "tuned"), "20000", Version::Npm("pg-boss")),
    peer("BullMQ", ("bullmq", "tuned"), "20000", Version::Npm("bullmq")),
    peer("apalis", ("apalis", "notify"), "20000", Version::Cargo("rs/peers/Cargo.toml", "apalis-postgres")),
    peer("awa", ("awa", "tuned"), "20000", Version::Cargo("rs/peers-awa/Cargo.toml", "awa")),
    peer("Oban for Python", ("oban-py", "tuned"), "20000", Version::PyPi("oban")),
    peer("Dramatiq", ("dramatiq", "tuned-results"), "10000", Version::PyPi("dramatiq")),
    peer("Celery", ("celery", "prefork8"), "5000", Version::PyPi("celery")),
    peer("Procrastinate", ("procrastinate", "tuned"), "3000", Version::PyPi("procrastinate")),
];

impl Peer {
    /// What is run, in the scripts' folder.
    fn command(&self) -> String {
        let Self {
            script,
            mode,
            tasks,
            ..
        } = self;
        format!("peer-{script}.sh {mode} {tasks} {FOLLOWED} {FOLLOWED_SECONDS}")
    }
}

/// The scripts.
pub(super) struct Peers {
    folder: PathBuf,
    work: PathBuf,
}

impl Peers {
    /// Those in `folder`.
    pub(super) fn find(folder: &Path) -> anyhow::Result<Self> {
        let folder = fs::canonicalize(folder).with_context(|| {
            format!("there is no folder {}: --peers names it", folder.display())
        })?;
        let script = folder.join("services.sh");
        ensure!(script.exists(), "{} is missing", script.display());
        let work = env::var_os(WORK_VARIABLE).map_or_else(|| WORK.into(), PathBuf::from);
        // What the scripts write to while they run.
        for part in ["raw", "run"] {
            fs::create_dir_all(work.join(part))?;
        }
        Ok(Self { folder, work })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &'static Peer> {
        PEERS.iter()
    }

    /// The servers that the scripts start, in `root` and on ports of their own.
    pub(super) fn servers(&self, root: &Path) -> anyhow::Result<Vec<Box<dyn Server>>> {
        Ok(vec![Box::new(Shared {
            script: self.folder.join("services.sh"),
            base: root.join("servers"),
            postgres: free_port()?,
            amqp: free_port()?,
            redis: free_port()?,
            epmd: free_port()?,
        })])
    }

    /// Runs one.
    pub(super) fn run(
        &self,
        peer: &Peer,
        environment: &Environment,
    ) -> anyhow::Result<Map<String, Value>> {
        let script = self.folder.join(format!("peer-{}.sh", peer.script));
        told(
            Command::new(script)
                .args([peer.mode, peer.tasks, FOLLOWED, FOLLOWED_SECONDS])
                .envs(environment.iter().cloned())
                .env(WORK_VARIABLE, &self.work),
        )
    }

    /// Every system's figures beside ours, in Markdown.
    pub(super) fn table(&self, measured: &Measured) -> Table {
        let mut table = markdown([
            "",
            "command",
            "drain/s",
            "enqueue/s, 32 at once",
            "enqueue/s, in batches",
            "p50, ms",
            "p99, ms",
            "resident, MiB",
        ]);
        let mut add = |run: &str, name: String, command: String, keys: [&str; 6]| {
            let values = keys.map(|key| measured.median(run, key).map_or_else(String::new, shown));
            table.add_row([name, format!("`{command}`")].into_iter().chain(values));
        };
        let ours = [
            "drain_per_s",
            "enqueue_32_per_s",
            "batch_enqueue_per_s",
            "p50_ms",
            "p99_ms",
            "rss_mb",
        ];
        let theirs = [
            "drain_per_s",
            "enqueue_c32_per_s",
            "enqueue_batch_per_s",
            "p50_ms",
            "p99_ms",
            "rss_mb",
        ];
        for (run, slots, connections) in [(USUAL, 64, 64), (MANY, 1000, 256)] {
            let command = format!("ekiden bench --slots {slots} --connections {connections}");
            add(run, "Ekiden".to_owned(), command, ours);
        }
        for peer in &PEERS {
            if measured.median(peer.name, "drain_per_s").is_some() {
                let name = format!("{} {}", peer.name, self.version(peer).unwrap_or_default());
                add(peer.name, name, peer.command(), theirs);
            }
        }
        table
    }

    /// How many times the drain of the fastest other system is ours, and whose that is.
    pub(super) fn lead(&self, measured: &Measured) -> Option<(f64, &'static str)> {
        let drain = |run| measured.median(run, "drain_per_s");
        let ours = [USUAL, MANY]
            .into_iter()
            .filter_map(drain)
            .max_by(f64::total_cmp)?;
        let drains = PEERS
            .iter()
            .filter_map(|peer| Some((drain(peer.name)?, peer.name)));
        let (best, name) = drains.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
        Some((ours / best, name))
    }

    fn version(&self, peer: &Peer) -> Option<String> {
        match peer.version {
            Version::Npm(package) => {
                let manifest = format!("node/node_modules/{package}/package.json");
                let manifest = fs::read_to_string(self.work.join(manifest)).ok()?;
                let manifest: Value = serde_json::from_str(&manifest).ok()?;
                Some(manifest["version"].as_str()?.to_owned())
            }
            Version::PyPi(package) => {
                let names = files(&self.work.join("py/lib"))
                    .iter()
                    .flat_map(|python| files(&python.join("site-packages")))
                    .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
                    .collect::<Vec<_>>();
                names.iter().find_map(|name| {
                    let version = name.strip_prefix(package)?.strip_prefix('-')?;
                    version.strip_suffix(".dist-info").map(str::to_owned)
                })
            }
            Version::Cargo(manifest, package) => {
                let manifest = fs::read_to_string(self.folder.join(manifest)).ok()?;
                let line = manifest
                    .lines()
                    .find(|line| line.starts_with(&format!("{package} =")))?;
                let (_, pinned) = line.split_once("\"=")?;
                Some(pinned.split_once('"')?.0.to_owned())
            }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

/// PostgreSQL, RabbitMQ and Redis, as `services.sh` starts them.
struct Shared {
    script: PathBuf,
    base: PathBuf,
    postgres: u16,
    amqp: u16,
    redis: u16,
    epmd: u16,
}

impl Shared {
    fn say(&self, what: &str) -> String {
        let Self {
            script,
            base,
            postgres,
            amqp,
            redis,
            epmd,
        } = self;
        format!(
            "BENCH_BASE={} PGPORT={postgres} AMQP_PORT={amqp} REDIS_PORT={redis} \
             ERL_EPMD_PORT={epmd} RABBIT_NODE=ekiden{amqp}@localhost {} {what} >/dev/null 2>&1",
            base.display(),
            script.display()
        )
    }
}

impl Server for Shared {
    fn end(&self) -> String {
        self.say("stop")
    }

    fn start(&self) -> anyhow::Result<Environment> {
        let status = self.say("start");
        // It says that Redis does not answer where only Redis is missing: who needs it will fail.
        drop(shell(&status));
        let database = format!("postgres://postgres@127.0.0.1:{}", self.postgres);
        let amqp = format!("amqp://guest:guest@127.0.0.1:{}", self.amqp);
        Ok(vec![
            (
                crate::services::DATABASE_URL,
                format!("{database}/postgres"),
            ),
            (crate::services::AMQP_URL, format!("{amqp}/%2f")),
            ("BENCH_PG", database),
            ("AMQP_URL", format!("{amqp}//")),
            ("REDIS_PORT", self.redis.to_string()),
        ])
    }
}
