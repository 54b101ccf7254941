//! Producers and readers: tasks of every kind at a steady rate, each sent until it is accepted.

use crate::{
    check::{Promise, Violation},
    record::{Task, now},
};
use ekiden_domain::Status::{self, Expired, Failed, Stopped, Succeeded};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How many tasks are sent in a second.
pub(crate) const RATE: u32 = 20;
/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The first wait before a task is sent again, doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often it is looked whether the last accepted task is listed.
const LOOK: Duration = Duration::from_millis(250);

/// One kind of task.
struct Kind {
    /// How many of a hundred tasks are of it.
    share: u32,
    name: &'static str,
    function: &'static str,
    /// How long the work takes, in milliseconds: between these.
    takes: (u64, u64),
    /// How many attempts fail, and with which status.
    fails: (u32, u16),
    /// After how many seconds it is due, at most.
    delay: u32,
    /// Whether it is stopped soon.
    stopped: bool,
    ends: &'static [Status],
}

const QUICK: Kind = Kind {
    share: 40,
    name: "quick",
    function: "steady",
    takes: (5, 60),
    fails: (0, 500),
    delay: 0,
    stopped: false,
    ends: &[Succeeded],
};

#[rustfmt::skip]
const KINDS: [Kind; 10] = [
    QUICK,
    Kind { share: 10, name: "flaky", fails: (2, 500), ..QUICK },
    Kind { share: 5, name: "busy", fails: (1, 503), ..QUICK },
    Kind { share: 15, name: "slow", takes: (1000, 6000), ..QUICK },
    Kind { share: 10, name: "narrow", function: "narrow", ..QUICK },
    Kind { share: 5, name: "delayed", delay: 4, ..QUICK },
    Kind { share: 4, name: "failing", function: "brief", fails: (9, 500), ends: &[Failed], ..QUICK },
    Kind { share: 2, name: "hanging", function: "brief", takes: (5000, 8000), ends: &[Failed], ..QUICK },
    Kind { share: 5, name: "stopped", takes: (3000, 6000), stopped: true, ends: &[Stopped, Succeeded], ..QUICK },
    Kind { share: 4, name: "hasty", function: "hasty", ends: &[Expired, Succeeded], ..QUICK },
];

impl Kind {
    fn draw(rng: &mut StdRng) -> &'static Self {
        let mut drawn: u32 = rng.random_range(0..100);
        for kind in &KINDS {
            match drawn.checked_sub(kind.share) {
                Some(rest) => drawn = rest,
                None => return kind,
            }
        }
        &KINDS[0]
    }
}

/// What one task is, wherever it goes.
struct Order {
    id: String,
    kind: &'static Kind,
    payload: String,
    delay: u32,
    stop_after: Duration,
}

/// Where producers go, and what became of it. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    http: Client,
    enqueue: Arc<[String]>,
    list: String,
    accepted: Arc<Mutex<Vec<Task>>>,
    violations: Arc<Mutex<Vec<Violation>>>,
}

impl Load {
    pub(crate) fn new(enqueue: Vec<String>, list: String) -> Self {
        Self {
            http: client(),
            enqueue: enqueue.into(),
            list,
            accepted: Arc::default(),
            violations: Arc::default(),
        }
    }

    /// Every task that was accepted.
    pub(crate) fn tasks(&self) -> Vec<Task> {
        self.accepted.lock().unwrap().clone()
    }

    /// What producers and readers saw that must not be.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.violations.lock().unwrap().clone()
    }

    /// Sends tasks until `stop`, and returns when each has been accepted.
    pub(crate) async fn run(self, seed: u64, stop: CancellationToken) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut beats = tokio::time::interval(Duration::from_secs(1) / RATE);
        let tasks = TaskTracker::new();
        let reader = tokio::spawn(self.clone().read(stop.clone()));
        let mut number = 0;
        while stop.run_until_cancelled(beats.tick()).await.is_some() {
            let kind = Kind::draw(&mut rng);
            let (shortest, longest) = kind.takes;
            let takes = rng.random_range(shortest..=longest);
            let order = Order {
                // Of one length, so that none is the beginning of another.
                id: format!("{}-{number:07}", kind.name),
                payload: format!("[{takes},{},{}]", kind.fails.0, kind.fails.1),
                delay: rng.random_range(0..=kind.delay),
                stop_after: Duration::from_millis(rng.random_range(0..2000)),
                kind,
            };
            tasks.spawn(self.clone().produce(number, order));
            number += 1;
        }
        tasks.close();
        tasks.wait().await;
        reader.await.unwrap();
    }

    async fn produce(self, number: usize, order: Order) {
        let mut wait = FIRST_WAIT;
        for way in number.. {
            let endpoint = &self.enqueue[way % self.enqueue.len()];
            match self.send(endpoint, &order).await {
                // Of the same id: an earlier request was accepted, and its answer was lost.
                Ok(answer) if [202, 409].contains(&answer.status().as_u16()) => break,
                Ok(answer) => self.check_refusal(&order.id, &answer),
                Err(_) => {}
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        self.accepted.lock().unwrap().push(Task {
            id: order.id.clone(),
            ends: order.kind.ends,
            accepted_at: now(),
        });
        if order.kind.stopped {
            tokio::time::sleep(order.stop_after).await;
            let endpoint = &self.enqueue[number % self.enqueue.len()];
            let Order { kind, id, .. } = &order;
            let stop = format!(
                "{}/{id}",
                path(endpoint, kind.function, "stateful-async-invocations")
            );
            // Whatever comes of it, the task has two ends that it may come to.
            drop(self.http.put(stop).send().await);
        }
    }

    async fn send(&self, endpoint: &str, order: &Order) -> reqwest::Result<Response> {
        let mut request = self
            .http
            .post(path(endpoint, order.kind.function, "invocations"))
            .header("x-fc-invocation-type", "Async")
            .header("x-fc-stateful-async-invocation-id", &order.id)
            .body(order.payload.clone());
        if order.delay > 0 {
            request = request.header("x-fc-async-delay", order.delay);
        }
        request.send().await
    }

    fn check_refusal(&self, id: &str, answer: &Response) {
        let is_polite = answer.status() == StatusCode::SERVICE_UNAVAILABLE
            && answer.headers().contains_key("retry-after");
        if !is_polite {
            self.tell(Promise::RefusalsArePolite, id, format!("{answer:?}"));
        }
    }

    fn tell(&self, promise: Promise, id: &str, what: String) {
        let id = id.to_owned();
        let violation = Violation { promise, id, what };
        self.violations.lock().unwrap().push(violation);
    }

    /// Looks until `stop` whether what was accepted last is in the list.
    async fn read(self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(LOOK))
            .await
            .is_some()
        {
            let Some(id) = self
                .accepted
                .lock()
                .unwrap()
                .last()
                .map(|task| task.id.clone())
            else {
                continue;
            };
            let name = id.split('-').next().unwrap();
            let kind = KINDS.iter().find(|kind| kind.name == name).unwrap();
            let list = path(&self.list, kind.function, "stateful-async-invocations");
            let asked = self
                .http
                .get(format!("{list}?limit=1&invocationIdPrefix={id}"));
            let Ok(answer) = asked.send().await else {
                continue;
            };
            if answer.status() != StatusCode::OK {
                self.check_refusal(&id, &answer);
                continue;
            }
            let Ok(page) = answer.json::<Value>().await else {
                continue;
            };
            if page["invocations"].as_array().is_none_or(Vec::is_empty) {
                let what = format!("accepted, and not listed: {page}");
                self.tell(Promise::NothingIsLost, &id, what);
            }
        }
    }
}

/// A client that speaks no TLS.
pub(crate) fn client() -> Client {
    // The second time it is there already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder().no_proxy().tls_certs_only([]);
    client.timeout(TIMEOUT).build().unwrap()
}

fn path(endpoint: &str, function: &str, what: &str) -> String {
    format!("{endpoint}/services/default/functions/{function}/{what}")
}
