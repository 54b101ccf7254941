//! What runs told.

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// All that was told, run by run, and what could not be run, and why.
#[derive(Debug, Default, Serialize)]
pub(super) struct Measured {
    runs: BTreeMap<String, Vec<Map<String, Value>>>,
    pub(super) not_run: BTreeMap<String, String>,
}

impl Measured {
    /// The median of what the runs of this name told under this key.
    pub(super) fn median(&self, run: &str, key: &str) -> Option<f64> {
        let told = self.runs.get(run)?.iter();
        let mut values: Vec<f64> = told.filter_map(|told| told.get(key)?.as_f64()).collect();
        values.sort_by(f64::total_cmp);
        let lower = values.len().checked_sub(1)? / 2;
        let upper = values.len() / 2;
        Some(f64::midpoint(values[lower], values[upper]))
    }

    /// How often everything was run.
    pub(super) fn rounds(&self) -> usize {
        self.runs.values().map(Vec::len).max().unwrap_or(0)
    }

    pub(super) fn add(&mut self, name: &str, told: Map<String, Value>) {
        self.runs.entry(name.to_owned()).or_default().push(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_median_is_of_those_runs_that_told_the_figure() {
        let mut measured = Measured::default();
        for told in [
            json!({ "a": 4 }),
            json!({ "b": 7 }),
            json!({ "a": 1 }),
            json!({ "a": 2.5 }),
        ] {
            measured.add("run", told.as_object().unwrap().clone());
        }
        assert_eq!(measured.median("run", "a"), Some(2.5));
        measured.add("run", json!({ "a": 3.5 }).as_object().unwrap().clone());
        assert_eq!(measured.median("run", "a"), Some(3.0));
        assert_eq!(measured.median("run", "c"), None);
        assert_eq!(measured.median("other", "a"), None);
        assert_eq!(measured.rounds(), 5);
    }
}
