use super::*;

fn attempt(target: &str, timeout: Duration) -> Attempt {
    let json = format!(r#"{{"service":"s","name":"f","target":{target},"max_output":10}}"#);
    let function: Function = serde_json::from_str(&json).unwrap();
    let request_id = RequestId::generate(ekiden_domain::Timestamp::from_millis(1));
    Attempt {
        name: function.full_name().unwrap(),
        function: Arc::new(function),
        qualifier: Qualifier::latest(),
        request_id,
        invocation_id: request_id.into(),
        lease: Lease::default().next(),
        number: 1,
        retries: 0,
        payload: Bytes::from_static(b"in"),
        timeout,
    }
}

fn executor() -> Executor {
    let handlers = Handlers::new()
        .with("echo", async |_, payload| Ok(payload))
        .with("large", async |_, _| Ok(Bytes::from(vec![0; 11])))
        .with("error", async |_, _| {
            Err(HandlerError("bad input".to_owned()))
        })
        .with("panic", |_, _| -> futures::future::Ready<_> {
            panic!("as the test wants")
        })
        .with("hang", async |_, _| std::future::pending().await);
    Executor::new(handlers)
}

async fn run(target: &str) -> Execution {
    let minute = Duration::from_secs(60);
    match executor()
        .run(attempt(target, minute), CancellationToken::new())
        .await
    {
        End::Done(execution) => execution,
        End::Cancelled => panic!("nobody cancelled"),
    }
}

#[tokio::test]
async fn a_handler_s_output_is_the_result() {
    let execution = run(r#"{"handler":"echo"}"#).await;
    assert_eq!(
        execution,
        Execution {
            outcome: Outcome::Succeeded,
            output: "in".into()
        }
    );
}

#[tokio::test]
async fn each_failure_is_a_fault_of_its_kind() {
    let cases = [
        ("error", "HandledInvocationError", "bad input"),
        ("panic", "UnhandledInvocationError", "panicked"),
        ("large", "OutputTooLarge", "11 bytes, max_output allows 10"),
        ("nobody", "HandlerNotFound", "'nobody'"),
    ];
    for (name, error, message) in cases {
        let execution = run(&format!(r#"{{"handler":"{name}"}}"#)).await;
        let Outcome::Failed(fault) = execution.outcome else {
            panic!("{name} succeeded")
        };
        assert_eq!(fault.error, error);
        assert!(fault.message.contains(message), "{}", fault.message);
        assert!(execution.output.is_empty());
    }
    let execution = run(r#"{"http":"http://127.0.0.1:1"}"#).await;
    let unsupported = Outcome::Failed(unsupported("http"));
    assert_eq!(execution.outcome, unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_at_its_timeout_or_its_cancellation() {
    let cancel = CancellationToken::new();
    let second = Duration::from_secs(1);
    let end = executor()
        .run(attempt(r#"{"handler":"hang"}"#, second), cancel.clone())
        .await;
    let timed_out = Outcome::Failed(Fault::timed_out(second));
    assert_eq!(
        end,
        End::Done(Execution {
            outcome: timed_out,
            output: Bytes::new()
        })
    );
    cancel.cancel();
    let end = executor()
        .run(attempt(r#"{"handler":"hang"}"#, second), cancel)
        .await;
    assert_eq!(end, End::Cancelled);
}
