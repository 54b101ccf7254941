//! `ekiden list` and `ekiden get`.

use super::producer::run;
use crate::{
    server::Server,
    spelling::UNVERSIONED,
    world::{Plan, World, until_status},
};
use futures::future::join_all;

both_stacks! {
    a_list_is_a_table_or_json,
    a_list_is_filtered,
    a_long_list_is_fetched_page_by_page,
    get_shows_one_task,
}

/// Two tasks that ended, one well and one not, and one that waits.
async fn three_tasks(world: &World) -> Server {
    let server = world.serve(Plan::default()).await;
    for (id, payload, status) in [("good", "in", "Succeeded"), ("bad", "fail", "Failed")] {
        let named = [("x-fc-async-task-id", id)];
        server
            .client
            .post(&UNVERSIONED.invoke("f"), &named, payload)
            .await;
        until_status(&server.client, id, status).await;
    }
    let later = [
        ("x-fc-async-task-id", "later"),
        ("x-fc-async-delay", "3600"),
    ];
    let path = format!("{}?qualifier=prod", UNVERSIONED.invoke("f"));
    server.client.post(&path, &later, "tomorrow").await;
    server
}

async fn a_list_is_a_table_or_json(world: &World) {
    let server = three_tasks(world).await;
    let said = run(world, &server, &["list", "default/f"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let lines: Vec<Vec<&str>> = said
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0],
        ["ID", "STATUS", "STARTED", "DURATION", "RETRIES", "ERROR"]
    );
    let rows: Vec<_> = lines[1..]
        .iter()
        .map(|row| (row[0], row[1], row[4]))
        .collect();
    assert_eq!(
        rows,
        [
            ("later", "Enqueued", "0"),
            ("bad", "Failed", "2"),
            ("good", "Succeeded", "0")
        ]
    );
    assert!(said.out.contains("as it was told"), "{said:?}");
    let said = run(world, &server, &["list", "default/f", "--json"]).await;
    let listed = server.client.get(&UNVERSIONED.list("f")).await.json();
    assert_eq!(said.json(), listed);
    let empty = run(world, &server, &["list", "default/patient", "--json"]).await;
    assert_eq!(empty.json(), serde_json::json!({ "invocations": [] }));
}

async fn a_list_is_filtered(world: &World) {
    let server = three_tasks(world).await;
    let record = server
        .client
        .get(&UNVERSIONED.task("f", "bad"))
        .await
        .json();
    let millis = record["startedTime"].to_string();
    let cases: [(&[&str], &[&str]); 10] = [
        (&["--status", "Failed"], &["bad"]),
        (&["--prefix", "l"], &["later"]),
        (&["--qualifier", "prod"], &["later"]),
        (&["--order", "asc"], &["good", "bad", "later"]),
        (&["--limit", "2"], &["later", "bad"]),
        (&["--since", &millis], &["later", "bad"]),
        (&["--until", &millis, "--order", "asc"], &["good", "bad"]),
        (&["--since", "1h"], &["later", "bad", "good"]),
        (&["--until", "2020-01-01T00:00:00Z"], &[]),
        (
            &["--since", "2020-01-01T00:00:00Z", "--status", "Stopped"],
            &[],
        ),
    ];
    for (filter, expected) in cases {
        let said = run(
            world,
            &server,
            &[&["list", "default/f", "--json"], filter].concat(),
        )
        .await;
        let answer = said.json();
        let records = answer["invocations"].as_array().unwrap();
        let ids: Vec<_> = records
            .iter()
            .map(|it| it["invocationId"].as_str().unwrap())
            .collect();
        assert_eq!((said.code, ids.as_slice()), (0, expected), "{filter:?}");
    }
    let said = run(world, &server, &["list", "default/f", "--payload"]).await;
    assert!(
        said.out.contains("PAYLOAD") && said.out.contains("tomorrow"),
        "{said:?}"
    );
}

async fn a_long_list_is_fetched_page_by_page(world: &World) {
    let server = world.serve(Plan::default()).await;
    let tasks = (0..230).map(async |number| {
        let id = format!("t{number}");
        let later = [
            ("x-fc-async-task-id", id.as_str()),
            ("x-fc-async-delay", "3600"),
        ];
        let accepted = server
            .client
            .post(&UNVERSIONED.invoke("f"), &later, "")
            .await;
        assert_eq!(accepted.status, 202);
    });
    join_all(tasks).await;
    for (limit, count, has_more) in [
        ("210", 210, true),
        ("230", 230, false),
        ("9999", 230, false),
    ] {
        let said = run(
            world,
            &server,
            &["list", "default/f", "--json", "--limit", limit],
        )
        .await;
        let answer = said.json();
        let records = answer["invocations"].as_array().unwrap();
        let ids: std::collections::HashSet<_> = records
            .iter()
            .map(|record| record["invocationId"].to_string())
            .collect();
        assert_eq!((records.len(), ids.len()), (count, count));
        assert_eq!(answer.get("nextToken").is_some(), has_more);
    }
    let said = run(world, &server, &["list", "default/f"]).await;
    assert_eq!(
        said.out.lines().count(),
        51,
        "a header and the default of 50"
    );
    assert!(said.err.contains("more follow"), "{said:?}");
}

async fn get_shows_one_task(world: &World) {
    let server = three_tasks(world).await;
    let said = run(world, &server, &["get", "default/f", "bad"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let facts = [
        "bad",
        "default/f (LATEST)",
        "Failed",
        "as it was told",
        "fail (text)",
        "Retrying",
    ];
    for fact in facts {
        assert!(said.out.contains(fact), "{fact}: {said:?}");
    }
    let said = run(world, &server, &["get", "default/f", "bad", "--json"]).await;
    // Attempts and deliveries come with it.
    let native = "/ekiden/v1/services/default/functions/f/invocations/bad";
    assert_eq!(said.json(), server.client.get(native).await.json());
}
