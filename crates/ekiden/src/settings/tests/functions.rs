use super::*;
use ekiden_domain::{AsyncConfig, Origin, Target};
use std::fs;

#[test]
fn an_entry_is_read_as_the_domain_reads_it() {
    let file = "service = 'media'\nname = 'count'\ntarget = { command = ['wc', '-c'] }\n\
                environment = { A = 'b' }\nworking_directory = '/tmp'\ntimeout = '5s'\nlane = 'x'\n\
                [async]\nmax_retries = 0\n[qualifiers.prod]\nstateful = false\n";
    let entry = format!("[[function]]\n{file}")
        .replace("[async]", "[function.async]")
        .replace("[qualifiers.prod]", "[function.qualifiers.prod]");
    let settings = load(&entry, &[]).unwrap();
    assert_eq!(
        settings.functions,
        [toml::from_str::<Function>(file).unwrap()]
    );
}

#[test]
fn every_key_of_the_domain_is_known() {
    let full = Function {
        service: "s".to_owned(),
        name: "f".to_owned(),
        description: "d".to_owned(),
        target: Some(Target::Handler("h".to_owned())),
        // No entry can say that it is another's.
        target_origin: Origin::Owner,
        timeout: SECOND,
        max_concurrency: Some(1),
        lane: Some("l".parse().unwrap()),
        environment: [("A".to_owned(), "b".to_owned())].into(),
        working_directory: Some("/".to_owned()),
        max_output: 1,
        async_config: AsyncConfig::default(),
        qualifiers: [("q".parse().unwrap(), AsyncConfig::default())].into(),
    };
    let table = toml::Table::try_from(full).unwrap();
    let mut known: Vec<_> = super::super::functions::KEYS
        .iter()
        .map(|key| key.name)
        .collect();
    known.sort_unstable();
    assert_eq!(table.keys().collect::<Vec<_>>(), known);
    let mut known: Vec<_> = super::super::functions::ASYNC_KEYS
        .iter()
        .map(|key| key.name)
        .collect();
    known.sort_unstable();
    let destination = "amqp:results/ok".parse().ok();
    let config = AsyncConfig {
        on_success: Option::clone(&destination),
        on_failure: destination,
        ..AsyncConfig::default()
    };
    let table = toml::Table::try_from(config).unwrap();
    assert_eq!(table.keys().collect::<Vec<_>>(), known);
}

#[test]
fn all_problems_of_all_entries_are_told() {
    let file = "\
[[function]]
service = 'media'
name = 'a'
target = 'http://h'
timeout = 60
timout = '1s'
async = { max_age = 3, retries = 1, on_success = 'http://h', on_failure = 'ftp://h' }
qualifiers = { 'a b' = {}, prod = 4, test = { max_retries = -1 } }
[[function]]
service = 'media'
name = '1'
target = { http = 'http://h' }
timeout = '25h'
async = { max_retries = 9 }
[[function]]
service = 'media'
target = { http = 'http://h', handler = 'h' }
";
    let expected = [
        "function[media/a].async.max_age '3' is not allowed:",
        "function[media/a].async.on_failure '(hidden)' is not allowed:",
        "function[media/a].async.retries is not a setting: did you mean max_retries?",
        "function[media/a].qualifiers 'a b' is not allowed:",
        "function[media/a].qualifiers.prod '4' is not allowed:",
        "function[media/a].qualifiers.test.max_retries '-1' is not allowed:",
        "function[media/a].target '(hidden)' is not allowed:",
        "function[media/a].timeout '60' is not allowed:",
        "function[media/a].timout is not a setting: did you mean timeout?",
        "function[2].name '1' is not allowed:",
        "function[2].timeout '90000s' is not allowed:",
        "function[2].async.max_retries '9' is not allowed:",
        "function[3].target '(hidden)' is not allowed:",
        "function[3].name is missing:",
    ];
    assert_eq!(beginnings(file), expected);
}

/// What is wrong with `file`, without what is allowed.
fn beginnings(file: &str) -> Vec<String> {
    let beginning = |line: String| {
        line.split(" it must be")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    problems(file).into_iter().map(beginning).collect()
}

#[test]
fn what_has_the_form_is_looked_at_whatever_is_wrong_beside_it() {
    let config =
        "max_retries = 9\nmax_age = '8d'\nretry_base = '0s'\non_success = 'nope'\nstateful = 'x'";
    let file = format!("{FUNCTION}[function.async]\n{config}\n");
    let expected = [
        "function[s/f].async.on_success '(hidden)' is not allowed:",
        "function[s/f].async.stateful 'x' is not allowed:",
        "function[s/f].async.max_retries '9' is not allowed:",
        "function[s/f].async.max_age '691200s' is not allowed:",
        "function[s/f].async.retry_base '0ns' is not allowed:",
    ];
    assert_eq!(beginnings(&file), expected);

    let file = "\
[[function]]
service = '1'
name = '2'
target = { command = [] }
async = { on_failure = 'nope' }
qualifiers = { 'a b' = { max_retries = 9 }, c = { max_retries = 9 }, d = 1 }
";
    let expected = [
        "function[1].async.on_failure '(hidden)' is not allowed:",
        "function[1].qualifiers 'a b' is not allowed:",
        "function[1].qualifiers.a b.max_retries '9' is not allowed:",
        "function[1].qualifiers.d '1' is not allowed:",
        "function[1].service '1' is not allowed:",
        "function[1].name '2' is not allowed:",
        "function[1].target.command '' is not allowed:",
        "function[1].qualifiers.c.max_retries '9' is not allowed:",
    ];
    assert_eq!(beginnings(file), expected);
}

#[test]
fn what_only_follows_from_another_mistake_is_not_told() {
    let entry = "[[function]]\nservice = 's'\nname = 'f'\n";
    for (more, field) in [
        (
            "environment = { A = 'b' }\nworking_directory = '/'\ntarget = 1",
            "target",
        ),
        (
            "target = { handler = 'h' }\nasync = { retry_base = 1, retry_max = '1ms' }",
            "async.retry_base",
        ),
        (
            "target = { handler = 'h' }\nasync = { retry_base = '1h', retry_max = 1 }",
            "async.retry_max",
        ),
    ] {
        let found = problems(&format!("{entry}{more}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with(&format!("function[s/f].{field} ")),
            "{found:?}"
        );
    }
}

#[test]
fn a_function_has_one_entry() {
    let twice = FUNCTION.repeat(2);
    let expected = ["function[s/f] is given twice: as entry 1 and as entry 2"];
    assert_eq!(problems(&twice), expected);
    let single = FUNCTION.replace("[[function]]", "[function]");
    assert!(problems(&single)[0].contains("each written [[function]]"));
}

#[test]
fn a_file_of_functions_is_toml_or_json_and_holds_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let load = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        load_functions(&path).map_err(|problems| {
            let start = format!("{}: ", path.display());
            problems.to_string().replace(&start, "")
        })
    };
    let json = r#"{"service": "s", "name": "f", "target": {"handler": "h"}}"#;
    let functions = load("f.toml", FUNCTION).unwrap();
    assert_eq!(functions.len(), 1);
    assert_eq!(
        load("f.json", &format!(r#"{{"function": [{json}]}}"#)).unwrap(),
        functions
    );
    assert_eq!(load("f.json", &format!("[{json}]")).unwrap(), functions);
    let stored = serde_json::to_string(&functions).unwrap();
    assert_eq!(load("f.json", &stored).unwrap(), functions);

    let more = load("f.toml", &format!("[worker]\nslots = 1\n{FUNCTION}")).unwrap_err();
    assert_eq!(
        more,
        "nothing but [[function]] entries can stand in this file"
    );
    assert_eq!(
        load("f.toml", "").unwrap_err(),
        "there is no [[function]] entry in this file"
    );
    let wrong = load("f.json", r#"[{"service": "s", "name": "f", "target": 1}]"#).unwrap_err();
    assert!(
        wrong.starts_with("function[s/f].target '(hidden)' is not allowed"),
        "{wrong}"
    );
    let broken = load("f.json", "[\n{").unwrap_err();
    assert!(broken.contains("line 2"), "{broken}");
    assert!(load_functions(&directory.path().join("none.toml")).is_err());
}
