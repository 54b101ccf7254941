//! Runs one attempt of a function.
//!
//! [`Executor::run`] is total: whatever the function does, it returns an [`End`], and when it has
//! returned nothing of the attempt runs on in this process or in one that it started. A target is
//!
//! - an HTTP server that speaks FC's custom-runtime contract,
//! - a command, which runs under a [`guard`] that ends it and all its children, or
//! - a handler: an async Rust function, registered in the program that embeds the worker.
//!
//! A command's environment is the function's own and, where the function does not say otherwise:
//!
//! | variable | value |
//! | --- | --- |
//! | `FC_REQUEST_ID` | the invocation's request id |
//! | `FC_SERVICE_NAME`, `FC_FUNCTION_NAME`, `FC_QUALIFIER` | what was invoked |
//! | `FC_RETRY_COUNT` | how many retries of function errors came before |
//! | `EKIDEN_INVOCATION_ID` | the caller's name for the invocation |
//! | `EKIDEN_LEASE` | the fencing token |
//! | `EKIDEN_ATTEMPT` | which attempt it is, from 1 |
//! | `TRACEPARENT`, `TRACESTATE` | the trace that it is part of, if it is part of one |
//! | `PATH` | `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin` |
//!
//! Its working directory is the function's, or else the worker's.

mod command;
pub mod guard;
mod handler;
mod http;
mod slots;

pub use handler::{HandlerContext, HandlerError, Handlers};
pub use slots::{Slot, Slots};

use crate::{command::Commands, http::Http};
use bytes::Bytes;
use ekiden_domain::{
    Fault, Function, FunctionName, InvocationId, Lease, Outcome, Qualifier, RequestId, Target,
    TraceContext,
};
use ekiden_reach::Allowed;
use ekiden_trace::{Part, span};
use futures::FutureExt;
use std::{ffi::OsString, future::Future, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// One attempt that is to be run.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What runs: the function as it is registered now, or as its version was published.
    pub function: Arc<Function>,
    /// Its full name.
    pub name: FunctionName,
    /// Through which qualifier it was invoked.
    pub qualifier: Qualifier,
    /// Which version that stood for when it was accepted: `LATEST` or a number.
    pub version: Qualifier,
    /// The invocation.
    pub request_id: RequestId,
    /// Its caller's name for it.
    pub invocation_id: InvocationId,
    /// The fencing token under which it runs.
    pub lease: Lease,
    /// Which attempt it is, from 1.
    pub number: u32,
    /// How many retries of function errors came before it.
    pub retries: u32,
    /// The trace that it is part of.
    pub trace: Option<TraceContext>,
    /// The payload, byte for byte.
    pub payload: Bytes,
    /// How long it may take.
    pub timeout: Duration,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Whether it succeeded, or why it failed.
    pub outcome: Outcome,
    /// The function's output. Where it failed: what it gave all the same, which is FC's JSON if it
    /// reported its error that way.
    pub output: Bytes,
    /// The end of what it logged, at most 4 KiB: of a command, its standard error. What is behind HTTP
    /// logs where it runs.
    pub log: Bytes,
}

impl Execution {
    const fn succeeded(output: Bytes) -> Self {
        Self {
            outcome: Outcome::Succeeded,
            output,
            log: Bytes::new(),
        }
    }

    const fn failed(fault: Fault) -> Self {
        Self {
            outcome: Outcome::Failed(fault),
            output: Bytes::new(),
            log: Bytes::new(),
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, or by its timeout.
    Done(Execution),
    /// By its cancellation.
    Cancelled,
}

impl End {
    /// The type of the error that it ended with, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Done(execution) => match &execution.outcome {
                Outcome::Succeeded => None,
                Outcome::Failed(fault) => Some(&fault.error),
            },
            Self::Cancelled => Some("Cancelled"),
        }
    }
}

/// How an executor reaches what it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutorConfig {
    /// The program that calls [`guard::main`], by a path that does not depend on the working
    /// directory, and the arguments that make it do so. Empty, the default: this executor cannot
    /// run commands, and a command target ends with the system error `GuardMissing`.
    pub guard: Vec<OsString>,
    /// How long a command that is cancelled or out of time may go on between SIGTERM and SIGKILL;
    /// 5 s by default, 24 h at most.
    pub kill_grace: Duration,
    /// How long a connection to an HTTP target may take to be made, TLS included; 5 s by default.
    pub connect_timeout: Duration,
    /// What is local and may be reached by functions whose target the owner did not give, by the setting
    /// `targets.allow`; nothing by default.
    pub allow: Vec<Allowed>,
}

impl Default for ExecutorConfig {
    fn default() -> Self {
        Self {
            guard: Vec::new(),
            kill_grace: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            allow: Vec::new(),
        }
    }
}

/// Runs attempts. Cheap to clone; the clones share one pool of HTTP connections.
#[derive(Clone, Debug)]
pub struct Executor {
    handlers: Handlers,
    http: Http,
    commands: Commands,
}

impl Executor {
    /// An executor that knows these handlers.
    #[must_use]
    pub fn new(handlers: Handlers, config: ExecutorConfig) -> Self {
        Self {
            handlers,
            http: Http::new(&config.allow, config.connect_timeout),
            commands: Commands::new(config.guard, config.kill_grace),
        }
    }

    /// Runs the attempt until it ends, its timeout passes, or it is cancelled; one that is
    /// cancelled already is not begun.
    ///
    /// A handler's future and an HTTP request are dropped at once. A command is ended, which can
    /// take `kill_grace` and a few seconds more: this returns only when its processes are gone.
    pub async fn run(&self, mut attempt: Attempt, cancel: CancellationToken) -> End {
        if cancel.is_cancelled() {
            return End::Cancelled;
        }
        let part = Part::of(attempt.trace.as_ref(), || {
            span!(
                "call",
                otel.name = format!("invoke {}", attempt.name),
                otel.kind = "client",
                faas.invoked_name = attempt.name.as_str(),
                faas.invocation_id = %attempt.request_id,
                ekiden.attempt = attempt.number,
            )
        });
        attempt.trace = part.context().cloned();
        let end = self.run_target(&attempt, cancel).await;
        if let Some(error) = end.error() {
            part.fail(error);
        }
        end
    }

    async fn run_target(&self, attempt: &Attempt, cancel: CancellationToken) -> End {
        // What is large stands on the heap, since who waits for it is often moved.
        let ran = match &attempt.function.target {
            None => Some(Err(Fault::system(
                "TargetMissing",
                "the function has no target that can be reached",
            ))),
            Some(Target::Handler(name)) => {
                let call = self.handlers.call(name, attempt);
                let call = call.map(|result| bounded(result?, attempt).map(Execution::succeeded));
                unless_stopped(call, attempt.timeout, &cancel).await
            }
            Some(Target::Http(url)) => {
                let call = Box::pin(self.http.call(url, attempt));
                unless_stopped(call, attempt.timeout, &cancel).await
            }
            Some(Target::Command(argv)) => {
                let run = Box::pin(self.commands.run(argv, attempt, &cancel));
                run.await.map(Ok)
            }
        };
        match ran {
            Some(result) => End::Done(result.unwrap_or_else(Execution::failed)),
            None => End::Cancelled,
        }
    }
}

/// What the call gives, or the fault of a timeout; `None` if it was cancelled.
async fn unless_stopped(
    call: impl Future<Output = Result<Execution, Fault>>,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Option<Result<Execution, Fault>> {
    tokio::select! {
        // A result that is there already is the truth, whatever was asked meanwhile, and though its time
        // was over before this worker went on.
        biased;
        result = tokio::time::timeout(timeout, call) => {
            Some(result.unwrap_or_else(|_| Err(Fault::timed_out(timeout))))
        }
        () = cancel.cancelled() => None,
    }
}

fn bounded(output: Bytes, attempt: &Attempt) -> Result<Bytes, Fault> {
    if output.len() > attempt.function.max_output {
        return Err(too_large(attempt.function.max_output));
    }
    Ok(output)
}

/// The fault of every kind of target whose output is over the limit; how much it would have been
/// is known of a handler's alone.
fn too_large(most: usize) -> Fault {
    let message = format!("the output is larger than max_output allows: {most} bytes");
    Fault::function("OutputTooLarge", &message)
}

#[cfg(test)]
mod tests;
