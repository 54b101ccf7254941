//! What is checked.

use super::stage::Stage;
use crate::{client::Record, clock::SystemClock};
use anyhow::{Context, ensure};
use ekiden_domain::{Clock, Lane, Outcome, Status};
use ekiden_store::Commit;
use futures::future::try_join_all;
use std::time::Duration;

/// How many tasks wait when the queues go.
const WAITING: usize = 20;
/// The pause before something is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// One check.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    Run,
    Delay,
    Retry,
    Fail,
    Stop,
    Expire,
    LostClaim,
    Redelivery,
    WipedBroker,
}

pub(super) const ALL: [Check; 9] = [
    Check::Run,
    Check::Delay,
    Check::Retry,
    Check::Fail,
    Check::Stop,
    Check::Expire,
    Check::LostClaim,
    Check::Redelivery,
    Check::WipedBroker,
];

impl Check {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Run => "a task is accepted, runs once and succeeds",
            Self::Delay => "a delayed task does not run before it is due",
            Self::Retry => "a task that fails is retried and succeeds",
            Self::Fail => "a task fails after its retries",
            Self::Stop => "a running task is stopped",
            Self::Expire => "a task that waits too long expires",
            Self::LostClaim => {
                "a task of a lost worker runs again, and the lost claim changes nothing"
            }
            Self::Redelivery => "a message that comes again runs nothing again",
            Self::WipedBroker => "what waits in queues that are deleted runs all the same",
        }
    }

    pub(super) async fn make(self, stage: &Stage) -> anyhow::Result<()> {
        match self {
            Self::Run => run(stage).await,
            Self::Delay => delay(stage).await,
            Self::Retry => retry(stage).await,
            Self::Fail => fail(stage).await,
            Self::Stop => stop(stage).await,
            Self::Expire => expire(stage).await,
            Self::LostClaim => lost_claim(stage).await,
            Self::Redelivery => redelivery(stage).await,
            Self::WipedBroker => wiped_broker(stage).await,
        }
    }
}

/// Checks which way a task went.
fn went(record: &Record, way: &[Status]) -> anyhow::Result<()> {
    let events: Vec<Status> = record.events.iter().map(|event| event.status).collect();
    ensure!(events == way, "its events are {events:?}, not {way:?}");
    Ok(())
}

const ONCE: [Status; 4] = [
    Status::Enqueued,
    Status::Dequeued,
    Status::Running,
    Status::Succeeded,
];
const TWICE: [Status; 7] = [
    Status::Enqueued,
    Status::Dequeued,
    Status::Running,
    Status::Retrying,
    Status::Dequeued,
    Status::Running,
    Status::Succeeded,
];

async fn run(stage: &Stage) -> anyhow::Result<()> {
    let task = stage.invoke("echo", None).await?;
    went(&stage.until(&task, Status::Succeeded).await?, &ONCE)?;
    let calls = stage.calls.of(&task.id);
    ensure!(calls == 1, "it was called {calls} times");
    Ok(())
}

async fn delay(stage: &Stage) -> anyhow::Result<()> {
    let task = stage.invoke("echo", Some(1)).await?;
    let record = stage.until(&task, Status::Succeeded).await?;
    went(&record, &ONCE)?;
    let waited = record.events[2].timestamp - record.events[0].timestamp;
    ensure!(waited >= 1000, "it ran after {waited} ms, due after 1000");
    Ok(())
}

async fn retry(stage: &Stage) -> anyhow::Result<()> {
    let task = stage.invoke("flaky", None).await?;
    went(&stage.until(&task, Status::Succeeded).await?, &TWICE)
}

async fn fail(stage: &Stage) -> anyhow::Result<()> {
    let task = stage.invoke("broken", None).await?;
    let record = stage.until(&task, Status::Failed).await?;
    let retries = record.already_retried_times;
    ensure!(retries == 1, "it was retried {retries} times, not once");
    Ok(())
}

async fn stop(stage: &Stage) -> anyhow::Result<()> {
    let task = stage.invoke("held", None).await?;
    stage.until_called(&task, 1).await;
    stage.ask_to_stop(&task).await?;
    stage.until(&task, Status::Stopped).await?;
    Ok(())
}

async fn expire(stage: &Stage) -> anyhow::Result<()> {
    let first = stage.invoke("hasty", None).await?;
    stage.until_called(&first, 1).await;
    let second = stage.invoke("hasty", None).await?;
    stage.until(&second, Status::Expired).await?;
    stage.calls.release();
    stage.until(&first, Status::Succeeded).await?;
    let calls = stage.calls.of(&second.id);
    ensure!(calls == 0, "it was called {calls} times");
    Ok(())
}

async fn lost_claim(stage: &Stage) -> anyhow::Result<()> {
    let task = stage.invoke("held", None).await?;
    stage.until_called(&task, 1).await;
    let found = stage.store.find(&task.function, &task.id).await?;
    let lost = found.context("an accepted task")?.invocation;
    let holder = lost.worker.context("a running task has a worker")?;
    // As the reaper does with a worker whose heart stands still; this one's may beat in between.
    loop {
        let workers = stage.store.workers().await?;
        let counter = workers.iter().find(|worker| worker.id == holder);
        let counter = counter.context("the worker is announced")?.counter;
        if stage.store.remove_worker(holder, counter).await? {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    stage.until_called(&task, 2).await;
    let late = lost.finish(Outcome::Succeeded, SystemClock.now())?;
    let late = stage.store.commit(late).await?;
    ensure!(
        late != Commit::Written,
        "the lost claim's result was written"
    );
    stage.calls.release();
    let record = stage.until(&task, Status::Succeeded).await?;
    went(&record, &TWICE)?;
    let told = &record.events[3].event_detail;
    ensure!(
        told.contains("WorkerLost"),
        "the record does not tell: {told}"
    );
    Ok(())
}

async fn redelivery(stage: &Stage) -> anyhow::Result<()> {
    let task = stage.invoke("held", None).await?;
    stage.until_called(&task, 1).await;
    let record = stage.record(&task).await?;
    let id = record.request_id.parse()?;
    for _ in 0..3 {
        stage.broker.publish(&Lane::shared(), &[id], None).await?;
    }
    // Behind them in the same queue.
    let next = stage.invoke("echo", None).await?;
    stage.until(&next, Status::Succeeded).await?;
    stage.calls.release();
    went(&stage.until(&task, Status::Succeeded).await?, &ONCE)?;
    let calls = stage.calls.of(&task.id);
    ensure!(calls == 1, "it was called {calls} times");
    Ok(())
}

async fn wiped_broker(stage: &Stage) -> anyhow::Result<()> {
    let first = stage.invoke("narrow", None).await?;
    stage.until_called(&first, 1).await;
    let waiting = (0..WAITING).map(|_| stage.invoke("narrow", None));
    let waiting = try_join_all(waiting).await?;
    stage.wipe().await?;
    for task in std::iter::once(&first).chain(&waiting) {
        while stage.record(task).await?.status != Status::Succeeded {
            stage.calls.release();
            tokio::time::sleep(PAUSE).await;
        }
        let calls = stage.calls.of(&task.id);
        ensure!(calls == 1, "a task was called {calls} times");
    }
    Ok(())
}
