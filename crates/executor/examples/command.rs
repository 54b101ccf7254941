//! A program that runs one command the way a worker does, and is its own guard:
//! `command run PROGRAM [ARGUMENT]...`, with the payload on standard input.

use ekiden_domain::{Function, Lease, Qualifier, RequestId, Timestamp};
use ekiden_executor::{Attempt, End, Executor, ExecutorConfig, Handlers, guard};
use std::{
    error::Error,
    io::{Read, stdin},
    process::ExitCode,
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|mode| mode == "guard") {
        return Ok(guard::main(arguments));
    }
    let argv: Vec<String> = std::env::args().skip(2).collect();
    let mut payload = Vec::new();
    stdin().read_to_end(&mut payload)?;
    let end = tokio::runtime::Runtime::new()?.block_on(run(argv, payload))?;
    println!("{end:?}");
    Ok(ExitCode::SUCCESS)
}

async fn run(argv: Vec<String>, payload: Vec<u8>) -> Result<End, Box<dyn Error>> {
    let config = ExecutorConfig {
        guard: vec![std::env::current_exe()?.into(), "guard".into()],
        ..ExecutorConfig::default()
    };
    let function: Function = serde_json::from_value(serde_json::json!({
        "service": "example", "name": "command", "target": { "command": argv }, "timeout": "1h",
    }))?;
    let request_id = RequestId::generate(Timestamp::from_millis(0));
    let attempt = Attempt {
        name: function.full_name()?,
        timeout: function.timeout,
        function: Arc::new(function),
        qualifier: Qualifier::latest(),
        version: Qualifier::latest(),
        request_id,
        invocation_id: request_id.into(),
        lease: Lease::default().next(),
        number: 1,
        retries: 0,
        trace: None,
        payload: payload.into(),
    };
    let executor = Executor::new(Handlers::new(), config);
    Ok(executor.run(attempt, CancellationToken::new()).await)
}
