use super::*;

fn parse(text: &str) -> Result<Function, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn the_shortest_entry_has_the_documented_defaults() {
    let function = parse("service='s'\nname='f'\ntarget={http='http://127.0.0.1:9000'}").unwrap();
    assert_eq!(function.problems(), vec![]);
    assert_eq!(function.timeout, Duration::from_secs(60));
    assert_eq!(function.async_config, AsyncConfig::default());
    let name = function.full_name().unwrap();
    assert_eq!(function.effective_lane(&name), Lane::shared());
    assert!(function.config(&"prod".parse().unwrap()).is_none());
}

#[test]
fn a_full_entry_survives_json() {
    let function = parse(
        "service='media'\nname='thumbnail'\ntimeout='60s'\nmax_concurrency=8\n\
         target={command=['sh','-c','wc -c']}\nenvironment={A='b'}\n\
         [async]\nmax_retries=8\nmax_age='24h'\n[qualifiers.prod]\nmax_retries=0",
    )
    .unwrap();
    assert_eq!(function.problems(), vec![]);
    let name = function.full_name().unwrap();
    assert_eq!(function.effective_lane(&name), Lane::own(&name));
    assert_eq!(
        function
            .config(&"prod".parse().unwrap())
            .unwrap()
            .max_retries,
        0
    );
    let json = serde_json::to_string(&function).unwrap();
    assert_eq!(serde_json::from_str::<Function>(&json).unwrap(), function);
}

#[test]
fn every_problem_is_told_at_once() {
    let function = parse(
        "service='1s'\nname='2f'\ntimeout='25h'\nmax_concurrency=0\nmax_output=0\n\
         target={http='ftp://x'}\n\
         [async]\nmax_retries=9\nmax_age='8d'\nretry_base='0s'\nretry_max='2d'",
    )
    .unwrap();
    let fields: Vec<_> = function.problems().into_iter().map(|p| p.field).collect();
    assert_eq!(
        fields,
        [
            "serviceName",
            "functionName",
            "target.http",
            "timeout",
            "max_concurrency",
            "max_output",
            "async.max_retries",
            "async.max_age",
            "async.retry_base",
            "async.retry_max"
        ]
    );
    assert!(parse("service='s'\nname='f'\ntarget={http='http://x'}\ncolour=1").is_err());
}

#[test]
fn a_refused_url_is_shown_without_its_password() {
    for url in ["ftp://me:secret@host", "me:secret@host"] {
        let function = parse(&format!("service='s'\nname='f'\ntarget={{http='{url}'}}"));
        let problems = function.unwrap().problems();
        assert_eq!(problems[0].field, "target.http");
        assert!(!problems[0].to_string().contains("secret"), "{url}");
    }
}

#[test]
fn what_no_process_could_be_started_with_is_refused() {
    let command = "service='s'\nname='f'\ntarget={command=['sh']}";
    let with = |more: &str| parse(&format!("{command}\n{more}")).unwrap().problems();
    assert_eq!(with("environment={A='b'}\nworking_directory='/tmp'"), []);
    for (field, more) in [
        ("environment", "environment={''='b'}"),
        ("environment", "environment={'A=B'='b'}"),
        ("environment", "environment={A=\"\\u0000\"}"),
        ("working_directory", "working_directory=\"\\u0000\""),
    ] {
        let fields: Vec<_> = with(more).into_iter().map(|p| p.field).collect();
        assert_eq!(fields, [field], "{more}");
    }
    let nul = parse("service='s'\nname='f'\ntarget={command=['sh', \"\\u0000\"]}");
    assert_eq!(nul.unwrap().problems()[0].field, "target.command");
}

#[test]
fn only_a_command_has_an_environment_and_a_directory() {
    let http = "service='s'\nname='f'\ntarget={http='http://x'}";
    let more = "environment={A='b'}\nworking_directory='/tmp'";
    let problems = parse(&format!("{http}\n{more}")).unwrap().problems();
    let fields: Vec<_> = problems.into_iter().map(|p| p.field).collect();
    assert_eq!(fields, ["environment", "working_directory"]);
}
