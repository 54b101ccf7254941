//! Texts to values and back.

use super::problems::HIDDEN;
use ekiden_broker::MAX_PREFIX;
use ekiden_domain::Secret;
use ekiden_store::Database;
use ekiden_worker::OnDatabaseLoss;
use reqwest::Url;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use toml::{Table, Value, de::DeTable};

/// The file's table, or what is wrong with its form.
pub(super) fn file(path: &Path, text: &str) -> Result<Table, Vec<String>> {
    let name = path.display();
    if path.extension().is_some_and(|end| end == "json") {
        return json(text).map_err(|error| vec![format!("{name}: {error}")]);
    }
    let (_, mut errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        match toml::from_str(text) {
            Ok(table) => return Ok(table),
            Err(error) => errors.push(error),
        }
    }
    // The parser's own report would quote the line, and with it a password.
    let problem = |error: &toml::de::Error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        (line, format!("{name}:{line}:{column}: {}", error.message()))
    };
    let mut problems: Vec<_> = errors.iter().map(problem).collect();
    // What follows on the same line is most often a consequence.
    problems.sort_by_key(|(line, _)| *line);
    problems.dedup_by_key(|(line, _)| *line);
    Err(problems.into_iter().map(|(_, problem)| problem).collect())
}

/// A JSON file's table; a bare list is one of functions.
fn json(text: &str) -> serde_json::Result<Table> {
    match serde_json::from_str(text)? {
        Value::Array(list) => Ok(Table::from_iter([("function".to_owned(), list.into())])),
        other => other.try_into().map_err(serde::de::Error::custom),
    }
}

/// Line and column, from 1, of the byte at `offset`.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}

/// `span` as it would be written in the file.
pub(super) fn show_span(span: Duration) -> String {
    const UNITS: [(u128, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ];
    let millis = span.as_millis();
    let whole = UNITS
        .iter()
        .find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => format!("{}{name}", millis / unit),
        None if millis == 0 => "0s".to_owned(),
        None => format!("{millis}ms"),
    }
}

/// The scheme of a URL, and nothing of what follows.
pub(super) fn show_scheme(value: &Value) -> String {
    let scheme = value.as_str().and_then(|url| url.split_once("://"));
    match scheme {
        Some((scheme, _)) if scheme.bytes().all(|b| b.is_ascii_lowercase()) => {
            format!("{scheme}://…")
        }
        _ => HIDDEN.to_owned(),
    }
}

pub(super) fn listen(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}

pub(super) fn path(text: &str) -> Option<Option<PathBuf>> {
    (!text.is_empty()).then(|| Some(text.into()))
}

pub(super) fn database(url: &str) -> Option<Database> {
    let database = Database::from_url(url).ok()?;
    let is_right = match &database {
        Database::Postgres { url } => Url::parse(url).is_ok(),
        // What other programs understand here would silently be part of the file's name.
        Database::Sqlite { path } => {
            let path = path.to_string_lossy();
            !path.contains('?') && path != ":memory:"
        }
    };
    is_right.then_some(database)
}

pub(super) fn amqp(url: &str) -> Option<Secret> {
    let parsed = Url::parse(url).ok()?;
    matches!(parsed.scheme(), "amqp" | "amqps").then(|| Secret::new(url))
}

pub(super) fn prefix(text: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let is_right = (1..=MAX_PREFIX).contains(&text.len()) && text.bytes().all(fits);
    is_right.then(|| text.to_owned())
}

pub(super) fn on_database_loss(text: &str) -> Option<OnDatabaseLoss> {
    match text {
        "continue" => Some(OnDatabaseLoss::Continue),
        "cancel" => Some(OnDatabaseLoss::Cancel),
        _ => None,
    }
}
