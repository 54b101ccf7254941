//! Functions that know nothing of Ekiden.

use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, until, until_record, until_status},
};
use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command},
};

both_stacks! {
    a_shell_and_sha256sum_are_a_function,
    a_command_that_fails_is_a_function_error,
    a_python_server_is_a_function,
}

/// The SHA-256 of `hello`.
const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn function(target: &str) -> Plan {
    let async_config = "async = { max_retries = 1, retry_base = \"20ms\" }";
    Plan {
        functions: format!(
            "[[function]]\nservice = \"default\"\nname = \"f\"\n{target}\n{async_config}\n"
        ),
        ..Plan::default()
    }
}

async fn a_shell_and_sha256sum_are_a_function(world: &World) {
    let place = world.path().display();
    let target = r#"target = { command = ["sh", "-c", "sha256sum > $EKIDEN_INVOCATION_ID"] }"#;
    let plan = function(&format!("{target}\nworking_directory = \"{place}\""));
    let server = world.serve(plan).await;
    let named = [("x-fc-async-task-id", "digest")];
    server
        .client
        .post(&UNVERSIONED.invoke("f"), &named, "hello")
        .await;
    until_status(&server.client, "digest", "Succeeded").await;
    let said = std::fs::read_to_string(world.path().join("digest")).unwrap();
    assert_eq!(said, format!("{HELLO}  -\n"));
}

async fn a_command_that_fails_is_a_function_error(world: &World) {
    let server = world
        .serve(function(r#"target = { command = ["sh", "-c", "exit 3"] }"#))
        .await;
    let accepted = server.client.post(&UNVERSIONED.invoke("f"), &[], "").await;
    let ended = until_status(&server.client, accepted.request_id(), "Failed").await;
    assert_eq!(ended["alreadyRetriedTimes"], 1);
    let message = ended["invocationErrorMessage"].as_str().unwrap();
    assert!(message.contains('3'), "{message}");
}

/// The example's server. Killed when dropped.
struct Python(Child);

impl Python {
    async fn start(port: u16) -> Self {
        let handler =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/functions/python/handler.py");
        let mut command = Command::new("python3");
        command.arg(handler).env("FC_SERVER_PORT", port.to_string());
        let python = Self(command.spawn().unwrap());
        until("the example to listen", async || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .await;
        python
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A port to listen at later: not one of those that the system may give to somebody else meanwhile.
fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| rand::random_range(20_000..32_000))
        .find(is_free)
        .unwrap()
}

async fn a_python_server_is_a_function(world: &World) {
    let port = free_port();
    let server = world
        .serve(function(&format!(
            "target = {{ http = \"http://127.0.0.1:{port}\" }}"
        )))
        .await;
    let client = &server.client;
    // It is not there yet: that is the platform's trouble, and uses up no retries.
    let early = client.post(&UNVERSIONED.invoke("f"), &[], "hello").await;
    until_record(client, ("f", early.request_id()), |it| {
        it["status"] == "Retrying"
    })
    .await;
    let _python = Python::start(port).await;
    let ended = until_status(client, early.request_id(), "Succeeded").await;
    assert_eq!(ended["alreadyRetriedTimes"], 0);
    let asked = client.post(&UNVERSIONED.invoke("f"), &[], "fail").await;
    let failed = until_status(client, asked.request_id(), "Failed").await;
    assert_eq!(failed["alreadyRetriedTimes"], 1);
    let message = failed["invocationErrorMessage"].as_str().unwrap();
    assert_eq!(
        message,
        "HandledInvocationError: Asked: the payload says so"
    );
}
