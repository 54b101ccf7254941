//! `ekiden invoke` and `ekiden stop`.

use crate::{
    server::Server,
    spelling::UNVERSIONED,
    world::{Plan, Said, World, until_status},
};
use std::{io::Write, process::Stdio};

both_stacks! {
    invoke_prints_the_id,
    wait_follows_a_task_and_succeeds_only_if_it_does,
    the_payload_comes_from_the_line_a_file_or_standard_input,
    a_delayed_task_can_be_stopped,
    what_the_server_refuses_exits_with_1,
}

/// Runs a command of a producer or reader against this server.
pub(super) async fn run(world: &World, server: &Server, arguments: &[&str]) -> Said {
    let endpoint = ["--endpoint", &server.client.endpoint];
    world.run(&[arguments, &endpoint].concat()).await
}

async fn invoke_prints_the_id(world: &World) {
    let server = world.serve(Plan::default()).await;
    let said = run(world, &server, &["invoke", "default/f", "--id", "mine"]).await;
    assert_eq!((said.code, said.out.as_str()), (0, "mine\n"), "{said:?}");
    until_status(&server.client, "mine", "Succeeded").await;
    let said = run(world, &server, &["invoke", "default/f", "--json"]).await;
    let answer = said.json();
    assert_eq!(
        (said.code, &answer["requestId"]),
        (0, &answer["invocationId"])
    );
    let id = answer["requestId"].as_str().unwrap();
    until_status(&server.client, id, "Succeeded").await;
    // What is invoked by hand is a task, whatever its function says.
    let said = run(world, &server, &["invoke", "default/untracked"]).await;
    let task = UNVERSIONED.task("untracked", said.out.trim());
    assert_eq!(server.client.get(&task).await.status, 200);
    let said = run(
        world,
        &server,
        &["invoke", "default/f", "--qualifier", "prod"],
    )
    .await;
    let ended = until_status(&server.client, said.out.trim(), "Succeeded").await;
    assert_eq!(ended["qualifier"], "prod");
}

async fn wait_follows_a_task_and_succeeds_only_if_it_does(world: &World) {
    let server = world.serve(Plan::default()).await;
    for (payload, code, status) in [("fine", 0, "Succeeded"), ("fail", 1, "Failed")] {
        let invoke = ["invoke", "default/f", "--wait", "-d", payload];
        let said = run(world, &server, &invoke).await;
        assert_eq!(said.code, code, "{said:?}");
        assert!(
            said.out.contains(&format!("status      {status}")),
            "{said:?}"
        );
        for event in ["Enqueued", "Dequeued", "Running", status] {
            assert!(said.err.contains(event), "it tells of each step: {said:?}");
        }
        let said = run(world, &server, &[&invoke[..], &["--json"]].concat()).await;
        let record = said.json();
        assert_eq!((said.code, record["status"].as_str()), (code, Some(status)));
        assert_eq!(
            (&record["invocationPayload"], said.err.as_str()),
            (&payload.into(), "")
        );
    }
}

async fn the_payload_comes_from_the_line_a_file_or_standard_input(world: &World) {
    let server = world.serve(Plan::default()).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let path = world.path().join("payload");
    std::fs::write(&path, &bytes).unwrap();
    let file = path.to_str().unwrap();
    for (id, argument, value) in [("line", "--data", "hello"), ("file", "--file", file)] {
        let invoke = ["invoke", "default/f", "--wait", "--id", id, argument, value];
        assert_eq!(run(world, &server, &invoke).await.code, 0);
    }
    let mut command = world.ekiden(&["invoke", "default/f", "--wait", "--id", "input", "-f", "-"]);
    let mut child = command
        .args(["--endpoint", &server.client.endpoint])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let status = tokio::task::spawn_blocking(move || child.wait())
        .await
        .unwrap();
    assert!(status.unwrap().success());
    assert_eq!(world.functions.calls_of("line")[0].payload, "hello");
    for id in ["file", "input"] {
        assert_eq!(world.functions.calls_of(id)[0].payload, bytes);
    }
    let missing = run(
        world,
        &server,
        &["invoke", "default/f", "-f", "/no/such/file"],
    )
    .await;
    assert_eq!(missing.code, 1);
    assert!(missing.err.contains("/no/such/file"), "{missing:?}");
}

async fn a_delayed_task_can_be_stopped(world: &World) {
    let server = world.serve(Plan::default()).await;
    let later = ["invoke", "default/f", "--id", "later", "--delay", "3600"];
    assert_eq!(run(world, &server, &later).await.code, 0);
    until_status(&server.client, "later", "Enqueued").await;
    let stop = ["stop", "default/f", "later"];
    let said = run(world, &server, &stop).await;
    assert_eq!((said.code, said.out.as_str()), (0, "later Stopped\n"));
    let again = run(world, &server, &stop).await;
    assert_eq!(again.code, 1);
    assert!(again.err.contains("AsyncInvocationStopped"), "{again:?}");
    let running = ["invoke", "default/f", "--id", "running", "-d", "hang"];
    assert_eq!(run(world, &server, &running).await.code, 0);
    until_status(&server.client, "running", "Running").await;
    let said = run(world, &server, &["stop", "default/f", "running", "--json"]).await;
    let status = said.json()["status"].clone();
    assert!(
        ["Stopping", "Stopped"].contains(&status.as_str().unwrap()),
        "{said:?}"
    );
    until_status(&server.client, "running", "Stopped").await;
}

async fn what_the_server_refuses_exits_with_1(world: &World) {
    let server = world.serve(Plan::default()).await;
    assert_eq!(
        run(world, &server, &["invoke", "default/f", "--id", "once"])
            .await
            .code,
        0
    );
    let cases: [(&[&str], &str); 8] = [
        (
            &["invoke", "default/f", "--id", "once"],
            "StatefulAsyncInvocationAlreadyExists",
        ),
        (&["invoke", "default/nobody"], "FunctionNotFound"),
        (&["invoke", "nowhere/f"], "ServiceNotFound"),
        (
            &["invoke", "default/f", "--delay", "3601"],
            "from 0 to 3600",
        ),
        (
            &["invoke", "default/f", "--id", "1st"],
            "beginning with a letter",
        ),
        (
            &["get", "default/f", "nobody"],
            "StatefulAsyncInvocationNotFound",
        ),
        (
            &["stop", "default/f", "nobody"],
            "StatefulAsyncInvocationNotFound",
        ),
        (
            &["list", "default/f", "--status", "Lost"],
            "one of Enqueued",
        ),
    ];
    for (arguments, why) in cases {
        let said = run(world, &server, arguments).await;
        assert_eq!(
            (said.code, said.out.as_str()),
            (1, ""),
            "{arguments:?}: {said:?}"
        );
        assert!(
            said.err.starts_with("error: ") && said.err.contains(why),
            "{said:?}"
        );
        assert!(said.err.contains("request id"), "{said:?}");
    }
}
