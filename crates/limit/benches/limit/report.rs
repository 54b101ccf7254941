//! What was measured, as one line.

use crate::tasks::Rates;
use serde_json::{Map, Value, json};
use std::fmt;

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
