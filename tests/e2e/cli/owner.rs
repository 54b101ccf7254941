//! The commands of the store's owner: to the store itself, or through the running server's socket.

use crate::{
    spelling::UNVERSIONED,
    world::{Plan, Said, World, embedded, production, until, until_status},
};
use sqlx::{Connection, PgConnection};
use std::os::unix::fs::PermissionsExt;

both_stacks! {
    functions_are_managed_while_a_server_runs,
    functions_are_managed_without_a_server,
    a_file_with_mistakes_changes_nothing,
    migrate_says_what_it_did,
    doctor_finds_a_healthy_platform_healthy,
    doctor_finds_what_is_wrong,
    doctor_names_what_is_stuck_and_what_to_do,
    reconcile_says_how_many,
}

const NEW: &str = r#"
[[function]]
service = "new"
name = "one"
target = { http = "@" }

[[function]]
service = "new"
name = "two"
target = { command = ["cat"] }
max_concurrency = 3
"#;

fn is_said(said: &Said, code: i32, text: &str) {
    assert_eq!(said.code, code, "{said:?}");
    assert!(
        said.out.contains(text) || said.err.contains(text),
        "{text}: {said:?}"
    );
}

/// Registers, shows and removes functions, whoever has the store.
async fn manage(world: &World) {
    let file = world.write(NEW, "toml");
    let apply = ["function", "apply", file.to_str().unwrap()];
    is_said(
        &world.run(&apply).await,
        0,
        "applied new/one\napplied new/two\n2 applied, 0 unchanged",
    );
    is_said(&world.run(&apply).await, 0, "0 applied, 2 unchanged");
    let changed = NEW.replace("max_concurrency = 3", "timeout = \"5s\"");
    let file = world.write(&changed, "toml");
    let said = world
        .run(&["function", "apply", file.to_str().unwrap(), "--json"])
        .await;
    assert_eq!(
        said.json(),
        serde_json::json!({ "applied": ["new/two"], "unchanged": 1 })
    );
    let said = world.run(&["function", "list"]).await;
    for text in ["new/one", "new/two", "command cat", "5s", "FUNCTION"] {
        is_said(&said, 0, text);
    }
    let listed = world.run(&["function", "list", "--json"]).await.json();
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    assert!(
        names.contains(&"one".into()) && names.contains(&"two".into()),
        "{names:?}"
    );
    let function = r#"[{"service":"new","name":"three","target":{"http":"@"}}]"#;
    let file = world.write(function, "json");
    is_said(
        &world
            .run(&["function", "apply", file.to_str().unwrap()])
            .await,
        0,
        "new/three",
    );
    let delete = ["function", "delete", "new/three"];
    is_said(&world.run(&delete).await, 0, "deleted new/three");
    is_said(
        &world.run(&delete).await,
        1,
        "'new/three' is not registered",
    );
}

async fn functions_are_managed_while_a_server_runs(world: &World) {
    let server = world.serve(Plan::default()).await;
    if world.broker.is_none() {
        let socket = world.path().join("data/ekiden.sock");
        let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "its owner's alone");
    }
    manage(world).await;
    // The server learns of it.
    let invoke = "/services/new/functions/one/invocations";
    let accepted = until("the new function", async || {
        let answer = server.client.post(invoke, &[], "hello").await;
        (answer.status == 202).then_some(answer)
    })
    .await;
    let id = accepted.request_id();
    until("the call", async || world.functions.calls_of(id).pop()).await;
    is_said(
        &world.run(&["function", "delete", "new/one"]).await,
        0,
        "deleted",
    );
    until("the function to be gone", async || {
        (server.client.post(invoke, &[], "").await.status == 404).then_some(())
    })
    .await;
    // Its tasks are still told of.
    let task = format!("/services/new/functions/one/stateful-async-invocations/{id}");
    assert_eq!(server.client.get(&task).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_asked_however_deep_its_database_lies() {
    embedded(async |world: &World| {
        let path = world.path().join("deep/".repeat(60)).join("ekiden.db");
        let url = format!("sqlite://{}", path.display());
        let plan = Plan {
            environment: vec![("DATABASE_URL", url.clone())],
            ..Plan::default()
        };
        let _server = world.serve(plan).await;
        assert!(path.with_extension("sock").exists());
        let mut command = world.ekiden(&["function", "list"]);
        command.env("DATABASE_URL", url);
        is_said(&Said::of(command).await, 0, "default/stubborn");
    })
    .await;
}

async fn functions_are_managed_without_a_server(world: &World) {
    if world.broker.is_some() {
        is_said(
            &world.run(&["function", "list"]).await,
            1,
            "run `ekiden migrate`",
        );
        assert_eq!(world.run(&["migrate"]).await.code, 0);
    }
    manage(world).await;
    // A server that starts finds them.
    let server = world.serve(Plan::default()).await;
    let accepted = server
        .client
        .post("/services/new/functions/one/invocations", &[], "")
        .await;
    assert_eq!(accepted.status, 202);
}

async fn a_file_with_mistakes_changes_nothing(world: &World) {
    let _server = world.serve(Plan::default()).await;
    let mistakes = format!("{NEW}timeout = \"25h\"\ncolour = \"red\"\n");
    let file = world.write(&mistakes, "toml");
    let said = world
        .run(&["function", "apply", file.to_str().unwrap()])
        .await;
    is_said(&said, 2, "function[new/two].colour is not a setting");
    let file = world.write(
        &NEW.replace("max_concurrency = 3", "timeout = \"25h\""),
        "toml",
    );
    let said = world
        .run(&["function", "apply", file.to_str().unwrap()])
        .await;
    is_said(&said, 2, "function[new/two].timeout");
    let file = world.write("[server]\nlisten = \"127.0.0.1:1\"\n", "toml");
    let said = world
        .run(&["function", "apply", file.to_str().unwrap()])
        .await;
    is_said(&said, 2, "nothing but [[function]] entries");
    let said = world
        .run(&["function", "apply", "/no/such/file.toml"])
        .await;
    is_said(&said, 2, "cannot be read");
    let listed = world.run(&["function", "list"]).await;
    assert!(!listed.out.contains("new/"), "{listed:?}");
}

async fn migrate_says_what_it_did(world: &World) {
    let said = world.run(&["migrate"]).await;
    is_said(&said, 0, "migrated from version 0 to");
    is_said(&world.run(&["migrate"]).await, 0, "up to date, at version");
    let said = world.run(&["migrate", "--json"]).await.json();
    assert!(
        said["from"].as_i64() >= Some(1) && said["from"] == said["to"],
        "{said}"
    );
    // Also while a server runs.
    let _server = world.serve(Plan::default()).await;
    is_said(&world.run(&["migrate"]).await, 0, "up to date");
}

async fn doctor_finds_a_healthy_platform_healthy(world: &World) {
    let server = world.serve(Plan::default()).await;
    let accepted = server
        .client
        .post(&UNVERSIONED.invoke("f"), &[], "hang")
        .await;
    until_status(&server.client, accepted.request_id(), "Running").await;
    let said = world.run(&["doctor"]).await;
    for what in [
        "database",
        "broker",
        "clock",
        "outbox",
        "claims",
        "workers",
        "1 Running",
    ] {
        is_said(&said, 0, what);
    }
    assert!(
        !said.out.contains("ERROR") && !said.out.contains("warning"),
        "{said:?}"
    );
    let said = world.run(&["doctor", "--json"]).await;
    let found = said.json();
    assert!(
        found
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["level"] == "ok"),
        "{found}"
    );
}

async fn doctor_finds_what_is_wrong(world: &World) {
    // No worker: a warning, which is no failure.
    assert_eq!(world.run(&["migrate"]).await.code, 0);
    is_said(
        &world.run(&["doctor"]).await,
        0,
        "start a process with the role worker",
    );
    let doctor = |name: &str, value: &str| {
        let mut command = world.ekiden(&["doctor"]);
        command.env(name, value);
        Said::of(command)
    };
    let said = doctor("AMQP_URL", "amqp://127.0.0.1:1/%2f").await;
    is_said(&said, 1, "check broker.url");
    let nowhere = "postgres://nobody@127.0.0.1:1/none";
    is_said(
        &doctor("DATABASE_URL", nowhere).await,
        1,
        "check database.url",
    );
    if let Some(server) = world
        .database_url
        .rsplit_once('/')
        .map(|(server, _)| server)
        && world.broker.is_some()
    {
        // A database of no schema.
        let said = doctor("DATABASE_URL", &format!("{server}/template1")).await;
        is_said(&said, 1, "run `ekiden migrate`");
    }
}

async fn doctor_names_what_is_stuck_and_what_to_do(world: &World) {
    let mut server = world.serve(Plan::default()).await;
    let enqueue = async |id: &str, payload: &'static str, delay: &str| {
        let headers = [("x-fc-async-task-id", id), ("x-fc-async-delay", delay)];
        let path = UNVERSIONED.invoke("f");
        server.client.post(&path, &headers, payload).await;
    };
    enqueue("running", "hang", "0").await;
    until_status(&server.client, "running", "Running").await;
    enqueue("waiting", "", "3600").await;
    server.kill();
    for (change, code, found) in [
        (
            "UPDATE workers SET beat_at = 1",
            0,
            "have not shown a sign of life lately",
        ),
        (
            "UPDATE invocations_live SET due_at = 1 WHERE claimed_at IS NULL",
            0,
            "the oldest has been due for",
        ),
        (
            "DELETE FROM workers",
            1,
            "1 claimed invocations have no worker or are past their deadline",
        ),
        (
            "UPDATE outbox SET due_at = 1, take_at = 1",
            1,
            "a message has been waiting to be sent for",
        ),
        (
            "INSERT INTO schema_versions (version, compatible_from) VALUES (1000, 1000)",
            1,
            "needs an Ekiden that knows schema version 1000",
        ),
        (
            "DELETE FROM schema_versions WHERE version > 1",
            1,
            "is at version 1, this Ekiden needs",
        ),
    ] {
        let before = world.run(&["doctor"]).await;
        assert!(!before.out.contains(found), "{before:?}");
        world.sql(change).await;
        is_said(&world.run(&["doctor"]).await, code, found);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_a_clock_that_is_wrong() {
    production(async |world: &World| {
        assert_eq!(world.run(&["migrate"]).await.code, 0);
        // The database's own clock, an hour ahead for whoever connects from now on.
        let name = world.database_url.rsplit_once('/').unwrap().1;
        let ahead = format!(
            "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
             $$SELECT pg_catalog.clock_timestamp() + interval '1 hour'$$;
             ALTER DATABASE {name} SET search_path = public, pg_catalog"
        );
        world.sql(&ahead).await;
        let said = world.run(&["doctor"]).await;
        is_said(&said, 0, "synchronize the clocks");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_what_makes_the_database_slow() {
    production(async |world: &World| {
        assert_eq!(world.run(&["migrate"]).await.code, 0);
        // The database's own statistics, as whoever connects from now on finds them.
        let name = world.database_url.rsplit_once('/').unwrap().1;
        let told_otherwise = format!(
            "CREATE VIEW public.pg_stat_user_tables AS
             SELECT 5::bigint AS n_live_tup, 2000000::bigint AS n_dead_tup;
             ALTER DATABASE {name} SET search_path = public, pg_catalog"
        );
        world.sql(&told_otherwise).await;
        let said = world.run(&["doctor"]).await;
        is_said(&said, 0, "5 rows, 2000000 to be cleaned up");
        is_said(&said, 0, "VACUUM the tables");
        let open_for_long = "CREATE VIEW public.pg_stat_activity AS
             SELECT datname, pid, xact_start - interval '1 hour' AS xact_start
             FROM pg_catalog.pg_stat_activity";
        world.sql(open_for_long).await;
        let mut connection = PgConnection::connect(&world.database_url).await.unwrap();
        let _open = connection.begin().await.unwrap();
        let said = world.run(&["doctor"]).await;
        is_said(&said, 0, "a transaction has been open for 36");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_misses_messages_that_the_broker_has_lost() {
    production(async |world: &World| {
        let enqueue = Plan {
            arguments: vec!["--migrate", "--role", "enqueue"],
            ..Plan::default()
        };
        let mut server = world.serve(enqueue).await;
        let invoke = UNVERSIONED.invoke("f");
        let accepted = server.client.post(&invoke, &[], "").await;
        assert_eq!(accepted.status, 202);
        let is_sent = async || {
            let said = world.run(&["doctor"]).await;
            said.out.contains("empty").then_some(())
        };
        until("the outbox to be empty", is_sent).await;
        server.kill();
        world.sql("UPDATE invocations_live SET due_at = 1").await;
        is_said(&world.run(&["doctor"]).await, 0, "none is missed");
        let (url, prefix) = world.broker.as_ref().unwrap();
        let connection = lapin::Connection::connect(url, Default::default());
        let connection = connection.await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let queue = format!("{prefix}.dispatch.default");
        let purge = channel.queue_purge(queue.as_str().into(), Default::default());
        assert_eq!(purge.await.unwrap(), 1);
        let said = world.run(&["doctor"]).await;
        is_said(&said, 0, "1 of lane default, whose queue is empty");
        is_said(&said, 0, "run `ekiden reconcile`");
        let delete = channel.queue_delete(queue.as_str().into(), Default::default());
        delete.await.unwrap();
        let said = world.run(&["doctor"]).await;
        is_said(&said, 0, "1 of lane default, which has no queue");
        is_said(&world.run(&["reconcile"]).await, 0, "dispatched 1 waiting");
    })
    .await;
}

async fn reconcile_says_how_many(world: &World) {
    if world.broker.is_none() {
        let _server = world.serve(Plan::default()).await;
        let said = world.run(&["reconcile", "--json"]).await;
        assert_eq!(said.json(), serde_json::json!({ "dispatched": 0 }));
        return;
    }
    // Without a worker the tasks wait, once dispatched, in the broker alone.
    let enqueue = Plan {
        arguments: vec!["--migrate", "--role", "enqueue"],
        ..Plan::default()
    };
    let server = world.serve(enqueue).await;
    for _ in 0..3 {
        assert_eq!(
            server
                .client
                .post(&UNVERSIONED.invoke("f"), &[], "")
                .await
                .status,
            202
        );
    }
    // One that is still in the outbox, or there again for the last look, is
    // not dispatched once more: all three are only once none is.
    until("the outbox to be empty", async || {
        let said = world.run(&["reconcile", "--json"]).await;
        assert_eq!(said.code, 0, "{said:?}");
        (said.json()["dispatched"] == 3).then_some(())
    })
    .await;
    is_said(
        &world.run(&["reconcile"]).await,
        0,
        "waiting invocations once more",
    );
}
