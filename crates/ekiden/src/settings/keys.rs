//! The `[[auth.key]]` entries.

use super::{
    entry::{Key, fitting},
    problems::Problems,
    source::{Entry, Source},
};
use ekiden_domain::{AccessKey, FunctionPattern, Invalid, Scope, Secret};
use std::{collections::BTreeSet, fs, str::FromStr};
use toml::{Table, Value};

const SECRET: &str = "1 to 256 visible ASCII characters";

pub(super) const KEYS: [Key; 5] = [
    Key::new("id", "1 to 128 letters, digits, '.', '_' or '-'").required(),
    Key::new("secret", SECRET).hidden(),
    Key::new("secret_file", "a path"),
    Key::new(
        "scopes",
        "a list of \"invoke\", \"read\" and \"manage\", at least one",
    )
    .required(),
    Key::new(
        "functions",
        "a list of at least one SERVICE/FUNCTION; a '*' at the end stands for anything",
    ),
];

/// An access key from the configuration.
#[derive(Clone, Debug)]
pub(crate) struct KeySettings {
    /// The key; its id is unique.
    pub(crate) key: AccessKey,
    /// What proves that a caller holds the key: 1 to 256 visible ASCII characters, from `secret` or
    /// from the file that `secret_file` names.
    pub(crate) secret: Secret,
}

/// The keys that are right; the problems of the others go to the source.
pub(super) fn read(source: &mut Source) -> Vec<KeySettings> {
    let entries = source.entries("auth.key");
    let problems = &mut source.problems;
    let mut ids = BTreeSet::new();
    let mut keys = Vec::new();
    for (index, Entry { origin, table }) in entries.into_iter().enumerate() {
        let id = table.get("id").and_then(id);
        let label = match &id {
            Some(id) => format!("{origin}auth.key[{id}]"),
            None => format!("{origin}auth.key[{}]", index + 1),
        };
        if id.is_some_and(|id| !ids.insert(id)) {
            problems.push(format!(
                "{label} is given twice: each key has an id of its own"
            ));
        }
        keys.extend(key(&label, &table, problems));
    }
    keys
}

fn key(label: &str, entry: &Table, problems: &mut Problems) -> Option<KeySettings> {
    let fits = |key: &str, value: &Value| match key {
        "id" => id(value).is_some(),
        "secret" => value.as_str().and_then(secret).is_some(),
        "scopes" => scopes(value).is_some(),
        "functions" => functions(value).is_some(),
        _ => value.is_str(),
    };
    let is_whole = fitting(label, entry, &KEYS, fits, problems) == *entry;
    let secret = read_secret(label, entry, problems);
    if !is_whole {
        return None;
    }
    Some(KeySettings {
        key: AccessKey {
            id: entry.get("id").and_then(id)?,
            scopes: entry.get("scopes").and_then(scopes)?,
            functions: entry.get("functions").and_then(functions),
        },
        secret: secret?,
    })
}

fn read_secret(label: &str, entry: &Table, problems: &mut Problems) -> Option<Secret> {
    let text = |key| entry.get(key).and_then(Value::as_str);
    match (entry.get("secret"), entry.get("secret_file")) {
        (Some(_), Some(_)) => {
            problems.push(format!(
                "{label} has both secret and secret_file: one must be left out"
            ));
            None
        }
        (None, None) => {
            problems.missing(
                &format!("{label}.secret"),
                &format!("{SECRET}, or in a secret_file"),
            );
            None
        }
        (Some(_), None) => text("secret").and_then(secret),
        (None, Some(_)) => {
            let path = text("secret_file")?;
            let field = format!("{label}.secret_file");
            let content = fs::read_to_string(path)
                .map_err(|error| problems.push(format!("{field} '{path}' cannot be read: {error}")))
                .ok()?;
            let line = content.strip_suffix('\n').unwrap_or(&content);
            let secret = secret(line.strip_suffix('\r').unwrap_or(line));
            if secret.is_none() {
                let allowed = format!("a file that holds {SECRET} and nothing else");
                problems.push(Invalid::new(field, path, allowed));
            }
            secret
        }
    }
}

fn id(value: &Value) -> Option<String> {
    AccessKey::parse_id(value.as_str()?).ok()
}

fn secret(text: &str) -> Option<Secret> {
    let fits = (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| Secret::new(text))
}

fn scopes(value: &Value) -> Option<BTreeSet<Scope>> {
    list(value).map(BTreeSet::from_iter)
}

fn functions(value: &Value) -> Option<Vec<FunctionPattern>> {
    list(value)
}

/// A list with something in it.
fn list<T: FromStr>(value: &Value) -> Option<Vec<T>> {
    let item = |value: &Value| value.as_str()?.parse().ok();
    let items: Option<Vec<T>> = value.as_array()?.iter().map(item).collect();
    items.filter(|items| !items.is_empty())
}
