//! An installed RabbitMQ, with a node and an epmd of its own.

use super::{AMQP_URL, Environment, Purpose, RABBITMQCTL, Server, await_shell, free_port, shell};
use anyhow::bail;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where Debian keeps RabbitMQ's own scripts; those in `/usr/sbin` change the user first.
const BIN: &str = "/usr/lib/rabbitmq/bin";

pub(super) struct Rabbit {
    base: PathBuf,
    port: u16,
    distribution_port: u16,
    epmd_port: u16,
    purpose: Purpose,
}

impl Rabbit {
    pub(super) fn new(root: &Path, purpose: Purpose) -> anyhow::Result<Self> {
        Ok(Self {
            base: root.join("rabbit"),
            port: free_port()?,
            distribution_port: free_port()?,
            epmd_port: free_port()?,
            purpose,
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
             RABBITMQ_ADVANCED_CONFIG_FILE={base}/advanced.config \
             ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT={epmd} \
             RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {{127,0,0,1}}'",
            port = self.port,
            distribution = self.distribution_port,
            epmd = self.epmd_port,
        )
    }

    fn control(&self) -> String {
        format!("{} {BIN}/rabbitmqctl", self.node())
    }

    fn configure(&self) -> anyhow::Result<()> {
        fs::create_dir_all(self.base.join("log"))?;
        fs::create_dir_all(self.base.join("mnesia"))?;
        let (timeout, tick) = self.purpose.of_rabbitmq();
        let settings = format!(
            "loopback_users = none\nlisteners.tcp.1 = 127.0.0.1:{}\nconsumer_timeout = {timeout}\n",
            self.port
        );
        let advanced = format!("[{{rabbit, [{{channel_tick_interval, {tick}}}]}}].");
        for (file, content) in [
            ("enabled_plugins", "[]."),
            ("rabbitmq-env.conf", ""),
            ("rabbitmq.conf", &settings),
            ("advanced.config", &advanced),
        ] {
            fs::write(self.base.join(file), content)?;
        }
        Ok(())
    }
}

impl Server for Rabbit {
    fn end(&self) -> String {
        // The epmd refuses to end while a node is registered with it.
        format!(
            "{} -q stop >/dev/null 2>&1; \
             for _ in 1 2 3 4 5 6 7 8 9 10; do \
                 epmd -port {} -kill 2>&1 | grep -q Killed && break; sleep 0.5; \
             done",
            self.control(),
            self.epmd_port
        )
    }

    fn start(&self) -> anyhow::Result<Environment> {
        self.configure()?;
        let log = self.base.join("log/start");
        shell(&format!(
            "cd {} && setsid {} {BIN}/rabbitmq-server >{} 2>&1 </dev/null &",
            self.base.display(),
            self.node(),
            log.display()
        ))?;
        if !await_shell(&format!("{} -q await_startup --timeout 5", self.control())) {
            let told = fs::read_to_string(log).unwrap_or_default();
            bail!("RabbitMQ did not start:\n{told}");
        }
        let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port);
        Ok(vec![(AMQP_URL, url), (RABBITMQCTL, self.control())])
    }
}

pub(super) fn is_installed() -> bool {
    Path::new(BIN).exists()
}
