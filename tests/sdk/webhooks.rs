//! Webhooks, verified by the library of those who wrote the specification.

use crate::{
    sdks::{Language, suite},
    stage::{SECRETS, Stack, play},
    stories::output,
};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_library_of_standard_webhooks_verifies_what_is_sent() {
    let program = suite().join("python/webhook.py");
    let mut command = Language::Python.run(program).await;
    let told = play(Stack::Embedded, async |stage| {
        command.args(SECRETS).envs(stage.environment());
        output(command).await
    });
    let told = told.await.unwrap_or_else(|error| panic!("{error}"));
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["requestPayload"], "hello");
    assert_eq!(told["responsePayload"], "echo hello");
}
