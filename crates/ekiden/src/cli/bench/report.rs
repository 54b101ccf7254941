//! What was measured, for people and for programs.

use comfy_table::{Table, presets};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Names and values, in the order in which they were measured.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(String, Value)>);

impl Report {
    pub(super) fn say(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.into()));
    }

    pub(super) fn count(&mut self, name: &str, value: usize) {
        self.0.push((name.to_owned(), value.into()));
    }

    /// Rounded to three places.
    pub(super) fn number(&mut self, name: impl Into<String>, value: f64) {
        let rounded = (value * 1000.0).round() / 1000.0;
        self.0.push((name.into(), json!(rounded)));
    }

    /// How many a second.
    pub(super) fn rate(&mut self, name: &str, tasks: usize, took: Duration) {
        let rate = (tasks as f64 / took.as_secs_f64()).round();
        self.0.push((name.to_owned(), json!(rate)));
    }

    /// One JSON object.
    pub(super) fn line(&self) -> Value {
        let entries = self.0.iter();
        let map: Map<String, Value> = entries
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Value::Object(map)
    }

    /// One line for each.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        for (name, value) in &self.0 {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            table.add_row([name.clone(), value]);
        }
        table
    }
}
