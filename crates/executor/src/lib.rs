//! Runs one attempt of a function.
//!
//! [`Executor::run`] is total: whatever the function does, it returns an [`End`]. So far it runs
//! handlers, async Rust functions registered in the program that embeds the worker; a target of
//! another kind ends the attempt with a function error that says so.

mod handler;

pub use handler::{HandlerContext, HandlerError, Handlers};

use bytes::Bytes;
use ekiden_domain::{
    Fault, Function, FunctionName, InvocationId, Lease, Outcome, Qualifier, RequestId, Target,
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// One attempt that is to be run.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The function, as it is registered now.
    pub function: Arc<Function>,
    /// Its full name.
    pub name: FunctionName,
    /// Through which qualifier it was invoked.
    pub qualifier: Qualifier,
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
    /// The function's output; empty where it failed.
    pub output: Bytes,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, or by its timeout.
    Done(Execution),
    /// By its cancellation.
    Cancelled,
}

/// Runs attempts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Executor {
    handlers: Handlers,
}

impl Executor {
    /// An executor that knows these handlers.
    #[must_use]
    pub const fn new(handlers: Handlers) -> Self {
        Self { handlers }
    }

    /// Runs the attempt until it ends, its timeout passes, or it is cancelled.
    pub async fn run(&self, attempt: Attempt, cancel: CancellationToken) -> End {
        let (timeout, most) = (attempt.timeout, attempt.function.max_output);
        let ended = tokio::select! {
            // A result that is there already is the truth, whatever was asked meanwhile.
            biased;
            result = tokio::time::timeout(timeout, self.call(attempt)) => result,
            () = cancel.cancelled() => return End::Cancelled,
        };
        let result = ended.unwrap_or_else(|_| Err(Fault::timed_out(timeout)));
        End::Done(match result.and_then(|output| bounded(output, most)) {
            Ok(output) => Execution {
                outcome: Outcome::Succeeded,
                output,
            },
            Err(fault) => Execution {
                outcome: Outcome::Failed(fault),
                output: Bytes::new(),
            },
        })
    }

    async fn call(&self, attempt: Attempt) -> Result<Bytes, Fault> {
        match &attempt.function.target {
            Target::Handler(name) => self.handlers.call(name, &attempt).await,
            Target::Http(_) => Err(unsupported("http")),
            Target::Command(_) => Err(unsupported("command")),
        }
    }
}

fn unsupported(kind: &str) -> Fault {
    let message = format!("this version cannot run a target of the kind '{kind}'");
    Fault::function("UnsupportedTarget", &message)
}

fn bounded(output: Bytes, most: usize) -> Result<Bytes, Fault> {
    if output.len() <= most {
        return Ok(output);
    }
    let message = format!(
        "the output has {} bytes, max_output allows {most}",
        output.len()
    );
    Err(Fault::function("OutputTooLarge", &message))
}

#[cfg(test)]
mod tests;
