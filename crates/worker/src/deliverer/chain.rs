//! A destination that is another function: its invocation is enqueued once for each source's.

use super::{Deliverer, Tried};
use bytes::Bytes;
use ekiden_domain::{
    FunctionName, Invocation, InvocationId, Missing, NewInvocation, Qualifier, Record, RequestId,
    TraceContext,
    delivery::{MAX_CHAINED, MAX_HOPS, Verdict},
};
use ekiden_store::{Accepted, StoreError};
use std::time::Duration;

impl Deliverer {
    /// Enqueues an invocation of this function with `content` as its payload, in the trace of its
    /// source; nothing if that was
    /// done before: its id says whose result it has, and a function has one of each id.
    pub(super) async fn enqueue(
        &self,
        name: &FunctionName,
        qualifier: &Qualifier,
        source: &Record,
        content: Bytes,
        trace: Option<&TraceContext>,
    ) -> Result<Tried, StoreError> {
        let source = &source.invocation;
        if source.hops + 1 >= MAX_HOPS {
            let why = format!("a chain ends after {MAX_HOPS} functions, and this was the last");
            return Ok(Tried::failed(Verdict::Never, why));
        }
        if content.len() > MAX_CHAINED {
            let (is, most) = (content.len(), MAX_CHAINED);
            let why = format!("a function can be told {most} bytes, and this result makes {is}");
            return Ok(Tried::failed(Verdict::Never, why));
        }
        let resolved = match self
            .catalog
            .resolve(name, qualifier, ekiden_domain::chance::draw())
            .await?
        {
            Ok(resolved) => resolved,
            Err(Missing::Function) => {
                let why = format!("the function '{name}' does not exist");
                return Ok(Tried::failed(Verdict::Never, why));
            }
            Err(Missing::Qualifier) => {
                let why = format!("the function '{name}' has no version or alias '{qualifier}'");
                return Ok(Tried::failed(Verdict::Never, why));
            }
        };
        if resolved.disabled.is_some() {
            let why = format!("the function '{name}' is disabled");
            return Ok(Tried::failed(Verdict::Again, why));
        }
        let new = NewInvocation {
            function: name.clone(),
            qualifier: qualifier.clone(),
            version: resolved.version,
            invocation_id: Some(chained_id(source.request_id)?),
            delay: Duration::ZERO,
            stateful: true,
            hops: source.hops + 1,
            trace: trace.cloned(),
        };
        let lane = resolved.function.effective_lane(name);
        let now = self.clock.now();
        let request_id = RequestId::generate(now);
        let (invocation, message) =
            Invocation::accept(request_id, new, &resolved.config, lane, now);
        let enqueued = match self.store.accept(invocation, content, message).await? {
            Accepted::New => request_id,
            Accepted::Duplicate { request_id, .. } => request_id,
        };
        Ok(Tried::delivered(format!("enqueued as {enqueued}")))
    }
}

fn chained_id(source: RequestId) -> Result<InvocationId, StoreError> {
    Ok(format!("after-{source}").parse()?)
}
