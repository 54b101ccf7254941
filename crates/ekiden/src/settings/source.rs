//! What the file and the environment say, read key by key.
//!
//! A key is known because [`super::Settings`] reads it, so that no list of keys can go stale.

use super::{
    parse,
    problems::{HIDDEN, Problems, show},
};
use ekiden_domain::Invalid;
use std::{collections::BTreeMap, ops::RangeInclusive, path::Path, str::FromStr, time::Duration};
use toml::{Table, Value};

/// What the name of every variable that overrides a key begins with.
pub(super) const PREFIX: &str = "EKIDEN__";

/// Variables with a name of their own, and the keys they stand for.
const ALIASES: [(&str, &str); 4] = [
    ("DATABASE_URL", "database.url"),
    ("AMQP_URL", "broker.url"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint"),
    ("OTEL_SERVICE_NAME", "telemetry.service_name"),
];

/// The file and the environment, with the problems found so far.
#[derive(Default)]
pub(super) struct Source {
    /// The file's path, ending in `: `; empty without a file.
    pub(super) file: String,
    pub(super) table: Table,
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) known: Vec<&'static str>,
    pub(super) problems: Problems,
}

/// A variable of the environment, kept under the key that it stands for.
pub(super) struct Variable {
    pub(super) name: String,
    text: String,
}

/// A key's value, and how its user spells the key.
struct Given {
    label: String,
    /// How it can be understood, the likeliest first: a variable is text, or else TOML.
    readings: Vec<Value>,
}

/// One table of a list such as `[[function]]`.
pub(super) struct Entry {
    /// Where it stands: the file's path or the variable's name, ending in `: `.
    pub(super) origin: String,
    pub(super) table: Table,
}

impl Source {
    /// Takes the file's content; what is wrong with it becomes a problem.
    pub(super) fn with_file(mut self, path: &Path, text: &str) -> Self {
        self.file = format!("{}: ", path.display());
        match parse::file(path, text) {
            Ok(table) => self.table = table,
            Err(problems) => self.problems.extend(problems),
        }
        self
    }

    pub(super) fn with_problem(mut self, problem: String) -> Self {
        self.problems.push(problem);
        self
    }

    /// Forgets all of the file but `key`, and says whether there was more.
    pub(super) fn keep_only(&mut self, key: &str) -> bool {
        let before = self.table.len();
        self.table.retain(|name, _| name == key);
        self.table.len() < before
    }

    /// Takes the variables that are settings and leaves all others alone.
    pub(super) fn with_environment(
        mut self,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let key = |path: &str| path.replace("__", ".").to_ascii_lowercase();
        let mut aliases = BTreeMap::new();
        for (name, text) in environment {
            if let Some((_, key)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
                aliases.insert((*key).to_owned(), Variable { name, text });
                continue;
            }
            let Some(key) = name.to_ascii_uppercase().strip_prefix(PREFIX).map(key) else {
                continue;
            };
            let this = name.clone();
            if let Some(twin) = self.variables.insert(key, Variable { name, text }) {
                let problem = format!("{this} and {} are the same setting", twin.name);
                self.problems.push(problem);
            }
        }
        for (key, alias) in aliases {
            if self.variable(&key).is_none() {
                self.variables.insert(key, alias);
            }
        }
        self
    }

    /// A whole number.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> u32 {
        self.optional_number(key, range).unwrap_or(default)
    }

    /// A whole number, if one is given.
    pub(super) fn optional_number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Option<u32> {
        let allowed = format!("a number from {} to {}", range.start(), range.end());
        let parse = |value: &Value| {
            let number = u32::try_from(value.as_integer()?).ok()?;
            range.contains(&number).then_some(number)
        };
        self.read(key, &allowed, show, parse)
    }

    /// A part of a whole.
    pub(super) fn ratio(&mut self, key: &'static str, default: f64) -> f64 {
        let parse = |value: &Value| {
            let ratio = match value {
                // 0 and 1 need no point.
                Value::Integer(whole) => f64::from(i32::try_from(*whole).ok()?),
                value => value.as_float()?,
            };
            (0.0..=1.0).contains(&ratio).then_some(ratio)
        };
        let allowed = "a number from 0 to 1";
        self.read(key, allowed, show, parse).unwrap_or(default)
    }

    /// A span of time.
    pub(super) fn span(
        &mut self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let [least, most] = [range.start(), range.end()].map(|span| parse::show_span(*span));
        let allowed = format!("a duration from \"{least}\" to \"{most}\"");
        let parse = |value: &Value| {
            let span = humantime::parse_duration(value.as_str()?).ok()?;
            range.contains(&span).then_some(span)
        };
        self.read(key, &allowed, show, parse).unwrap_or(default)
    }

    /// Text of a form that `parse` knows.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        default: T,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> T {
        let parse = |value: &Value| parse(value.as_str()?);
        self.read(key, allowed, show, parse).unwrap_or(default)
    }

    /// A list of texts, none by default; never shown if `is_secret`.
    pub(super) fn texts<T: FromStr>(
        &mut self,
        key: &'static str,
        allowed: &str,
        is_secret: bool,
    ) -> Vec<T> {
        let text = |value: &Value| value.as_str()?.parse().ok();
        let parse = |value: &Value| value.as_array()?.iter().map(text).collect();
        let show = |value: &Value| {
            if is_secret {
                HIDDEN.to_owned()
            } else {
                show(value)
            }
        };
        self.read(key, allowed, show, parse).unwrap_or_default()
    }

    /// A URL, of which no more than the scheme is ever shown.
    pub(super) fn url<T>(
        &mut self,
        key: &'static str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let parse = |value: &Value| parse(value.as_str()?);
        self.read(key, allowed, parse::show_scheme, parse)
    }

    /// A list of tables.
    pub(super) fn entries(&mut self, key: &'static str) -> Vec<Entry> {
        let origin = match self.variable(key) {
            Some(variable) => format!("{}: ", variable.name),
            None => self.file.clone(),
        };
        let allowed =
            format!("a list of tables, each written [[{key}]], or as a variable [{{ … }}]");
        let hide = |_: &Value| HIDDEN.to_owned();
        let entry = |value: &Value| {
            let (origin, table) = (origin.clone(), value.as_table()?.clone());
            Some(Entry { origin, table })
        };
        let parse = |value: &Value| value.as_array()?.iter().map(entry).collect();
        self.read(key, &allowed, hide, parse).unwrap_or_default()
    }

    /// `value`, if nothing was wrong; to be called when every key has been read.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, Problems> {
        self.find_unknown_in_file();
        self.find_unknown_variables();
        self.problems.or(value)
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        allowed: &str,
        show: impl Fn(&Value) -> String,
        parse: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        let Given { label, readings } = self.given(key)?;
        let parsed = readings.iter().find_map(parse);
        if let (None, Some(value)) = (&parsed, readings.first()) {
            let problem = Invalid::new(label, &show(value), allowed);
            self.problems.push(problem);
        }
        parsed
    }

    /// The variable that overrides `key`. An empty one counts as not set: that is how Docker Compose
    /// passes on what its own environment lacks.
    fn variable(&self, key: &str) -> Option<&Variable> {
        let variable = self.variables.get(key)?;
        (!variable.text.is_empty()).then_some(variable)
    }

    fn given(&self, key: &str) -> Option<Given> {
        if let Some(variable) = self.variable(key) {
            let mut readings = vec![Value::String(variable.text.clone())];
            readings.extend(variable.text.parse::<Value>().ok());
            let label = variable.name.clone();
            return Some(Given { label, readings });
        }
        let mut path = key.split('.');
        let first = self.table.get(path.next()?)?;
        let value = path.try_fold(first, |value, name| value.as_table()?.get(name))?;
        let label = format!("{}{key}", self.file);
        Some(Given {
            label,
            readings: vec![value.clone()],
        })
    }
}
