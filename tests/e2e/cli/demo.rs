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
