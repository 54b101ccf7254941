use super::*;
use serde_json::{Value, json};

mod command;
mod handler;
mod http;

/// The trace that an attempt is part of.
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const STATE: &str = "vendor=a value";
const MINUTE: Duration = Duration::from_secs(60);

/// An attempt of a function with this target and these settings, with the payload "in".
fn attempt(target: &Value, settings: &Value) -> Attempt {
    let mut function = json!({"service": "s", "name": "f", "target": target});
    if let (Some(function), Some(settings)) = (function.as_object_mut(), settings.as_object()) {
        function.extend(settings.clone());
    }
    let function: Function = serde_json::from_value(function).unwrap();
    assert_eq!(function.problems(), []);
    let request_id = RequestId::generate(ekiden_domain::Timestamp::from_millis(1));
    Attempt {
        name: function.full_name().unwrap(),
        function: Arc::new(function),
        qualifier: Qualifier::latest(),
        version: Qualifier::latest(),
        request_id,
        invocation_id: request_id.into(),
        lease: Lease::from_number(7),
        number: 3,
        retries: 2,
        trace: TraceContext::new(PARENT, STATE),
        payload: Bytes::from_static(b"in"),
        timeout: MINUTE,
    }
}

/// Runs the attempt to its end, which nobody hastens.
async fn execute(executor: &Executor, attempt: Attempt) -> Execution {
    match executor.run(attempt, CancellationToken::new()).await {
        End::Done(execution) => execution,
        End::Cancelled => panic!("nobody cancelled"),
    }
}

fn output(execution: Execution) -> Bytes {
    assert_eq!(execution.outcome, Outcome::Succeeded);
    execution.output
}

fn fault(execution: Execution) -> Fault {
    assert!(execution.output.is_empty());
    match execution.outcome {
        Outcome::Failed(fault) => fault,
        Outcome::Succeeded => panic!("it succeeded"),
    }
}
