//! Async Rust functions, registered by name.

use crate::Attempt;
use bytes::Bytes;
use ekiden_domain::{Fault, InvocationId, Lease, RequestId, TraceContext};
use futures::{FutureExt, future::BoxFuture};
use std::{collections::HashMap, fmt, future::Future, panic::AssertUnwindSafe, sync::Arc};
use thiserror::Error;

/// What a handler is told beside the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerContext {
    /// The invocation.
    pub request_id: RequestId,
    /// Its caller's name for it.
    pub invocation_id: InvocationId,
    /// The fencing token: a handler that names it in its own effects can refuse a stale run's.
    pub lease: Lease,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// The trace that it is part of.
    pub trace: Option<TraceContext>,
}

/// A handler's own failure: FC's `HandledInvocationError`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct HandlerError(pub String);

type Handler =
    dyn Fn(HandlerContext, Bytes) -> BoxFuture<'static, Result<Bytes, HandlerError>> + Send + Sync;

/// The handlers a program registers, by the name its functions' targets give. Cheap to clone.
#[derive(Clone, Default)]
pub struct Handlers {
    by_name: Arc<HashMap<String, Arc<Handler>>>,
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

impl Handlers {
    /// No handlers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// These and one more. When an attempt is cancelled or times out, its future is dropped.
    #[must_use]
    pub fn with<F, R>(self, name: &str, handler: F) -> Self
    where
        F: Fn(HandlerContext, Bytes) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Bytes, HandlerError>> + Send + 'static,
    {
        let mut by_name = Arc::unwrap_or_clone(self.by_name);
        let handler = move |context, payload| handler(context, payload).boxed();
        by_name.insert(name.to_owned(), Arc::new(handler));
        Self {
            by_name: Arc::new(by_name),
        }
    }

    pub(crate) async fn call(&self, name: &str, attempt: &Attempt) -> Result<Bytes, Fault> {
        let Some(handler) = self.by_name.get(name) else {
            let message = format!("no handler '{name}' is registered in this worker");
            return Err(Fault::system("HandlerNotFound", &message));
        };
        let context = HandlerContext {
            request_id: attempt.request_id,
            invocation_id: attempt.invocation_id.clone(),
            lease: attempt.lease,
            attempt: attempt.number,
            trace: attempt.trace.clone(),
        };
        let (handler, payload) = (Arc::clone(handler), attempt.payload.clone());
        // The call itself may panic as well as the future it makes.
        let run = AssertUnwindSafe(async move { handler(context, payload).await });
        match run.catch_unwind().await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(Fault::function("HandledInvocationError", &error.0)),
            Err(_) => Err(Fault::function(
                "UnhandledInvocationError",
                "the handler panicked",
            )),
        }
    }
}
