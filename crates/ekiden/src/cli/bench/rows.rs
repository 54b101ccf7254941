//! What is listed: invocations of a function of their own, nearly all of them final, of every end
//! there is. They take the steps that the domain knows, each to its end in one write.

use super::stage::Stage;
use crate::clock::SystemClock;
use anyhow::bail;
use bytes::Bytes;
use ekiden_domain::{
    AsyncConfig, Clock, Fault, Function, FunctionName, Invocation, InvocationId, Lane, Message,
    NewInvocation, Outcome, Qualifier, RequestId, Timestamp, Transition, WorkerId,
};
use ekiden_store::{Accepted, Commit, Store};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use std::{ops::Range, time::Duration};

/// The function's service and name.
pub(super) const LISTED: (&str, &str) = ("bench", "listed");
/// What the ids of ten begin with, and those of all others.
pub(super) const FEW: &str = "rare-";
pub(super) const MANY: &str = "order-";
const MOST_FEW: usize = 10;
/// How many are written together, and how often that is done at once.
const TOGETHER: usize = 1000;
const AT_ONCE: usize = 3;
const TIMEOUT: Duration = Duration::from_mins(1);

/// The rows: accepted one millisecond after the other, up to now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    count: usize,
    first_at: Timestamp,
}

impl Rows {
    /// Writes them, as many tens as there are in `count`.
    pub(super) async fn fill(stage: &Stage, count: usize) -> anyhow::Result<Self> {
        let count = count - count % MOST_FEW;
        let now = SystemClock.now();
        let rows = Self {
            count,
            first_at: now.before(Duration::from_millis(count as u64)),
        };
        let (service, name) = LISTED;
        let name = FunctionName::new(service, name)?;
        let store = &stage.platform.store;
        store.put_function(&Function::named(&name), now).await?;
        let batches = (0..count).step_by(TOGETHER);
        let kept: Vec<usize> = stream::iter(batches)
            .map(|from| rows.write(store, &name, from..count.min(from + TOGETHER)))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        stage.keep(kept.iter().sum());
        Ok(rows)
    }

    /// When the row after this share (0 to 1) of all was accepted.
    pub(super) fn at(self, share: f64) -> Timestamp {
        let after = Duration::from_millis(self.count as u64).mul_f64(share);
        self.first_at.after(after)
    }

    /// Writes some of them. Returns how many of those are not final.
    async fn write(
        self,
        store: &Store,
        function: &FunctionName,
        rows: Range<usize>,
    ) -> anyhow::Result<usize> {
        let rows: Vec<Row> = rows
            .map(|number| self.row(function, number))
            .collect::<anyhow::Result<_>>()?;
        let accepts = rows.iter().map(|row| row.accept(store));
        try_join_all(accepts).await?;
        let ends: Vec<Transition> = rows.iter().filter_map(|row| row.end.clone()).collect();
        let kept = rows.len() - ends.len();
        let commits = ends.into_iter().map(|end| store.commit(end));
        for committed in try_join_all(commits).await? {
            if committed != Commit::Written {
                bail!("a row was changed by another");
            }
        }
        let messages: Vec<_> = rows
            .iter()
            .map(|row| (row.invocation.request_id, row.message.id))
            .collect();
        store.delete_messages(&messages).await?;
        Ok(kept)
    }

    fn row(self, function: &FunctionName, number: usize) -> anyhow::Result<Row> {
        let at = self.first_at.after(Duration::from_millis(number as u64));
        let few_each = self.count / MOST_FEW;
        let beginning = if number % few_each == few_each / 2 {
            FEW
        } else {
            MANY
        };
        let new = NewInvocation {
            function: function.clone(),
            qualifier: Qualifier::latest(),
            version: Qualifier::latest(),
            invocation_id: Some(format!("{beginning}{number}").parse::<InvocationId>()?),
            delay: Duration::ZERO,
            stateful: true,
            hops: 0,
            trace: None,
        };
        let config = AsyncConfig {
            max_retries: 0,
            ..AsyncConfig::default()
        };
        let (invocation, message) =
            Invocation::accept(RequestId::generate(at), new, &config, Lane::shared(), at);
        // Nobody is to send it: it is deleted before it falls due.
        let message = Message {
            due_at: SystemClock.now().after(config.max_age),
            ..message
        };
        let end = end(&invocation, number, at)?;
        Ok(Row {
            invocation,
            message,
            end,
        })
    }
}

struct Row {
    invocation: Invocation,
    message: Message,
    end: Option<Transition>,
}

impl Row {
    async fn accept(&self, store: &Store) -> anyhow::Result<()> {
        let (invocation, message) = (self.invocation.clone(), self.message.clone());
        let accepted = store.accept(invocation, Bytes::from_static(b"{}"), message);
        if accepted.await? != Accepted::New {
            bail!("a row was there already");
        }
        Ok(())
    }
}

/// How it ends: of a thousand ten not at all, five Failed, three Stopped and two Expired.
fn end(
    invocation: &Invocation,
    number: usize,
    at: Timestamp,
) -> anyhow::Result<Option<Transition>> {
    let run = |outcome| {
        invocation
            .claim(WorkerId::from_uuid(uuid::Uuid::nil()), at)?
            .then(|claimed| claimed.start(TIMEOUT, at))?
            .then(|started| started.finish(outcome, at))
    };
    Ok(Some(match number % 1000 {
        0..10 => return Ok(None),
        10..15 => run(Outcome::Failed(Fault::function(
            "Error",
            "as was to be shown",
        )))?,
        15..18 => invocation.stop(at)?,
        18..20 => invocation.expire(invocation.expires_at)?,
        _ => run(Outcome::Succeeded)?,
    }))
}
