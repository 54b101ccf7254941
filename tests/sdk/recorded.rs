//! SDKs that the suite cannot run here: requests in the form of theirs, written byte by byte as they
//! were recorded or as the SDK's source writes them, and signed. Both speak 2016-08-15.

mod caller;
mod go;
mod java;

use crate::stage::{Stack, Stage, play};
use caller::{Asked, Caller};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a task may take.
const PATIENCE: Duration = Duration::from_secs(60);

const TASKS: &str = "/stateful-async-invocations";

/// How an SDK's requests look.
#[derive(Debug)]
struct Form {
    /// The account id that it sends and signs.
    account: &'static str,
    /// The content type of what has no content.
    kind: &'static str,
    /// The headers that all its requests have alike, each ended.
    own: &'static str,
    /// The end of a `PUT` without content.
    nothing: &'static str,
    hello: Body,
    hang: Body,
    /// A config with an age of 600 s and 2 retries, of which invocations are tasks.
    config: Body,
    /// The same with neither age nor retries.
    unset: Body,
}

/// A body, and its MD5 as the SDK writes it.
type Body = (&'static str, &'static str);

/// What any SDK does with tasks.
async fn walk(stage: &Stage, form: &Form) {
    let caller = Caller { stage, form };
    configs(&caller).await;
    ends(&caller).await;
    stops(&caller).await;
    lists(&caller).await;
}

async fn configs(caller: &Caller<'_>) {
    let put = async |body| {
        let asked = Asked {
            body: Some((body, "application/json")),
            ..Asked::new(Method::PUT, "/async-invoke-config")
        };
        let (status, config) = caller.ask(asked).await;
        assert_eq!(status, 200, "{config}");
        config
    };
    put(caller.form.config).await;
    let kept = put(caller.form.unset).await;
    assert_eq!(kept["maxAsyncEventAgeInSeconds"], 600, "{kept}");
    assert_eq!(kept["maxAsyncRetryAttempts"], 2, "{kept}");
    assert_eq!(kept["statefulInvocation"], true, "{kept}");
    let names = (&kept["service"], &kept["function"]);
    assert_eq!(names, (&json!("examples"), &json!("echo")));
}

async fn ends(caller: &Caller<'_>) {
    assert_eq!(invoke(caller, "one", caller.form.hello).await.0, 202);
    let record = task(caller, "one", "Succeeded").await;
    assert_eq!(record["invocationId"], "one");
    assert!(record["endTime"].as_i64().unwrap() >= record["startedTime"].as_i64().unwrap());
    let (status, problem) = invoke(caller, "one", caller.form.hello).await;
    assert_eq!(status, 409);
    assert_eq!(problem["ErrorCode"], "StatefulAsyncInvocationAlreadyExists");
}

async fn stops(caller: &Caller<'_>) {
    assert_eq!(invoke(caller, "two", caller.form.hang).await.0, 202);
    // The Go SDK's EndTime is a pointer that programs follow: it is there from the beginning.
    assert_eq!(task(caller, "two", "Running").await["endTime"], 0);
    let stop = Asked::new(Method::PUT, "/stateful-async-invocations/two");
    assert_eq!(caller.ask(stop).await, (204, Value::Null));
    task(caller, "two", "Stopped").await;
}

async fn lists(caller: &Caller<'_>) {
    let query = "?includePayload=true&limit=1&sortOrderByTime=asc";
    let (status, page) = caller.get(TASKS, query).await;
    let records = page["invocations"].as_array().unwrap();
    assert_eq!((status, records.len()), (200, 1));
    assert_eq!(records[0]["invocationPayload"], "hello");
    let token = page["nextToken"].as_str().unwrap();
    let (_, page) = caller
        .get(TASKS, &format!("{query}&nextToken={token}"))
        .await;
    assert_eq!(page["invocations"][0]["invocationId"], "two");
    assert!(page.get("nextToken").is_none(), "{page}");
}

async fn invoke(caller: &Caller<'_>, id: &str, body: Body) -> (u16, Value) {
    let headers = [
        ("X-Fc-Invocation-Type", "Async"),
        ("X-Fc-Stateful-Async-Invocation-Id", id),
    ];
    let asked = Asked {
        headers: &headers,
        body: Some((body, "application/octet-stream")),
        ..Asked::new(Method::POST, "/invocations")
    };
    caller.ask(asked).await
}

/// The task's record once it is in this status.
async fn task(caller: &Caller<'_>, id: &str, status: &str) -> Value {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let (code, record) = caller.get(&format!("{TASKS}/{id}"), "").await;
        assert_eq!(code, 200, "{record}");
        if record["status"] == status {
            return record;
        }
        assert!(Instant::now() < give_up, "waited in vain: {record:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn walks(stack: Stack, form: &Form) {
    play(stack, async |stage| walk(stage, form).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fc_go_sdk_on_the_embedded_stack() {
    walks(Stack::Embedded, &go::FORM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fc_go_sdk_on_the_production_stack() {
    walks(Stack::Production, &go::FORM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fc_java_sdk_on_the_embedded_stack() {
    walks(Stack::Embedded, &java::FORM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fc_java_sdk_on_the_production_stack() {
    walks(Stack::Production, &java::FORM).await;
}
