//! Where the platform lives: a database and a virtual host of its own, and what can be done to them.

use crate::record::{Failure, Row};
use ekiden_domain::Status;
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection, Row as _};
use std::{collections::HashMap, process::Command, time::Duration};
use uuid::Uuid;

/// The variable that says how to restart PostgreSQL as in a crash.
pub(crate) const POSTGRES_RESTART: &str = "EKIDEN_TEST_POSTGRES_RESTART";
/// How long PostgreSQL may take to come back.
const PATIENCE: Duration = Duration::from_secs(60);

/// A database and a virtual host, removed by [`Place::remove`].
#[derive(Debug)]
pub(crate) struct Place {
    server: String,
    name: String,
    amqp: String,
}

pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask chaos`"))
}

/// Runs a line in a shell.
pub(crate) async fn shell(line: String) {
    let run = {
        let line = line.clone();
        move || Command::new("sh").args(["-c", &line]).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {told}");
}

/// Runs `rabbitmqctl` on the broker under test.
pub(crate) async fn rabbitmqctl(arguments: &str) {
    let control = variable("EKIDEN_TEST_RABBITMQCTL");
    shell(format!("{control} -q {arguments}")).await;
}

impl Place {
    pub(crate) async fn make() -> Self {
        let place = Self {
            server: variable("EKIDEN_TEST_DATABASE_URL"),
            name: format!("chaos_{}", Uuid::new_v4().simple()),
            amqp: variable("EKIDEN_TEST_AMQP_URL"),
        };
        let make = format!("CREATE DATABASE {}", place.name);
        let mut connection = PgConnection::connect(&place.server).await.unwrap();
        connection.execute(sqlx::AssertSqlSafe(make)).await.unwrap();
        place.make_broker().await;
        place
    }

    pub(crate) async fn remove(&self) {
        let remove = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        connection
            .execute(sqlx::AssertSqlSafe(remove))
            .await
            .unwrap();
        rabbitmqctl(&format!("delete_vhost {}", self.name)).await;
    }

    /// The database's URL, by way of `address` where one is given.
    pub(crate) fn database_url(&self, address: Option<&str>) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap();
        format!("{}/{}", through(server, address), self.name)
    }

    /// The broker's URL, by way of `address`.
    pub(crate) fn amqp_url(&self, address: &str) -> String {
        let (server, _) = self.amqp.rsplit_once('/').unwrap();
        format!("{}/{}", through(server, Some(address)), self.name)
    }

    /// Where PostgreSQL and RabbitMQ listen: `host:port`.
    pub(crate) fn servers(&self) -> [String; 2] {
        [&self.server, &self.amqp].map(|url| {
            let (start, _) = url.rsplit_once('/').unwrap();
            start.rsplit_once('@').unwrap().1.to_owned()
        })
    }

    async fn make_broker(&self) {
        let user = self.amqp.split_once("://").unwrap().1;
        let user = user.split([':', '@']).next().unwrap();
        let name = &self.name;
        rabbitmqctl(&format!("add_vhost {name}")).await;
        rabbitmqctl(&format!("set_permissions -p {name} {user} '.*' '.*' '.*'")).await;
    }

    /// All that the broker has is gone, and everybody is thrown out.
    pub(crate) async fn wipe_broker(&self) {
        rabbitmqctl(&format!("delete_vhost {}", self.name)).await;
        self.make_broker().await;
    }

    /// PostgreSQL ends as in a crash, and starts again.
    pub(crate) async fn restart_database(&self) {
        shell(variable(POSTGRES_RESTART)).await;
        let back = async {
            while PgConnection::connect(&self.server).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, back).await.unwrap();
    }

    async fn ask<T>(&self, sql: &'static str, read: impl Fn(sqlx::postgres::PgRow) -> T) -> Vec<T> {
        let url = self.database_url(None);
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
        rows.into_iter().map(read).collect()
    }

    /// The whole state table.
    pub(crate) async fn rows(&self) -> Vec<Row> {
        let failures = "SELECT CAST(request_id AS TEXT) AS request_id, number,
                               CAST(worker AS TEXT) AS worker, error, error_message
                        FROM attempts WHERE fault_kind IS NOT NULL";
        let failures = self.ask(failures, |row| {
            let failure = Failure {
                attempt: row.get("number"),
                worker: row.get("worker"),
                error: row.get("error"),
                message: row.get("error_message"),
            };
            (row.get::<String, _>("request_id"), failure)
        });
        let mut by_id: HashMap<String, Vec<Failure>> = HashMap::new();
        for (id, failure) in failures.await {
            by_id.entry(id).or_default().push(failure);
        }
        let rows = "SELECT CAST(request_id AS TEXT) AS request_id, invocation_id, status, lease,
                           attempts, events FROM invocations";
        let mut rows = self.ask(rows, read_row).await;
        for row in &mut rows {
            row.failures = by_id.remove(&row.request_id).unwrap_or_default();
        }
        rows
    }

    /// How each that has ended did.
    pub(crate) async fn ends(&self) -> HashMap<String, Status> {
        let ends = "SELECT invocation_id, status FROM invocations_history";
        let ends = self.ask(ends, |row| (row.get("invocation_id"), status(&row)));
        ends.await.into_iter().collect()
    }

    /// What has not ended and is due: its id, the name of the worker that has it, and its version.
    pub(crate) async fn live(&self, now: i64) -> Vec<Live> {
        let live = "SELECT live.invocation_id, live.lease, live.status, live.due_at, workers.name
                    FROM live_invocations live LEFT JOIN workers ON workers.id = live.worker
                        AND live.claimed_at IS NOT NULL";
        let live = self.ask(live, |row| {
            let live = Live {
                id: row.get("invocation_id"),
                worker: row.get("name"),
                version: (row.get("lease"), status(&row)),
            };
            (row.get::<Option<i64>, _>("due_at"), live)
        });
        let is_due =
            |(due, live): (Option<i64>, Live)| due.is_none_or(|due| due <= now).then_some(live);
        live.await.into_iter().filter_map(is_due).collect()
    }

    /// The ids of the workers of this process.
    pub(crate) async fn workers(&self, pid: u32) -> Vec<String> {
        let workers = "SELECT CAST(id AS TEXT) AS id, name FROM workers";
        let workers = self.ask(workers, |row| (row.get("id"), row.get("name")));
        let workers = workers.await.into_iter();
        let of_process = |(_, name): &(String, String)| is_of_process(name, pid);
        workers.filter(of_process).map(|(id, _)| id).collect()
    }
}

/// A row that has not ended.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) id: String,
    pub(crate) worker: Option<String>,
    pub(crate) version: (i64, Status),
}

/// Workers are named by host and process.
pub(crate) fn is_of_process(name: &str, pid: u32) -> bool {
    name.rsplit_once(':')
        .is_some_and(|(_, id)| id == pid.to_string())
}

fn through(server: &str, address: Option<&str>) -> String {
    let (user, usual) = server.rsplit_once('@').unwrap();
    format!("{user}@{}", address.unwrap_or(usual))
}

fn status(row: &sqlx::postgres::PgRow) -> Status {
    Status::from_code(row.get("status")).unwrap()
}

fn read_row(row: sqlx::postgres::PgRow) -> Row {
    let events: Vec<Vec<Value>> = serde_json::from_str(row.get("events")).unwrap();
    let event = |event: &Vec<Value>| {
        let status = event[1].as_str().unwrap().parse().unwrap();
        (event[0].as_i64().unwrap(), status)
    };
    Row {
        id: row.get("invocation_id"),
        request_id: row.get("request_id"),
        status: status(&row),
        lease: row.get("lease"),
        attempts: row.get("attempts"),
        events: events.iter().map(event).collect(),
        failures: Vec::new(),
    }
}
