//! A worker that hears the broker, and of the database nothing.

use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, production, until, until_status},
};
use ekiden_tests::proxy::Way;

/// Whoever waits for an answer of the database, or for what was lost to be found, waits for longer than
/// the test does.
const SETTINGS: &str = "
[worker]
worker_timeout = \"2s\"
[database]
timeout = \"5m\"
[reconcile]
period = \"1h\"
";

fn playing(roles: &[&'static str], plan: Plan) -> Plan {
    let plan = Plan {
        settings: format!("{SETTINGS}{}", plan.settings),
        ..plan
    };
    plan.with_roles(roles)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hears_only_the_broker_takes_nothing_until_its_database_is_back() {
    production(async |world: &World| {
        let front = playing(&["enqueue", "list"], Plan::default());
        let client = world.serve(front).await;
        let enqueue = async |payload| {
            let path = UNVERSIONED.invoke("f");
            let accepted = client.client.post(&path, &[], payload).await;
            assert_eq!(accepted.status, 202);
            accepted.request_id().to_owned()
        };
        let (proxy, plan) = world.behind_a_proxy(Way::Open).await;
        let silenced = world.serve(playing(&["worker"], plan)).await;
        let held = enqueue("hang").await;
        until("the call", async || world.functions.calls_of(&held).pop()).await;
        let worker = playing(&["worker"], Plan::default());
        let mut other = world.serve(worker).await;

        proxy.set(Way::Silent);
        // Both are listening: the broker gives each its share.
        let mut waiting = Vec::new();
        for _ in 0..20 {
            waiting.push(enqueue("").await);
        }
        for id in &waiting {
            until_status(&client.client, id, "Succeeded").await;
        }
        until("the second call", async || {
            (world.functions.calls_of(&held).len() == 2).then_some(())
        })
        .await;
        assert!(silenced.log().contains("nothing is taken until it is back"));

        other.kill();
        proxy.set(Way::Open);
        let last = enqueue("").await;
        until_status(&client.client, &last, "Succeeded").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_off_from_a_silent_database_is_cancelled_where_that_is_asked_for() {
    production(async |world: &World| {
        let (proxy, mut plan) = world.behind_a_proxy(Way::Open).await;
        plan.environment
            .push(("EKIDEN__WORKER__ON_DATABASE_LOSS", "cancel".to_owned()));
        let server = world
            .serve(playing(&["enqueue", "list", "worker"], plan))
            .await;
        let path = UNVERSIONED.invoke("f");
        let accepted = server.client.post(&path, &[], "hang").await;
        let id = accepted.request_id();
        until("the call", async || world.functions.calls_of(id).pop()).await;
        proxy.set(Way::Silent);
        let ended = until("its end", async || {
            let call = world.functions.calls_of(id).pop()?;
            call.ended.map(|_| call)
        });
        assert!(!ended.await.answered);
    })
    .await;
}
