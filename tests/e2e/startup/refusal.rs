//! What a process refuses to start with: clearly, and with the exit status that says whose fault.

use crate::{
    spelling::UNVERSIONED,
    world::{Plan, Said, World, embedded, production, until},
};
use sqlx::{Connection, PgConnection};

both_stacks! {
    a_schema_that_needs_a_newer_binary_is_refused,
    a_newer_schema_that_this_binary_can_work_with_is_taken,
    a_port_in_use_is_said_to_be,
    an_address_that_others_reach_is_refused_without_keys,
    without_its_last_key_an_address_serves_as_far_as_it_would_start,
}

fn is_refused(said: &Said, code: i32, why: &str) {
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{said:?}");
    assert!(said.err.contains(why), "{why}: {said:?}");
}

async fn a_schema_that_needs_a_newer_binary_is_refused(world: &World) {
    assert_eq!(world.run(&["migrate"]).await.code, 0);
    world
        .sql("INSERT INTO schema_versions (version, compatible_from) VALUES (99, 99)")
        .await;
    for arguments in [vec!["--migrate"], vec![]] {
        let plan = Plan {
            arguments,
            ..Plan::default()
        };
        let said = world.serve_to_its_end(plan).await;
        is_refused(
            &said,
            1,
            "needs an Ekiden that knows schema version 99; this one knows",
        );
    }
    for command in [&["migrate"][..], &["function", "list"], &["reconcile"]] {
        is_refused(&world.run(command).await, 1, "schema version 99");
    }
    let said = world.run(&["doctor"]).await;
    assert!(
        said.code == 1
            && said.out.contains("-> run a newer ekiden")
            && !said.out.contains("ekiden migrate"),
        "{said:?}"
    );
}

async fn a_newer_schema_that_this_binary_can_work_with_is_taken(world: &World) {
    assert_eq!(world.run(&["migrate"]).await.code, 0);
    world
        .sql("INSERT INTO schema_versions (version, compatible_from) VALUES (99, 1)")
        .await;
    world.serve(Plan::default()).await;
}

async fn a_port_in_use_is_said_to_be(world: &World) {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let plan = Plan {
        environment: vec![("EKIDEN__SERVER__LISTEN", address.clone())],
        ..Plan::default()
    };
    let said = world.serve_to_its_end(plan).await;
    is_refused(
        &said,
        1,
        &format!("cannot listen on {address} (server.listen)"),
    );
    assert!(said.err.contains("in use"), "{said:?}");
}

async fn an_address_that_others_reach_is_refused_without_keys(world: &World) {
    let mut plan = Plan {
        environment: vec![("EKIDEN__SERVER__LISTEN", "0.0.0.0:0".to_owned())],
        ..Plan::default()
    };
    let said = world.serve_to_its_end(plan.clone()).await;
    is_refused(
        &said,
        2,
        "server.listen '0.0.0.0:0' can be reached from other machines",
    );
    assert!(said.err.contains("--insecure"), "{said:?}");
    plan.arguments.push("--insecure");
    let server = world.serve(plan).await;
    assert!(server.address.ip().is_unspecified());
}

async fn without_its_last_key_an_address_serves_as_far_as_it_would_start(world: &World) {
    assert_eq!(world.run(&["migrate"]).await.code, 0);
    let others_reach = "0.0.0.0:0";
    let seal_keys = format!("[\"{}\"]", "A".repeat(43) + "=");
    let sealing = ("EKIDEN__AUTH__SEAL_KEYS", seal_keys);
    for (listen, more, expected) in [
        (others_reach, None, 403),
        (others_reach, Some("--insecure"), 200),
        ("127.0.0.1:0", None, 200),
    ] {
        let mut create = world.ekiden(&["key", "create", "--id", "a"]);
        create.envs([sealing.clone()]);
        assert_eq!(Said::of(create).await.code, 0);
        let server = world
            .serve(Plan {
                arguments: more.into_iter().collect(),
                environment: vec![
                    ("EKIDEN__SERVER__LISTEN", listen.to_owned()),
                    sealing.clone(),
                ],
                ..Plan::default()
            })
            .await;
        let path = UNVERSIONED.list("f");
        let before = server.client.get(&path).await;
        assert!(before.problem().1.contains("no credentials"), "{before:?}");
        assert_eq!(world.run(&["key", "revoke", "a"]).await.code, 0);
        let after = until("the key to be gone", async || {
            let answer = server.client.get(&path).await;
            let is_as_before = answer.status == 403 && answer.problem() == before.problem();
            (!is_as_before).then_some(answer)
        })
        .await;
        assert_eq!(after.status, expected, "{listen} {more:?}: {after:?}");
        if expected == 403 {
            let (code, message) = after.problem();
            assert_eq!(code, "AccessDenied");
            assert!(message.contains("`ekiden key create`"), "{message}");
            server.client.get(&path).await;
            let told = server.log().matches("nobody is served").count();
            assert_eq!(told, 1, "it is told once");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_missing_or_older_is_refused_unless_told_to_migrate() {
    production(async |world: &World| {
        let unwilling = || Plan {
            arguments: Vec::new(),
            ..Plan::default()
        };
        let said = world.serve_to_its_end(unwilling()).await;
        is_refused(&said, 1, "is at version 0, this Ekiden needs");
        assert!(said.err.contains("run `ekiden migrate`"), "{said:?}");
        world.serve(Plan::default()).await;
        world.serve(unwilling()).await;
        world.sql("DELETE FROM schema_versions").await;
        is_refused(
            &world.serve_to_its_end(unwilling()).await,
            1,
            "run `ekiden migrate`",
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_one_sqlite_file_is_refused() {
    embedded(async |world: &World| {
        let mut first = world.serve(Plan::default()).await;
        let said = world.serve_to_its_end(Plan::default()).await;
        is_refused(&said, 1, "another process uses the SQLite database");
        assert_eq!(first.client.get("/readyz").await.status, 200);
        // A killed one leaves a socket behind, but no lock.
        first.kill();
        assert!(world.path().join("data/ekiden.sock").exists());
        assert_eq!(world.run(&["function", "list"]).await.code, 0);
        world.serve(Plan::default()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_in_process_queue_on_one_database_is_refused() {
    production(async |world: &World| {
        // An empty variable counts as not set.
        let plan = Plan {
            environment: vec![("AMQP_URL", String::new())],
            ..Plan::default()
        };
        let mut first = world.serve(plan.clone()).await;
        let said = world.serve_to_its_end(plan.clone()).await;
        is_refused(
            &said,
            1,
            "another process runs an in-process queue on this database",
        );
        first.kill();
        let mut connection = PgConnection::connect(&world.database_url).await.unwrap();
        until("the lock to be free", async || {
            let held =
                "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
                        WHERE locktype = 'advisory' AND datname = current_database()";
            let held: i64 = sqlx::query_scalar(held)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            (held == 0).then_some(())
        })
        .await;
        world.serve(plan).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_role_without_a_broker_is_refused() {
    for role in ["worker", "enqueue", "list"] {
        embedded(async |world: &World| {
            let plan = Plan {
                arguments: vec!["--role", role],
                ..Plan::default()
            };
            let said = world.serve_to_its_end(plan).await;
            is_refused(
                &said,
                2,
                "without broker.url (or AMQP_URL) the queue is inside the process",
            );
        })
        .await;
        production(async |world: &World| {
            let plan = Plan {
                arguments: vec!["--migrate", "--role", role],
                environment: vec![("AMQP_URL", String::new())],
                ..Plan::default()
            };
            let said = world.serve_to_its_end(plan).await;
            is_refused(&said, 2, "without broker.url");
        })
        .await;
    }
}
