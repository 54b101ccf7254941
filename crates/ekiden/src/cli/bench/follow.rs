//! Tasks that are followed one by one, from the request to the end seen in the store.

use super::{
    load::{Sender, Timings},
    stage::Stage,
};
use anyhow::bail;
use bytes::Bytes;
use std::time::{Duration, Instant};

/// How long a followed task may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends `tasks` invocations, each only when the one before was seen to have ended, by a look after each
/// `pause`.
pub(super) async fn follow(
    stage: &Stage,
    tasks: usize,
    payload: usize,
    pause: Duration,
) -> anyhow::Result<Timings> {
    let mut sender = Sender::connect(stage.addresses()[0]).await?;
    let payload = Bytes::from(vec![b'x'; payload]);
    let mut each = Vec::with_capacity(tasks);
    for _ in 0..tasks {
        let sent = Instant::now();
        let id = sender.invoke(payload.clone()).await?;
        while !stage.has_ended(&id).await? {
            if sent.elapsed() > PATIENCE {
                bail!(
                    "the task {id} did not end within {PATIENCE:?}: perhaps more comes than is carried"
                );
            }
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        each.push(sent.elapsed());
    }
    Ok(Timings::new(each))
}
