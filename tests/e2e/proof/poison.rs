//! A task that kills whoever runs it.

use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, production, until_record, until_status},
};

/// How many neighbours it has.
const NEIGHBOURS: usize = 20;
/// How often it is tried.
const ATTEMPTS: usize = 3;

const SETTINGS: &str = "
[worker]
worker_timeout = \"2s\"
";

/// A command's parent is its guard, and the guard's the worker.
const FUNCTIONS: &str = r#"
[[function]]
service = "default"
name = "poison"
target = { command = ["sh", "-c", "read -r _ _ _ worker _ < /proc/$PPID/stat; kill -9 $worker; sleep 60"] }
async = { max_retries = 2, retry_base = "20ms", retry_max = "50ms" }

[[function]]
service = "default"
name = "f"
target = { http = "@" }
async = { max_retries = 8, retry_base = "20ms", retry_max = "50ms" }
"#;

fn plan(roles: &[&'static str]) -> Plan {
    let plan = Plan {
        settings: SETTINGS.to_owned(),
        functions: FUNCTIONS.to_owned(),
        ..Plan::default()
    };
    plan.with_roles(roles)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_kills_its_worker_fails_after_its_retries_and_its_neighbours_succeed() {
    production(async |world: &World| {
        let front = world.serve(plan(&["enqueue", "list"])).await;
        let enqueue = async |function, payload| {
            let path = UNVERSIONED.invoke(function);
            let accepted = front.client.post(&path, &[], payload).await;
            assert_eq!(accepted.status, 202);
            accepted.request_id().to_owned()
        };
        let mut neighbours = Vec::new();
        for _ in 0..NEIGHBOURS {
            neighbours.push(enqueue("f", "sleep 100").await);
        }
        let poison = enqueue("poison", "").await;
        // Somebody starts each worker again, as an init system does.
        for _ in 0..ATTEMPTS {
            let mut worker = world.start(plan(&["worker"])).await;
            worker.exit().await;
        }
        let _worker = world.serve(plan(&["worker"])).await;
        let is_failed = |record: &serde_json::Value| record["status"] == "Failed";
        let failed = until_record(&front.client, ("poison", &poison), is_failed).await;
        assert_eq!(failed["alreadyRetriedTimes"], ATTEMPTS - 1);
        let message = failed["invocationErrorMessage"].as_str().unwrap();
        assert!(message.contains("WorkerLost"), "{message}");
        for id in neighbours {
            until_status(&front.client, &id, "Succeeded").await;
        }
    })
    .await;
}
