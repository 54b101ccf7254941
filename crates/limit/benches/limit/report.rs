//! What was measured, as one line.

use crate::tasks::Rates;
use serde_json::{Map, Value, json};
use std::{fmt, time::Duration};

/// Names and values of one run.
#[derive(Default)]
pub(crate) struct Report(Map<String, Value>);

impl Report {
    pub(crate) fn rates(&mut self, rates: Rates) {
        for (name, rate) in [
            ("enqueue_per_s", rates.enqueue),
            ("drain_per_s", rates.drain),
            ("both_per_s", rates.both),
        ] {
            self.0.insert(name.to_owned(), json!(rate.round()));
        }
    }

    /// How long single tasks took, the shortest first.
    pub(crate) fn followed(&mut self, took: &[Duration]) {
        for (name, percent) in [("p50_ms", 50), ("p99_ms", 99)] {
            if let Some(took) = took.get(took.len() * percent / 100) {
                self.0
                    .insert(name.to_owned(), json!(took.as_secs_f64() * 1000.0));
            }
        }
    }

    /// What the API answered over so many connections, as its sender tells it.
    pub(crate) fn answers(&mut self, connections: usize, told: Map<String, Value>) {
        for (name, value) in told {
            self.0.insert(format!("http_{connections}_{name}"), value);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::Object(self.0.clone()).fmt(f)
    }
}
