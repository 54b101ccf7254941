//! All that is wrong with the settings, told at once.

use std::{error::Error, fmt};
use toml::Value;

/// What stands where a value would, if the value may hold a secret.
pub(super) const HIDDEN: &str = "(hidden)";

/// Everything that is wrong, one line each; no line shows a secret.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    /// This one alone.
    pub(crate) fn of(problem: impl fmt::Display) -> Self {
        let mut problems = Self::default();
        problems.push(problem);
        problems
    }

    pub(super) fn push(&mut self, problem: impl fmt::Display) {
        // Values come from outside: they must neither add lines nor move a terminal's cursor.
        let line = problem.to_string().replace(char::is_control, "\u{FFFD}");
        self.0.push(line);
    }

    pub(super) fn extend(&mut self, problems: Vec<String>) {
        problems.iter().for_each(|problem| self.push(problem));
    }

    pub(super) fn unknown(&mut self, label: &str, near: Option<impl fmt::Display>) {
        match near {
            Some(near) => self.push(format!("{label} is not a setting: did you mean {near}?")),
            None => self.push(format!("{label} is not a setting")),
        }
    }

    pub(super) fn missing(&mut self, label: &str, allowed: &str) {
        self.push(format!("{label} is missing: it must be {allowed}"));
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// `value`, if there is no problem.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl Error for Problems {}

/// `value` as a problem shows it.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Table(_) => "{…}".to_owned(),
        other => other.to_string(),
    }
}

/// The known key that `key` is most likely a slip of; both may begin with a section and a dot.
pub(super) fn nearest<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let split = |path: &'a str| path.rsplit_once('.').unwrap_or(("", path));
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let likeness = |candidate: &'a str| match split(candidate) {
        (near, near_name) if near == section && name.len() > 2 && near_name.contains(name) => 0.9,
        (near, near_name) if near == section => {
            strsim::normalized_damerau_levenshtein(name, near_name)
        }
        (_, near_name) if near_name == name => 0.8,
        _ => 0.0,
    };
    known
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}
