//! The servers in containers, where a Docker engine answers.

use super::{
    AMQP_URL, DATABASE_URL, Environment, POSTGRES_COPY, Purpose, RABBITMQCTL, Server, await_shell,
    shell,
};
use anyhow::{Context, bail};
use std::{
    process::{self, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long the engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a Docker engine answers.
pub(super) fn answers() -> bool {
    let asked = Command::new("docker")
        .arg("info")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut asked) = asked else {
        return false;
    };
    let give_up = Instant::now() + PATIENCE;
    while Instant::now() < give_up {
        if let Ok(Some(status)) = asked.try_wait() {
            return status.success();
        }
        thread::sleep(Duration::from_millis(50));
    }
    // One that cannot be killed has ended already.
    drop(asked.kill());
    drop(asked.wait());
    false
}

/// A server in a container, on a loopback port that Docker picks.
pub(super) struct Container {
    name: String,
    /// The user whom the image runs the server as.
    user: &'static str,
    port: u16,
    /// The shell words that follow the options of `docker run`.
    image: String,
    /// The shell words that succeed inside it once it serves.
    is_ready: &'static str,
    /// How tests reach it at this address.
    environment: fn(name: &str, address: &str) -> Environment,
}

impl Container {
    pub(super) fn postgres(purpose: Purpose) -> Self {
        Self {
            name: format!("ekiden-test-postgres-{}", process::id()),
            user: "postgres",
            port: 5432,
            image: format!(
                "-e POSTGRES_HOST_AUTH_METHOD=trust postgres:15 {}",
                purpose.of_postgres()
            ),
            // By TCP: the server that prepares the data directory listens on a socket only.
            is_ready: "pg_isready -h 127.0.0.1 -U postgres",
            environment: |name, address| {
                let url = format!("postgres://postgres@{address}/postgres");
                let copy = format!(
                    "docker exec -e FROM -e TO {name} sh -c 'pg_dump -U postgres \"$FROM\" \
                     | psql -U postgres -q -v ON_ERROR_STOP=1 \"$TO\" >/dev/null'"
                );
                vec![(DATABASE_URL, url), (POSTGRES_COPY, copy)]
            },
        }
    }

    pub(super) fn rabbitmq(purpose: Purpose) -> Self {
        let (timeout, tick) = purpose.of_rabbitmq();
        let configure = format!(
            "echo consumer_timeout = {timeout} >/etc/rabbitmq/conf.d/20-test.conf; \
             echo \"[{{rabbit, [{{channel_tick_interval, {tick}}}]}}].\" \
             >/etc/rabbitmq/advanced.config; \
             exec docker-entrypoint.sh rabbitmq-server"
        );
        Self {
            name: format!("ekiden-test-rabbitmq-{}", process::id()),
            user: "rabbitmq",
            port: 5672,
            image: format!("rabbitmq:3 sh -c '{configure}'"),
            is_ready: "rabbitmqctl -q await_startup --timeout 5",
            environment: |name, address| {
                let url = format!("amqp://guest:guest@{address}/%2f");
                let control = format!("docker exec -u rabbitmq {name} rabbitmqctl");
                vec![(AMQP_URL, url), (RABBITMQCTL, control)]
            },
        }
    }

    /// Where its port is published.
    fn address(&self) -> anyhow::Result<String> {
        let output = Command::new("docker")
            .args(["port", &self.name, &self.port.to_string()])
            .output()?;
        let told = String::from_utf8(output.stdout)?;
        let address = told.lines().next().context("docker published no port")?;
        Ok(address.to_owned())
    }
}

impl Server for Container {
    fn end(&self) -> String {
        format!("docker rm -f -v {} >/dev/null 2>&1", self.name)
    }

    fn start(&self) -> anyhow::Result<Environment> {
        let Self {
            name,
            user,
            port,
            image,
            is_ready,
            environment,
        } = self;
        shell(&format!(
            "docker run -d --rm --name {name} -p 127.0.0.1::{port} {image} >/dev/null"
        ))?;
        // As the server's user: what root's tools leave behind, the server could not read.
        if !await_shell(&format!("docker exec -u {user} {name} {is_ready}")) {
            bail!("the container {name} ({image}) did not start");
        }
        Ok(environment(name, &self.address()?))
    }
}
