//! The form of one entry of a list, such as a `[[function]]`.

use super::problems::{HIDDEN, Problems, nearest, show};
use ekiden_domain::Invalid;
use toml::{Table, Value};

/// A key of an entry.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// A phrase that follows "it must be".
    pub(super) allowed: &'static str,
    /// Whether an entry without it is refused.
    pub(super) is_required: bool,
    /// Whether its value may hold a secret and is never shown.
    pub(super) is_hidden: bool,
}

impl Key {
    pub(super) const fn new(name: &'static str, allowed: &'static str) -> Self {
        Self {
            name,
            allowed,
            is_required: false,
            is_hidden: false,
        }
    }

    pub(super) const fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }

    pub(super) const fn hidden(self) -> Self {
        Self {
            is_hidden: true,
            ..self
        }
    }

    /// The refusal of `value` for this key.
    pub(super) fn refusal(&self, label: &str, value: &Value) -> Invalid {
        let shown = if self.is_hidden {
            HIDDEN.to_owned()
        } else {
            show(value)
        };
        Invalid::new(format!("{label}.{}", self.name), &shown, self.allowed)
    }
}

/// Looks at each value of `entry` by itself, so that one mistake does not hide the next, and returns
/// those that fit.
pub(super) fn fitting(
    label: &str,
    entry: &Table,
    keys: &[Key],
    fits: impl Fn(&str, &Value) -> bool,
    problems: &mut Problems,
) -> Table {
    let mut fitting = Table::new();
    for (name, value) in entry {
        match keys.iter().find(|key| key.name == name) {
            Some(_) if fits(name, value) => {
                fitting.insert(name.clone(), value.clone());
            }
            Some(key) => problems.push(key.refusal(label, value)),
            None => {
                let near = nearest(name, keys.iter().map(|key| key.name));
                problems.unknown(&format!("{label}.{name}"), near);
            }
        }
    }
    for key in keys {
        if key.is_required && !entry.contains_key(key.name) {
            problems.missing(&format!("{label}.{}", key.name), key.allowed);
        }
    }
    fitting
}
