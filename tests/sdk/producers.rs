//! The producers among the examples: each runs a task to its end and prints its record.

use crate::{
    sdks::SDKS,
    stage::{Stack, play, root},
    stories::output,
};
use serde_json::Value;

async fn runs_a_task(place: usize) {
    let sdk = &SDKS[place];
    let folder = root()
        .join("examples/producers")
        .join(sdk.language.folder());
    let mut command = sdk.language.run(folder.join(sdk.producer)).await;
    let service = (!sdk.is_fc3).then_some("examples");
    let printed = play(Stack::Embedded, async |stage| {
        command.args(service).args(["echo", "hello"]);
        command.envs(stage.environment());
        output(command).await
    });
    let printed = printed.await.unwrap_or_else(|error| panic!("{error}"));
    let record: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(record["status"], "Succeeded", "{record:#}");
    let payload = if sdk.is_fc3 {
        "taskPayload"
    } else {
        "invocationPayload"
    };
    assert_eq!(record[payload], "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn python_fc2() {
    runs_a_task(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_fc2() {
    runs_a_task(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_fc_open() {
    runs_a_task(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_fc_open() {
    runs_a_task(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_fc3() {
    runs_a_task(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_fc3() {
    runs_a_task(5).await;
}
