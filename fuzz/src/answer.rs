//! What a function's server answers.

use super::request::wait;
use ekiden_domain::{
    Function, InvocationId, Lease, Outcome, Qualifier, RequestId, Target, Timestamp,
};
use ekiden_executor::{Attempt, End, Execution, Executor, ExecutorConfig, Handlers};
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;

static EXECUTOR: LazyLock<Executor> =
    LazyLock::new(|| Executor::new(Handlers::new(), ExecutorConfig::default()));

const MAX_OUTPUT: usize = 1000;
/// How much is kept of what a function says of its failure.
const MOST_TOLD: usize = 64 * 1024;
/// Far beyond what any answer takes whose connection is closed after it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Whatever it answers before it closes the connection ends the attempt, within bounds and in time.
pub(crate) fn answer(bytes: &[u8]) {
    let End::Done(Execution {
        outcome,
        output,
        log,
    }) = wait(call(bytes))
    else {
        panic!("nobody cancelled it");
    };
    assert!(log.is_empty());
    match outcome {
        Outcome::Succeeded => assert!(output.len() <= MAX_OUTPUT),
        Outcome::Failed(fault) => {
            assert!(output.len() <= MOST_TOLD);
            assert!(fault.message.len() <= 1024 && fault.error.len() <= 128);
            assert!(!fault.message.contains('\0'), "{fault:?}");
            assert!(!fault.message.contains("timed out"), "{fault:?}");
        }
    }
}

async fn call(bytes: &[u8]) -> End {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap() != 0 {}
        // The caller may have had enough.
        let _ = stream.write_all(bytes).await;
    };
    let run = EXECUTOR.run(attempt(url), CancellationToken::new());
    let (end, ()) = tokio::join!(run, serve);
    end
}

fn attempt(url: String) -> Attempt {
    let name = "s/f".parse().unwrap();
    let request_id = RequestId::generate(Timestamp::from_millis(1));
    Attempt {
        function: Arc::new(Function {
            target: Some(Target::Http(url)),
            max_output: MAX_OUTPUT,
            ..Function::named(&name)
        }),
        name,
        qualifier: Qualifier::latest(),
        version: Qualifier::latest(),
        request_id,
        invocation_id: InvocationId::from(request_id),
        lease: Lease::default().next(),
        number: 1,
        retries: 0,
        trace: None,
        payload: Default::default(),
        timeout: TIMEOUT,
    }
}
