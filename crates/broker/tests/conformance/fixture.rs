//! A broker for one test, with queues that no other test sees.

use crate::server::{self, Raw};
use ekiden_broker::{AmqpConfig, Broker, Consumer, Delivery};
use ekiden_domain::{Lane, RequestId, Timestamp};
use futures::FutureExt;
use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::sync::RwLock;
use tracing_subscriber::EnvFilter;

/// How long anything may take that is to happen; nothing waits this long where all is well.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// How long to look for something that is not to happen.
pub(crate) const NEVER: Duration = Duration::from_millis(300);

/// The lanes a test may use; their queues are deleted after it.
const LANES: [&str; 2] = ["a", "b"];

pub(crate) fn lane() -> Lane {
    LANES[0].parse().unwrap()
}

pub(crate) fn other_lane() -> Lane {
    LANES[1].parse().unwrap()
}

pub(crate) fn ids(count: usize) -> Vec<RequestId> {
    (0..count)
        .map(|_| RequestId::generate(Timestamp::from_millis(1_700_000_000_000)))
        .collect()
}

/// How a test reaches its RabbitMQ.
#[derive(Clone)]
pub(crate) struct Rabbit {
    pub(crate) config: AmqpConfig,
    pub(crate) raw: Arc<Raw>,
}

impl Rabbit {
    pub(crate) fn queue(&self, lane: &Lane) -> String {
        format!("{}.dispatch.{lane}", self.config.prefix)
    }

    pub(crate) async fn delete_queue(&self, lane: &Lane) {
        self.raw.delete_queue(&self.queue(lane)).await;
    }
}

pub(crate) async fn in_process<T: Future<Output = ()>>(case: impl FnOnce(Broker) -> T) {
    case(Broker::in_process()).await;
}

/// Runs a case on a connected broker.
pub(crate) async fn amqp<T: Future<Output = ()>>(case: impl FnOnce(Broker) -> T) {
    with_rabbit(async |rabbit| {
        let broker = Broker::amqp(rabbit.config.clone()).unwrap();
        case(broker.clone()).await;
        broker.close().await;
    })
    .await;
}

/// Whoever only uses the RabbitMQ shares this; whoever disturbs it has it alone.
static PEACE: RwLock<()> = RwLock::const_new(());

/// Runs a test with queue names of its own, and deletes the queues whatever becomes of it.
pub(crate) async fn with_rabbit(test: impl AsyncFnOnce(Rabbit)) {
    let _peace = PEACE.read().await;
    run(test).await;
}

/// The same while no other test of this program uses the RabbitMQ.
pub(crate) async fn with_rabbit_alone(test: impl AsyncFnOnce(Rabbit)) {
    let _peace = PEACE.write().await;
    run(test).await;
}

async fn run(test: impl AsyncFnOnce(Rabbit)) {
    // What `RUST_LOG` asks for is shown; the first test's subscriber is as good as any other's.
    drop(
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::from_default_env())
            .with_test_writer()
            .try_init(),
    );
    let url = server::url();
    let rabbit = Rabbit {
        config: AmqpConfig {
            prefix: format!("test-{}", &ids(1)[0].to_string()[9..]),
            ..AmqpConfig::new(&url)
        },
        raw: Arc::new(Raw::connect(&url).await),
    };
    let outcome = AssertUnwindSafe(test(rabbit.clone())).catch_unwind().await;
    // The test may have broken the first connection.
    let raw = Raw::connect(&url).await;
    for lane in LANES {
        raw.delete_queue(&rabbit.queue(&lane.parse().unwrap()))
            .await;
    }
    raw.delete_exchange(&format!("{}.control", rabbit.config.prefix))
        .await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// What `work` gives, which it must soon.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, work)
        .await
        .expect("it should have happened by now")
}

pub(crate) async fn next(consumer: &mut Consumer) -> Delivery {
    soon(consumer.next()).await.expect("a message")
}

/// Waits until as many messages are ready.
pub(crate) async fn ready(broker: &Broker, lane: &Lane, expected: u64) {
    let mut last = None;
    let deadline = tokio::time::Instant::now() + SOON;
    while tokio::time::Instant::now() < deadline {
        last = broker.inspect(lane).await.ok();
        if last.is_some_and(|state| state.ready == expected) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{expected} messages should be ready, the last look gave {last:?}");
}
