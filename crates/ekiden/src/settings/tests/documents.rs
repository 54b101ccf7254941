//! The documents say what the program does.

use super::{
    super::{
        entry::Key,
        functions::{ASYNC_KEYS, KEYS as FUNCTION_KEYS},
        keys::KEYS,
    },
    *,
};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

const DOCUMENT: &str = include_str!("../../../../../docs/configuration.md");
const EXAMPLE: &str = include_str!("../../../../../ekiden.example.toml");

/// A row of the document's tables: default and what the value must be, by the key.
fn rows() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let mut rows = BTreeMap::new();
    for line in DOCUMENT.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, key, default, allowed, meaning, _] = cells[..] else {
            panic!("not four cells: {line}")
        };
        assert!(!meaning.is_empty(), "{line}");
        let twin = rows.insert(key.trim_matches('`'), (default, allowed));
        assert!(twin.is_none(), "twice: {line}");
    }
    rows
}

/// The keys of the sections, each with what its value must be, as the program's own messages tell.
fn section_keys() -> BTreeMap<String, String> {
    let mut empty = source("", &[]);
    Settings::read(&mut empty);
    let lists = ["function", "auth.key"];
    let keys = empty.known.into_iter().filter(|key| !lists.contains(key));
    keys.map(|key| {
        let problem = problems(&format!("{key} = [[]]")).concat();
        let (_, allowed) = problem.split_once("it must be ").unwrap();
        (key.to_owned(), allowed.to_owned())
    })
    .collect()
}

#[test]
fn the_document_has_every_key_and_what_it_must_be() {
    let mut expected = section_keys();
    let lists: [(&str, &[Key]); 3] = [
        ("function", &FUNCTION_KEYS),
        ("function.async", &ASYNC_KEYS),
        ("auth.key", &KEYS),
    ];
    for (list, keys) in lists {
        let keys = keys.iter();
        expected.extend(keys.map(|key| (format!("{list}.{}", key.name), key.allowed.to_owned())));
    }
    let documented = rows()
        .into_iter()
        .map(|(key, (_, allowed))| (key.to_owned(), allowed.to_owned()));
    assert_eq!(documented.collect::<BTreeMap<_, _>>(), expected);
    for list in [
        "`[[function]]`",
        "`[[auth.key]]`",
        "`function`",
        "`auth.key`",
    ] {
        assert!(DOCUMENT.contains(list));
    }
}

#[test]
fn the_documented_defaults_are_the_real_ones() {
    let mut sections = String::new();
    let mut function = FUNCTION.to_owned();
    let required: BTreeSet<_> = FUNCTION_KEYS
        .iter()
        .chain(&KEYS)
        .filter(|key| key.is_required)
        .map(|key| key.name)
        .collect();
    for (key, (default, _)) in rows() {
        let (list, name) = key.rsplit_once('.').unwrap();
        let is_in_list = list == "function" || list == "auth.key";
        assert_eq!(
            default == "required",
            is_in_list && required.contains(name),
            "{key}"
        );
        // `async` and `qualifiers` are tables whose own keys are documented.
        if !default.starts_with('`') || ["async", "qualifiers"].contains(&name) {
            continue;
        }
        let line = format!("{key} = {}\n", default.trim_matches('`'));
        match line.strip_prefix("function.") {
            Some(line) => function.push_str(line),
            None => sections.push_str(&line),
        }
    }
    assert_eq!(
        format!("{:?}", load(&sections, &[]).unwrap()),
        default_settings()
    );
    let of = |file: &str| load(file, &[]).unwrap().functions;
    assert_eq!(of(&function), of(FUNCTION));
}

/// The example with every setting taken.
fn uncommented() -> String {
    let line = |line: &'static str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => setting,
        _ => line,
    };
    EXAMPLE
        .lines()
        .map(|text| line(text).to_owned() + "\n")
        .collect()
}

#[test]
fn the_example_is_valid_as_it_stands_and_with_everything_taken() {
    assert_eq!(
        format!("{:?}", load(EXAMPLE, &[]).unwrap()),
        default_settings()
    );
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "x\n").unwrap();
    let file = uncommented().replace("/run/secrets/ekiden-admin", secret.to_str().unwrap());
    let mut settings = load(&file, &[]).unwrap();
    assert_eq!((settings.functions.len(), settings.keys.len()), (2, 2));
    settings.functions.clear();
    settings.keys.clear();
    assert!(settings.broker.url.take().is_some());
    assert!(settings.enqueue.max_backlog.take().is_some());
    assert!(settings.tls().is_some());
    (settings.server.tls_cert, settings.server.tls_key) = (None, None);
    assert!(settings.telemetry.otlp_endpoint.take().is_some());
    settings.database.database = default_database();
    assert_eq!(settings.webhooks.secrets.drain(..).count(), 1);
    assert_eq!(settings.seal_keys.drain(..).count(), 1);
    assert_eq!(settings.webhooks.allow.drain(..).count(), 1);
    assert_eq!(settings.targets.allow.drain(..).count(), 1);
    assert_eq!(format!("{settings:?}"), default_settings());
}

#[test]
fn the_example_has_every_key() {
    let table: Table = toml::from_str(&uncommented()).unwrap();
    let mut keys = BTreeSet::new();
    gather(&mut keys, "", &table);
    for key in rows().into_keys() {
        assert!(keys.contains(key), "{key}");
    }
}

fn gather(keys: &mut BTreeSet<String>, prefix: &str, table: &Table) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        let inside = format!("{key}.");
        match value {
            Value::Table(table) => gather(keys, &inside, table),
            Value::Array(items) => {
                let tables = items.iter().filter_map(Value::as_table);
                tables.for_each(|table| gather(keys, &inside, table));
            }
            _ => {}
        }
        keys.insert(key);
    }
}

proptest::proptest! {
    #[test]
    fn no_file_is_more_than_settings_or_problems(
        place in 0.0..1.0,
        length in 0..40_usize,
        piece in r#"[\x00-\x7f]{0,8}|\PC{0,8}|[0-9]{20}|\[\[[a-z.]{0,9}\]\]|= ?[-'"0-9a-z{}]{0,9}"#,
    ) {
        let text = uncommented();
        let at = text.floor_char_boundary((place * text.len() as f64) as usize);
        let until = text.floor_char_boundary((at + length).min(text.len()));
        let text = format!("{}{piece}{}", &text[..at], &text[until.max(at)..]);
        match load(&text, &[]) {
            Ok(settings) => drop((settings.store(), settings.broker(), settings.webhooks())),
            Err(problems) => proptest::prop_assert!(problems.count() > 0),
        }
    }
}
