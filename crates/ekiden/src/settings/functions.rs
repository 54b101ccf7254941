//! The `[[function]]` entries.
//!
//! The domain decides what a function may be; this adds where each mistake stands, and that all of
//! them are told.

use super::{
    entry::{Key, fitting},
    problems::{Problems, show},
    source::{Entry, Source},
};
use ekiden_domain::{AsyncConfig, Function, FunctionName, Invalid, Qualifier};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, path::Path};
use toml::{Table, Value};

pub(super) const KEYS: [Key; 12] = [
    Key::new(
        "service",
        "1 to 128 letters, digits, '_' or '-', beginning with a letter or '_'",
    )
    .required(),
    Key::new(
        "name",
        "1 to 64 letters, digits, '_' or '-', beginning with a letter or '_'",
    )
    .required(),
    Key::new("description", "text"),
    // A target's URL, its arguments and its environment may hold secrets.
    Key::new(
        "target",
        "{ http = \"URL\" }, { command = [\"PROGRAM\", \"ARGUMENT\"] } or { handler = \"NAME\" }",
    )
    .required()
    .hidden(),
    Key::new("timeout", "a duration from \"1ms\" to \"24h\""),
    Key::new("max_concurrency", "a number from 1 to 4294967295"),
    Key::new("lane", "1 to 200 letters, digits, '.', '_' or '-'"),
    Key::new("environment", "a table of texts").hidden(),
    Key::new("working_directory", "a path"),
    Key::new("max_output", "a number from 1 to 33554432"),
    Key::new("async", "a section, written [function.async]"),
    Key::new(
        "qualifiers",
        "sections, each written [function.qualifiers.NAME]",
    ),
];

pub(super) const ASYNC_KEYS: [Key; 7] = [
    Key::new("stateful", "true or false"),
    Key::new("max_retries", "a number from 0 to 8"),
    Key::new(
        "max_age",
        "a duration from \"1s\" to \"7d\" in whole seconds",
    ),
    Key::new("retry_base", "a duration from \"1ms\" to \"1h\""),
    Key::new("retry_max", "a duration from retry_base to \"24h\""),
    // A webhook's URL may hold a secret.
    Key::new("on_success", DESTINATION).hidden(),
    Key::new("on_failure", DESTINATION).hidden(),
];

const DESTINATION: &str = "an http:// or https:// URL, amqp:EXCHANGE/ROUTING.KEY, or a function: \
                           acs:fc:::services/SERVICE.QUALIFIER/functions/FUNCTION or \
                           acs:fc:::functions/FUNCTION/QUALIFIER";

/// The functions of a file that holds nothing else: `[[function]]` entries, or the same as JSON if
/// its name ends in `.json`.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn load_functions(file: &Path) -> Result<Vec<Function>, Problems> {
    let mut source = super::open(Some(file));
    if source.keep_only("function") {
        source.problems.push(format!(
            "{}: nothing but [[function]] entries can stand in this file",
            file.display()
        ));
    }
    let functions = read(&mut source);
    if functions.is_empty() && source.problems.count() == 0 {
        source.problems.push(format!(
            "{}: there is no [[function]] entry in this file",
            file.display()
        ));
    }
    source.finish(functions)
}

/// The functions that are right; the problems of the others go to the source.
pub(super) fn read(source: &mut Source) -> Vec<Function> {
    let entries = source.entries("function");
    let problems = &mut source.problems;
    let mut positions = BTreeMap::new();
    let mut functions = Vec::new();
    for (index, Entry { origin, table }) in entries.into_iter().enumerate() {
        let position = index + 1;
        let name = name(&table);
        let label = match &name {
            Some(name) => format!("{origin}function[{name}]"),
            None => format!("{origin}function[{position}]"),
        };
        if let Some(first) = name.and_then(|name| positions.insert(name, position)) {
            problems.push(format!(
                "{label} is given twice: as entry {first} and as entry {position}"
            ));
        }
        functions.extend(function(&label, &table, problems));
    }
    functions
}

fn name(entry: &Table) -> Option<FunctionName> {
    let text = |key| entry.get(key).and_then(Value::as_str);
    FunctionName::new(text("service")?, text("name")?).ok()
}

fn function(label: &str, entry: &Table, problems: &mut Problems) -> Option<Function> {
    let before = problems.count();
    let Ok(function) = fitting_function(label, entry, problems).try_into::<Function>() else {
        problems.push(format!("{label} is not a function"));
        return None;
    };
    for problem in function.problems() {
        // The names as the API spells them, and as the file does.
        let field = match problem.field.as_str() {
            "serviceName" => "service",
            "functionName" => "name",
            field => field,
        };
        let field = format!("{label}.{field}");
        problems.push(problem.of_field(field));
    }
    (problems.count() == before).then_some(function)
}

/// The entry as far as it has a function's form, and the sample's values for the rest: what has the form
/// is looked at more closely whatever is wrong beside it.
fn fitting_function(label: &str, entry: &Table, problems: &mut Problems) -> Table {
    let mut rest = entry.clone();
    let mut sections = Table::new();
    if let Some(Value::Table(config)) = entry.get("async") {
        rest.remove("async");
        let config = fitting_async(&format!("{label}.async"), config, problems);
        sections.insert("async".to_owned(), config.into());
    }
    if let Some(Value::Table(qualifiers)) = entry.get("qualifiers") {
        rest.remove("qualifiers");
        let qualifiers = fitting_qualifiers(label, qualifiers, problems);
        sections.insert("qualifiers".to_owned(), qualifiers.into());
    }
    let mut function = sample();
    let fits = |key: &str, value: &Value| parses::<Function>(&sample(), key, value);
    function.extend(fitting(label, &rest, &KEYS, fits, problems));
    function.extend(sections);
    function
}

fn fitting_qualifiers(label: &str, qualifiers: &Table, problems: &mut Problems) -> Table {
    let mut fitting = Table::new();
    for (name, config) in qualifiers {
        let misnamed = name.parse::<Qualifier>().err();
        let is_named = misnamed.is_none();
        if let Some(problem) = misnamed {
            problems.push(problem.of_field(format!("{label}.qualifiers")));
        }
        let label = format!("{label}.qualifiers.{name}");
        let Value::Table(config) = config else {
            problems.push(Invalid::new(label, &show(config), "a section"));
            continue;
        };
        let config = fitting_async(&label, config, problems);
        if is_named {
            fitting.insert(name.clone(), config.into());
        } else if let Ok(config) = config.try_into::<AsyncConfig>() {
            // No function can have it, so that nothing else looks at its ranges.
            config
                .problems(&label)
                .into_iter()
                .for_each(|problem| problems.push(problem));
        }
    }
    fitting
}

/// The shortest entry that is a function. Of a command, as that may have each of the other keys.
fn sample() -> Table {
    let entry = |(key, value): (&str, Value)| (key.to_owned(), value);
    let target = Table::from_iter([("command", vec!["true"].into())].map(entry));
    let function = [
        ("service", "s".into()),
        ("name", "f".into()),
        ("target", target.into()),
    ];
    Table::from_iter(function.map(entry))
}

fn fitting_async(label: &str, config: &Table, problems: &mut Problems) -> Table {
    let fits = |key: &str, value: &Value| parses::<AsyncConfig>(&Table::new(), key, value);
    let mut fitting = fitting(label, config, &ASYNC_KEYS, fits, problems);
    // One that does not fit is no bound for the other.
    for (key, widest) in [("retry_base", "1ms"), ("retry_max", "24h")] {
        if config.contains_key(key) && !fitting.contains_key(key) {
            fitting.insert(key.to_owned(), widest.into());
        }
    }
    fitting
}

/// Whether `sample` is still a `T` when `key` has this value.
fn parses<T: DeserializeOwned>(sample: &Table, key: &str, value: &Value) -> bool {
    let mut table = sample.clone();
    table.insert(key.to_owned(), value.clone());
    table.try_into::<T>().is_ok()
}
