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
        .with("hang", async |_, _| std::future::pending().await);
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
