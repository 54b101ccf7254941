//! A function whose result another takes, and a receiver at the end.

use super::{
    function, native,
    receiver::{Mood, Receiver, SECRETS},
    until_delivery,
};
use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, production, run_sql, until, until_record},
};
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};

both_stacks! {
    a_chain_ends_at_a_webhook,
    a_chain_that_calls_itself_ends,
}

/// `a` leads to `b`, and `b` to a webhook.
fn plan(receiver: &Receiver, arguments: &[&'static str]) -> Plan {
    let a = function(
        "a",
        r#"on_success = "acs:fc:::services/default.LATEST/functions/b""#,
    );
    let b = function("b", &format!("on_success = \"{}\"", receiver.url));
    Plan {
        arguments: [&["--migrate"], arguments].concat(),
        settings: format!("[webhooks]\nsecrets = {SECRETS:?}\ntimeout = \"1s\"\n"),
        functions: a + &b,
        ..Plan::default()
    }
}

/// What `b` was given, and told the receiver: the story of both.
fn check(receiver: &Receiver, source: &str) -> Value {
    let got = receiver.got();
    let told = got.last().unwrap().verified();
    assert_eq!(
        told["requestContext"]["functionArn"],
        "acs:fc:::functions/b"
    );
    assert_eq!(told["responseContext"]["statusCode"], 200);
    let given: Value = serde_json::from_str(told["requestPayload"].as_str().unwrap()).unwrap();
    assert_eq!(given["requestContext"]["requestId"], source);
    assert_eq!(
        given["requestContext"]["functionArn"],
        "acs:fc:::functions/a"
    );
    assert_eq!(
        (&given["requestPayload"], &given["responsePayload"]),
        (&"in".into(), &"in".into())
    );
    told
}

async fn a_chain_ends_at_a_webhook(world: &World) {
    let receiver = Receiver::start(Mood::Fine).await;
    let server = world.serve(plan(&receiver, &[])).await;
    let accepted = server
        .client
        .post(&UNVERSIONED.invoke("a"), &[], "in")
        .await;
    let source = accepted.request_id();
    let is_done = |record: &Value| record["destinationStatus"] == "Succeeded";
    until_record(&server.client, ("a", source), is_done).await;
    let chained = format!("after-{source}");
    let ended = until_record(&server.client, ("b", &chained), is_done).await;
    assert_eq!(ended["status"], "Succeeded");
    let told = check(&receiver, source);
    assert_eq!(told["requestContext"]["requestId"], ended["requestId"]);
    let got = receiver.got();
    assert_eq!(got.len(), 1);
    assert_eq!(
        got[0].id,
        format!("msg_{}", ended["requestId"].as_str().unwrap())
    );
    let delivery = until_delivery(&server.client, ("a", source), |_| true).await;
    let body = delivery["answer"]["body"].as_str().unwrap();
    assert_eq!(
        body,
        format!("enqueued as {}", ended["requestId"].as_str().unwrap())
    );
    // Handed on again, it is the same invocation, and the same webhook.
    let resend = |function: &str, id: &str| native(function, id) + "/deliveries/1/resend";
    let again = server.client.call(&resend("a", source), "").await;
    assert_eq!(
        (again.status, &again.json()["status"]),
        (202, &"Pending".into())
    );
    until_delivery(&server.client, ("a", source), |it| {
        it["attempts"] == 2 && it["status"] == "Succeeded"
    })
    .await;
    assert_eq!(
        server.client.call(&resend("b", &chained), "").await.status,
        202
    );
    until_delivery(&server.client, ("b", &chained), |it| {
        it["attempts"] == 2 && it["status"] == "Succeeded"
    })
    .await;
    let ids: Vec<String> = receiver.got().into_iter().map(|it| it.id).collect();
    assert_eq!(ids, [got[0].id.as_str(), got[0].id.as_str()]);
    let page = server.client.get(&UNVERSIONED.list("b")).await.json();
    assert_eq!(page["invocations"].as_array().unwrap().len(), 1);
}

async fn a_chain_that_calls_itself_ends(world: &World) {
    // What tells nothing, so that the chain is not ended by what it tells.
    let silent = function("a", r#"on_success = "acs:fc:::functions/a""#)
        .replace("{ http = \"@\" }", "{ command = [\"true\"] }");
    let echo = function("b", r#"on_success = "acs:fc:::functions/a""#);
    let plan = Plan {
        functions: silent + &echo,
        ..Plan::default()
    };
    let server = world.serve(plan).await;
    server
        .client
        .post(&UNVERSIONED.invoke("a"), &[], "in")
        .await;
    let list = UNVERSIONED.list("a") + "?limit=100";
    let last = until("the chain to end", async || {
        let page = server.client.get(&list).await.json();
        let records = page["invocations"].as_array().unwrap().clone();
        let failed = records
            .iter()
            .find(|it| it["destinationStatus"] == "Failed")
            .cloned();
        failed.map(|failed| (records.len(), failed))
    })
    .await;
    assert_eq!(last.0, 8);
    let id = last.1["invocationId"].as_str().unwrap();
    let delivery = until_delivery(&server.client, ("a", id), |_| true).await;
    let error = delivery["answer"]["error"].as_str().unwrap();
    assert!(error.contains("8 functions"), "{error}");
    // Both payloads of 70 KiB are told, which no function would take.
    let large = vec![b'x'; 70 * 1024];
    let accepted = server
        .client
        .post(&UNVERSIONED.invoke("b"), &[], large)
        .await;
    let id = accepted.request_id();
    let failed = until_delivery(&server.client, ("b", id), |it| it["status"] == "Failed").await;
    let error = failed["answer"]["error"].as_str().unwrap();
    assert!(error.contains("131072 bytes"), "{error}");
}

/// Holds back whoever would hand something on, until it is dropped.
struct Barrier(PgConnection);

impl Barrier {
    async fn raise(url: &str) -> Self {
        run_sql(
            url,
            "CREATE FUNCTION barrier() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NEW; END';
             CREATE TRIGGER barrier BEFORE UPDATE ON deliveries
             FOR EACH ROW EXECUTE FUNCTION barrier()",
        )
        .await;
        let mut connection = PgConnection::connect(url).await.unwrap();
        connection
            .execute("SELECT pg_advisory_lock(42)")
            .await
            .unwrap();
        Self(connection)
    }

    /// Waits until somebody is held back.
    async fn until_met(&mut self) {
        until("somebody to meet the barrier", async || {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
            )
            .fetch_one(&mut self.0)
            .await
            .unwrap();
            (waiting > 0).then_some(())
        })
        .await;
    }

    /// Ends the sessions that are held back, as the server does once it notices that their clients
    /// are gone; and lets others pass.
    async fn fall(mut self) {
        self.0
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks
                 WHERE locktype = 'advisory' AND NOT granted;
                 DROP TRIGGER barrier ON deliveries;
                 SELECT pg_advisory_unlock(42)",
            )
            .await
            .unwrap();
    }
}

/// The worker is killed after the end of `a` is durable, and before anything of it is handed on.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_between_two_functions_is_replaced() {
    production(async |world: &World| {
        let receiver = Receiver::start(Mood::Fine).await;
        let front = world
            .serve(plan(&receiver, &["--role", "enqueue", "--role", "list"]))
            .await;
        let mut barrier = Barrier::raise(&world.database_url).await;
        let worker = plan(&receiver, &["--role", "worker"]);
        let mut first = world.serve(worker.clone()).await;
        let accepted = front.client.post(&UNVERSIONED.invoke("a"), &[], "in").await;
        let source = accepted.request_id();
        until_record(&front.client, ("a", source), |it| {
            it["status"] == "Succeeded"
        })
        .await;
        barrier.until_met().await;
        first.kill();
        barrier.fall().await;
        let before = front
            .client
            .get(&UNVERSIONED.task("a", source))
            .await
            .json();
        assert_eq!(before["destinationStatus"], "Pending");
        let _second = world.serve(worker).await;
        let chained = format!("after-{source}");
        let is_done = |record: &Value| record["destinationStatus"] == "Succeeded";
        until_record(&front.client, ("a", source), is_done).await;
        until_record(&front.client, ("b", &chained), is_done).await;
        check(&receiver, source);
        let page = front.client.get(&UNVERSIONED.list("b")).await.json();
        assert_eq!(page["invocations"].as_array().unwrap().len(), 1);
        assert_eq!(world.functions.calls_of(&chained).len(), 1);
    })
    .await;
}
