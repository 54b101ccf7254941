use super::*;

fn executor() -> Executor {
    let handlers = Handlers::new()
        .with("echo", async |_, payload| Ok(payload))
        .with("trace", async |context, _| {
            let trace = context.trace.map(|it| it.as_str().to_owned());
            Ok(trace.unwrap_or_default().into())
        })
        .with("large", async |_, _| Ok(Bytes::from(vec![0; 11])))
        .with("error", async |_, _| {
            Err(HandlerError("bad input".to_owned()))
        })
        .with("panic", |_, _| -> futures::future::Ready<_> {
            panic!("as the test wants")
        })
        .with("hang", async |_, _| std::future::pending().await)
        .with("slow", async |_, payload| {
            tokio::time::sleep(2 * MINUTE).await;
            Ok(payload)
        });
    Executor::new(handlers, ExecutorConfig::default())
}

fn call(handler: &str) -> Attempt {
    attempt(&json!({"handler": handler}), &json!({"max_output": 10}))
}

#[tokio::test]
async fn a_handler_s_output_is_the_result() {
    assert_eq!(output(execute(&executor(), call("echo")).await), "in");
}

#[tokio::test]
async fn a_handler_is_told_of_the_trace() {
    let attempt = attempt(&json!({"handler": "trace"}), &json!({}));
    let told = output(execute(&executor(), attempt).await);
    assert_eq!(told, format!("{PARENT} {STATE}"));
}

#[tokio::test]
async fn each_failure_is_a_fault_of_its_kind() {
    let cases = [
        ("error", "HandledInvocationError", "bad input"),
        ("panic", "UnhandledInvocationError", "panicked"),
        ("large", "OutputTooLarge", "max_output allows: 10 bytes"),
        ("nobody", "HandlerNotFound", "'nobody'"),
    ];
    for (name, error, message) in cases {
        let fault = fault(execute(&executor(), call(name)).await);
        assert_eq!(fault.error, error);
        assert!(fault.message.contains(message), "{}", fault.message);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_there_when_a_worker_that_stood_still_goes_on_counts() {
    assert_eq!(
        fault(execute(&executor(), call("slow")).await),
        Fault::timed_out(MINUTE)
    );
    let executor = executor();
    let run = executor.run(call("slow"), CancellationToken::new());
    // It is begun, and looked at again when its time is over and its end there.
    let (end, ()) = futures::join!(run, tokio::time::advance(3 * MINUTE));
    assert!(matches!(
        end,
        End::Done(Execution {
            outcome: Outcome::Succeeded,
            ..
        })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_at_its_timeout_or_its_cancellation() {
    assert_eq!(
        fault(execute(&executor(), call("hang")).await),
        Fault::timed_out(MINUTE)
    );
    let cancel = CancellationToken::new();
    let executor = executor();
    let (end, ()) = futures::join!(executor.run(call("hang"), cancel.clone()), async {
        cancel.cancel();
    });
    assert_eq!(end, End::Cancelled);
    let end = executor.run(call("echo"), cancel).await;
    assert_eq!(end, End::Cancelled, "it was cancelled before it began");
}
