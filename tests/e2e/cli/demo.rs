//! `ekiden demo`: the first thing that anybody runs.

use crate::world::{World, embedded};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_every_final_status_and_exits_with_0() {
    embedded(async |world: &World| {
        let said = world.run(&["demo", "--exit"]).await;
        assert_eq!(said.code, 0, "{said:?}");
        let (story, table) = said.out.split_once("ID ").unwrap();
        for status in ["Succeeded", "Failed", "Stopped", "Expired", "Invalid"] {
            assert!(
                story.contains(status) && table.contains(status),
                "{status}: {said:?}"
            );
        }
        for status in ["Enqueued", "Dequeued", "Running", "Retrying", "Stopping"] {
            assert!(story.contains(status), "{status}: {said:?}");
        }
        for hint in [
            "curl",
            "X-Fc-Invocation-Type: Async",
            "/metrics",
            "listens on http://",
            "in a browser: http://",
        ] {
            assert!(said.out.contains(hint), "{hint}: {said:?}");
        }
        assert!(!said.err.contains("ERROR"), "{said:?}");
        assert!(
            !world.path().join("ekiden-data").exists(),
            "it leaves nothing behind"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_the_demos_tasks_is_one_json_object() {
    embedded(async |world: &World| {
        let told = world.run(&["demo", "--exit", "--json"]).await.json();
        assert_eq!(told["asExpected"], true, "{told}");
        let endpoint = told["endpoint"].as_str().unwrap();
        assert!(endpoint.starts_with("http://"), "{told}");
        let tasks = told["tasks"].as_array().unwrap();
        let ended = tasks.iter().map(|task| task["status"].as_str().unwrap());
        let ended: std::collections::BTreeSet<_> = ended.collect();
        let each = ["Expired", "Failed", "Invalid", "Stopped", "Succeeded"];
        assert!(ended.into_iter().eq(each), "{told}");
    })
    .await;
}
