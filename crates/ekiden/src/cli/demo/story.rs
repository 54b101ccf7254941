//! The demo's story: tasks that end in each way there is, told as it happens.

use super::Stage;
use crate::{
    cli::{invoke::follow, render},
    client::{Invocation, NewInvocation, Record},
};
use anyhow::Context;
use ekiden_domain::{FunctionName, Status};
use futures::future::try_join_all;
use serde_json::{Value, json};
use std::time::Duration;

/// How often a task is looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(50);
/// How long a task is left running before it is stopped, for people to see.
const RUN: Duration = Duration::from_secs(1);

/// One task of the story.
struct Task {
    function: &'static str,
    id: &'static str,
    payload: &'static str,
    /// Seconds.
    delay: Option<&'static str>,
    /// What it shows.
    shows: &'static str,
    expected: Status,
    /// How many retries of function errors it takes.
    retries: u32,
}

const fn task(function: &'static str, id: &'static str, expected: Status) -> Task {
    Task {
        function,
        id,
        payload: "The sash must not touch the ground.",
        delay: None,
        shows: "",
        expected,
        retries: 0,
    }
}

const TASKS: [Task; 8] = [
    Task {
        shows: "succeeds",
        ..task("demo/hello", "greeting", Status::Succeeded)
    },
    Task {
        shows: "succeeds: sha256sum, a program that knows nothing of Ekiden",
        ..task("demo/checksum", "digest", Status::Succeeded)
    },
    Task {
        shows: "fails, is retried and succeeds",
        retries: 1,
        ..task("demo/flaky", "second-try", Status::Succeeded)
    },
    Task {
        shows: "fails after all its retries",
        retries: 2,
        ..task("demo/broken", "hopeless", Status::Failed)
    },
    Task {
        shows: "is stopped while it runs",
        ..task("demo/endless", "stopped-by-hand", Status::Stopped)
    },
    Task {
        shows: "occupies a function that runs one at a time",
        ..task("demo/narrow", "first-in-line", Status::Succeeded)
    },
    Task {
        shows: "waits behind it for too long and expires",
        ..task("demo/narrow", "second-in-line", Status::Expired)
    },
    Task {
        shows: "becomes invalid, as its function is deleted while it waits",
        delay: Some("2"),
        ..task("demo/gone", "too-late", Status::Invalid)
    },
];

/// Tells the story; returns whether every task ended as expected.
pub(super) async fn tell(stage: &Stage) -> anyhow::Result<bool> {
    stage.say(format_args!(
        "Ekiden listens on {0}\nWatch it in a browser: {0}/\n",
        stage.endpoint
    ));
    for task in &TASKS {
        let Task {
            function,
            id,
            shows,
            ..
        } = task;
        stage.say(format_args!("{function:<16} {id:<16} {shows}"));
    }
    stage.say(format_args!(""));
    let tasks = try_join_all(TASKS.iter().map(|task| live(stage, task)));
    let ((), tasks) = tokio::try_join!(interfere(stage), tasks)?;
    let records: Vec<Record> = serde_json::from_value(json!(tasks)).context("the records")?;
    stage.say(format_args!(""));
    let mut as_expected = true;
    for (task, record) in TASKS.iter().zip(&records) {
        let ended = (record.status, record.already_retried_times);
        if ended != (task.expected, task.retries) {
            stage.say(format_args!(
                "{}: expected {} after {} retries",
                task.id, task.expected, task.retries
            ));
            as_expected = false;
        }
    }
    if stage.is_json {
        let endpoint = &stage.endpoint;
        render::json(&json!({ "endpoint": endpoint, "asExpected": as_expected, "tasks": tasks }))?;
    } else {
        render::records(&records, false);
        print_next_steps(&stage.endpoint);
    }
    Ok(as_expected)
}

/// Enqueues a task and tells of its statuses until it has ended.
async fn live(stage: &Stage, task: &Task) -> anyhow::Result<Value> {
    if task.id == "second-in-line" {
        // Only behind one that runs it waits for long enough.
        until(stage, "demo/narrow", "first-in-line", Status::Running).await?;
    }
    let function: FunctionName = task.function.parse()?;
    let new = NewInvocation {
        payload: task.payload.into(),
        id: Some(task.id.to_owned()),
        delay: task.delay.map(str::to_owned),
        ..NewInvocation::default()
    };
    stage.client.invoke(&function, new).await?;
    let (function, id) = (&function, task.id);
    let ended = follow(&stage.client, Invocation { function, id }, |event| {
        let time = render::time(event.timestamp);
        stage.say(format_args!("{time}  {:<16} {}", task.id, event.status));
    });
    ended.await
}

/// What somebody does meanwhile: stops one task, and deletes the function of another.
async fn interfere(stage: &Stage) -> anyhow::Result<()> {
    let stop = async {
        until(stage, "demo/endless", "stopped-by-hand", Status::Running).await?;
        tokio::time::sleep(RUN).await;
        let function = "demo/endless".parse()?;
        let id = "stopped-by-hand";
        let invocation = Invocation {
            function: &function,
            id,
        };
        stage.client.stop(invocation).await
    };
    let delete = async {
        until(stage, "demo/gone", "too-late", Status::Enqueued).await?;
        stage.delete(&"demo/gone".parse()?).await
    };
    tokio::try_join!(stop, delete)?;
    Ok(())
}

async fn until(stage: &Stage, function: &str, id: &str, status: Status) -> anyhow::Result<()> {
    let function: FunctionName = function.parse()?;
    let invocation = Invocation {
        function: &function,
        id,
    };
    loop {
        // It may not be enqueued yet.
        if let Ok(found) = stage.client.get(invocation).await {
            let record: Record = serde_json::from_value(found)?;
            if record.status == status || record.status.is_final() {
                return Ok(());
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn print_next_steps(endpoint: &str) {
    outln!(
        "
See them in a browser: {endpoint}/

Try it yourself:

  curl -i {endpoint}/services/demo/functions/hello/invocations \\
       -H 'X-Fc-Invocation-Type: Async' -H 'X-Fc-Stateful-Async-Invocation-Id: mine' -d hello
  curl {endpoint}/services/demo/functions/hello/stateful-async-invocations/mine
  curl '{endpoint}/services/demo/functions/hello/stateful-async-invocations?limit=5'
  curl {endpoint}/metrics
"
    );
}
