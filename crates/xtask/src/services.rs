//! A private PostgreSQL and a private RabbitMQ on free loopback ports, in a temporary directory.
//! Nothing of them outlives this process: a guard shell that holds a pipe from it ends them when
//! the pipe closes, however this process ends.

use anyhow::{Context, bail};
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The variable that names the PostgreSQL under test.
pub(crate) const DATABASE_URL: &str = "EKIDEN_TEST_DATABASE_URL";
/// The variable that names the RabbitMQ under test.
pub(crate) const AMQP_URL: &str = "EKIDEN_TEST_AMQP_URL";
/// The variable that says how to run `rabbitmqctl` against it.
const RABBITMQCTL: &str = "EKIDEN_TEST_RABBITMQCTL";
/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(90);
/// Where Debian keeps RabbitMQ's own scripts; those in `/usr/sbin` change the user first.
const RABBITMQ_BIN: &str = "/usr/lib/rabbitmq/bin";

pub(crate) struct Services {
    environment: Vec<(String, String)>,
    guard: Child,
    _directory: TempDir,
}

impl Services {
    pub(crate) fn start() -> anyhow::Result<Self> {
        if postgres_bin().is_none() || !Path::new(RABBITMQ_BIN).exists() {
            install()?;
        }
        let postgres_bin = postgres_bin().context("install the packages postgresql")?;
        let directory = tempfile::Builder::new().prefix("ekiden-test-").tempdir()?;
        let root = directory.path();
        // PostgreSQL runs as another user where this one is root.
        fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
        let postgres = Postgres {
            bin: postgres_bin,
            data: root.join("postgres"),
            port: free_port()?,
        };
        let rabbit = Rabbit::new(&root.join("rabbit"))?;
        let guard = guard(&postgres, &rabbit, root)?;
        postgres.start()?;
        rabbit.start()?;
        let environment = vec![
            (
                DATABASE_URL.to_owned(),
                format!("postgres://postgres@127.0.0.1:{}/postgres", postgres.port),
            ),
            (
                AMQP_URL.to_owned(),
                format!("amqp://guest:guest@127.0.0.1:{}/%2f", rabbit.port),
            ),
            (RABBITMQCTL.to_owned(), rabbit.control()),
        ];
        Ok(Self {
            environment,
            guard,
            _directory: directory,
        })
    }

    pub(crate) fn environment(&self) -> Vec<(String, String)> {
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

/// Waits for its standard input to close, then ends both servers and removes what they wrote.
fn guard(postgres: &Postgres, rabbit: &Rabbit, root: &Path) -> anyhow::Result<Child> {
    let script = format!(
        "trap '' INT TERM HUP; read -r _; \
         {} stop -m immediate >/dev/null 2>&1; \
         {} -q stop >/dev/null 2>&1; \
         for _ in 1 2 3 4 5 6 7 8 9 10; do \
             epmd -port {} -kill 2>&1 | grep -q Killed && break; sleep 0.5; \
         done; rm -rf {}",
        postgres.control(),
        rabbit.control(),
        rabbit.epmd_port,
        root.display()
    );
    Command::new("sh")
        .args(["-c", &script])
        .current_dir("/")
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start the guard")
}

struct Postgres {
    bin: PathBuf,
    data: PathBuf,
    port: u16,
}

impl Postgres {
    /// The shell words that run `pg_ctl` on this cluster.
    fn control(&self) -> String {
        let user = if is_root() {
            "runuser -u postgres -- "
        } else {
            ""
        };
        format!(
            "{user}{}/pg_ctl -D {}",
            self.bin.display(),
            self.data.display()
        )
    }

    fn start(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.data)?;
        if is_root() {
            shell(&format!("chown postgres {}", self.data.display()))?;
        }
        shell(&format!(
            "{} -s initdb -o '-U postgres -A trust -E UTF8 --locale=C.UTF-8'",
            self.control()
        ))?;
        let settings = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c max_connections=400",
            self.port,
            self.data.display()
        );
        let log = self.data.join("server.log");
        shell(&format!(
            "{} -s -w -l {} -o '{settings}' start",
            self.control(),
            log.display()
        ))
    }
}

struct Rabbit {
    base: PathBuf,
    port: u16,
    distribution_port: u16,
    epmd_port: u16,
}

impl Rabbit {
    fn new(base: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            base: base.to_owned(),
            port: free_port()?,
            distribution_port: free_port()?,
            epmd_port: free_port()?,
        })
    }

    /// The shell words that set this node's environment.
    fn node(&self) -> String {
        let base = self.base.display();
        format!(
            "env HOME={base} RABBITMQ_NODENAME=ekiden{port}@localhost \
             RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT={port} \
             RABBITMQ_DIST_PORT={distribution} RABBITMQ_BASE={base} \
             RABBITMQ_MNESIA_BASE={base}/mnesia RABBITMQ_LOG_BASE={base}/log \
             RABBITMQ_ENABLED_PLUGINS_FILE={base}/enabled_plugins \
             RABBITMQ_CONFIG_FILE={base}/rabbitmq RABBITMQ_CONF_ENV_FILE={base}/rabbitmq-env.conf \
             ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT={epmd} \
             RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {{127,0,0,1}}'",
            port = self.port,
            distribution = self.distribution_port,
            epmd = self.epmd_port,
        )
    }

    fn control(&self) -> String {
        format!("{} {RABBITMQ_BIN}/rabbitmqctl", self.node())
    }

    fn start(&self) -> anyhow::Result<()> {
        fs::create_dir_all(self.base.join("log"))?;
        fs::create_dir_all(self.base.join("mnesia"))?;
        fs::write(self.base.join("enabled_plugins"), "[].")?;
        fs::write(self.base.join("rabbitmq-env.conf"), "")?;
        fs::write(
            self.base.join("rabbitmq.conf"),
            format!(
                "loopback_users = none\nlisteners.tcp.1 = 127.0.0.1:{}\n",
                self.port
            ),
        )?;
        let log = self.base.join("log/start");
        shell(&format!(
            "cd {} && setsid {} {RABBITMQ_BIN}/rabbitmq-server >{} 2>&1 </dev/null &",
            self.base.display(),
            self.node(),
            log.display()
        ))?;
        let give_up = Instant::now() + PATIENCE;
        while shell(&format!(
            "{} -q await_startup --timeout 5 >/dev/null 2>&1",
            self.control()
        ))
        .is_err()
        {
            if Instant::now() >= give_up {
                bail!(
                    "RabbitMQ did not start:\n{}",
                    fs::read_to_string(log).unwrap_or_default()
                );
            }
            thread::sleep(Duration::from_millis(500));
        }
        Ok(())
    }
}

fn shell(line: &str) -> anyhow::Result<()> {
    let status = Command::new("sh")
        .args(["-c", line])
        .current_dir("/")
        .status()?;
    if !status.success() {
        bail!("failed: {line}");
    }
    Ok(())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The newest PostgreSQL's binaries, where Debian keeps them.
fn postgres_bin() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop()
}

fn install() -> anyhow::Result<()> {
    let how = "install the packages postgresql and rabbitmq-server, or set \
               EKIDEN_TEST_DATABASE_URL and EKIDEN_TEST_AMQP_URL";
    if !is_root() || !Path::new("/usr/bin/apt-get").exists() {
        bail!("no PostgreSQL or RabbitMQ found: {how}");
    }
    println!("installing the packages postgresql and rabbitmq-server");
    // The packages would start servers of their own; a policy that says no keeps them down.
    let policy = Path::new("/usr/sbin/policy-rc.d");
    let is_ours = !policy.exists();
    if is_ours {
        fs::write(policy, "#!/bin/sh\nexit 101\n")?;
        fs::set_permissions(policy, fs::Permissions::from_mode(0o755))?;
    }
    let installed = shell(
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
         apt-get install -y -qq postgresql rabbitmq-server >/dev/null",
    );
    if is_ours {
        fs::remove_file(policy)?;
    }
    installed.context(how)
}
