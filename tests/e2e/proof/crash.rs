//! Ten thousand tasks, and a process that is killed among them.

use super::{
    ledger::{audit, entries, listed, until_ended},
    load::{Way, enqueue},
};
use crate::{
    server::Server,
    world::{Plan, World, embedded, production, until},
};
use sqlx::{Connection, PgConnection};
use std::sync::{Arc, atomic::Ordering};

const TASKS: usize = 10_000;
/// Some hang, so that whoever is killed is in the middle of something.
const HANGING: usize = 16;

const SETTINGS: &str = "
[worker]
slots = 64
worker_timeout = \"2s\"
";

/// One function, quick and patient with workers that die.
const FUNCTION: &str = r#"
[[function]]
service = "default"
name = "f"
target = { http = "@" }
async = { max_retries = 8, retry_base = "20ms", retry_max = "100ms" }
"#;

fn plan(roles: &[&'static str]) -> Plan {
    let plan = Plan {
        settings: SETTINGS.to_owned(),
        functions: FUNCTION.to_owned(),
        ..Plan::default()
    };
    plan.with_roles(roles)
}

fn ids(kind: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{kind}-{number}"))
        .collect()
}

/// A payload of 1 KiB that begins with these words.
fn kilobyte(words: &str) -> bytes::Bytes {
    format!("{words:<1024}").into()
}

/// Enqueues the tasks: first those that hang, then the many.
async fn produce(way: Arc<Way>) {
    enqueue(Arc::clone(&way), ids("hanging", HANGING), kilobyte("hang")).await;
    enqueue(way, ids("task", TASKS), kilobyte("sleep 2")).await;
}

async fn until_answered(world: &World, count: usize) {
    until("the functions to answer", async || {
        (world.functions.answered() >= count).then_some(())
    })
    .await;
}

/// Waits for the end of everything and compares what everybody has to say.
async fn check(world: &World, endpoint: &str) {
    until_ended(world, TASKS + HANGING).await;
    let all = [ids("hanging", HANGING), ids("task", TASKS)].concat();
    let (entries, listed) = (entries(world).await, listed(world, endpoint).await);
    let lost = audit(&all, &entries, &listed, &world.functions.calls_by_id());
    assert!(lost > 0, "somebody was in the middle of something");
}

/// Which of these processes runs one of the tasks that hang.
async fn who_hangs(world: &World, workers: &[Server]) -> usize {
    let mut connection = PgConnection::connect(&world.database_url).await.unwrap();
    let name = "SELECT workers.name FROM live_invocations
                JOIN workers ON workers.id = live_invocations.worker
                WHERE invocation_id LIKE 'hanging-%' AND status = 2 LIMIT 1";
    let name: String = sqlx::query_scalar(name)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let pid = name.rsplit_once(':').unwrap().1;
    workers
        .iter()
        .position(|worker| worker.pid().to_string() == pid)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_task_is_lost_with_one_of_two_workers() {
    production(async |world: &World| {
        let front = world.serve(plan(&["enqueue", "list"])).await;
        let worker = plan(&["worker"]);
        let mut workers = [world.serve(worker.clone()).await, world.serve(worker).await];
        let way = Way::to(&front.client);
        let producing = tokio::spawn(produce(way));
        until_answered(world, TASKS / 3).await;
        let one = who_hangs(world, &workers).await;
        workers[one].kill();
        world.functions.release();
        producing.await.unwrap();
        check(world, &front.client.endpoint).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_task_is_lost_with_the_only_process() {
    embedded(async |world: &World| {
        let mut server = world.serve(plan(&[])).await;
        let way = Way::to(&server.client);
        let producing = tokio::spawn(produce(Arc::clone(&way)));
        // Producers are in the middle of it too.
        until("half of the tasks to be accepted", async || {
            (way.accepted.load(Ordering::Relaxed) >= TASKS / 2).then_some(())
        })
        .await;
        until_answered(world, 100).await;
        server.kill();
        world.functions.release();
        let server = world.serve(plan(&[])).await;
        *way.client.lock().unwrap() = server.client.clone();
        producing.await.unwrap();
        check(world, &server.client.endpoint).await;
    })
    .await;
}
