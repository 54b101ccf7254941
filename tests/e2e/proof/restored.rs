//! A platform that is gone, and what its backup brings back.

use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, run_sql, until, until_status, variable},
};
use tokio::process::Command;

both_stacks! {
    what_a_backup_of_a_running_platform_holds_goes_on_with_an_empty_broker,
}

/// How many tasks wait.
const WAITING: usize = 20;

const SETTINGS: &str = "
[worker]
slots = 2
worker_timeout = \"2s\"
[reconcile]
period = \"1s\"
";

/// Backs up the database while it is in use, and restores it beside; its URL.
async fn copy(world: &World) -> String {
    if world.broker.is_none() {
        let copy = world.path().join("restored.db");
        world
            .sql(&format!("VACUUM INTO '{}'", copy.display()))
            .await;
        return format!("sqlite://{}", copy.display());
    }
    let (server, name) = world.database_url.rsplit_once('/').unwrap();
    let copy = format!("{name}_restored");
    run_sql(&world.database_url, &format!("CREATE DATABASE {copy}")).await;
    let copied = Command::new("sh")
        .args(["-c", &variable("EKIDEN_TEST_POSTGRES_COPY")])
        .env("FROM", name)
        .env("TO", &copy)
        .status()
        .await;
    assert!(copied.unwrap().success());
    format!("{server}/{copy}")
}

async fn what_a_backup_of_a_running_platform_holds_goes_on_with_an_empty_broker(world: &World) {
    let mut plan = Plan {
        settings: SETTINGS.to_owned(),
        ..Plan::default()
    };
    let mut lost = world.serve(plan.clone()).await;
    let enqueue = async |id: &str, payload: &'static str, delay: &str| {
        let headers = [("x-fc-async-task-id", id), ("x-fc-async-delay", delay)];
        let path = UNVERSIONED.invoke("f");
        let accepted = lost.client.post(&path, &headers, payload).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
    };
    let calls = |id: &str| world.functions.calls_of(id).len();
    enqueue("ended", "", "0").await;
    until_status(&lost.client, "ended", "Succeeded").await;
    let running = ["running-1", "running-2"];
    for id in running {
        enqueue(id, "hang", "0").await;
        until("the call", async || (calls(id) == 1).then_some(())).await;
    }
    // Both slots are taken.
    let waiting: Vec<_> = (0..WAITING).map(|n| format!("waiting-{n}")).collect();
    for id in &waiting {
        enqueue(id, "", "0").await;
    }
    enqueue("delayed", "", "3600").await;

    let database = copy(world).await;
    lost.kill();
    world.functions.release();
    plan.environment = vec![("DATABASE_URL", database.clone())];
    if let Some((_, prefix)) = &world.broker {
        let prefix = format!("{prefix}_empty");
        plan.environment.push(("EKIDEN__BROKER__PREFIX", prefix));
    }
    let restored = world.serve(plan).await;
    let client = &restored.client;
    for id in &waiting {
        until_status(client, id, "Succeeded").await;
        assert_eq!(calls(id), 1, "{id}");
    }
    for id in running {
        until_status(client, id, "Succeeded").await;
        assert_eq!(calls(id), 2, "{id}");
    }
    until_status(client, "delayed", "Enqueued").await;
    let list = format!("{}?status=Succeeded&limit=100", UNVERSIONED.list("f"));
    let listed = client.get(&list).await.json();
    let listed = listed["invocations"].as_array().unwrap().len();
    assert_eq!(listed, 1 + running.len() + WAITING);
    assert_eq!(calls("ended"), 1);
    drop(restored);
    if world.broker.is_some() {
        let name = database.rsplit_once('/').unwrap().1;
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        run_sql(&world.database_url, &drop).await;
    }
}
