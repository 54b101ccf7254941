use super::*;

fn problem(name: &str, text: &str) -> String {
    load("", &[(name, text)]).unwrap_err().to_string()
}

#[test]
fn a_variable_wins_over_the_file() {
    let file = "worker = { slots = 2, on_database_loss = 'continue' }\nserver.listen = 'wrong'";
    let settings = load(
        file,
        &[
            ("EKIDEN__WORKER__SLOTS", "3"),
            ("ekiden__worker__on_database_loss", "cancel"),
            ("EKIDEN__SERVER__LISTEN", "127.0.0.1:1"),
            ("EKIDEN__RETENTION__KEEP", "\"1h\""),
            ("EKIDEN__BROKER__PREFIX", "12"),
            ("EKIDEN_ACCESS_KEY_ID", "no setting"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(settings.worker.slots, 3);
    assert_eq!(settings.worker.on_database_loss, OnDatabaseLoss::Cancel);
    assert_eq!(settings.server.listen.port(), 1);
    assert_eq!(settings.retention.keep, HOUR);
    assert_eq!(settings.broker.prefix, "12");
}

#[test]
fn the_more_specific_url_wins() {
    let file = "database.url = 'postgres://file'\nbroker.url = 'amqp://file'";
    let common = [
        ("DATABASE_URL", "postgres://common"),
        ("AMQP_URL", "amqp://common"),
    ];
    let own = [
        ("EKIDEN__DATABASE__URL", "postgres://own"),
        ("EKIDEN__BROKER__URL", "amqp://own"),
    ];
    let urls = |environment: &[(&str, &str)]| {
        let settings = load(file, environment).unwrap();
        let Database::Postgres { url } = settings.store().database else {
            panic!("not PostgreSQL")
        };
        (url, settings.broker().unwrap().url)
    };
    let all = |host: &str| (format!("postgres://{host}"), format!("amqp://{host}"));
    assert_eq!(urls(&[]), all("file"));
    assert_eq!(urls(&common), all("common"));
    assert_eq!(urls(&own), all("own"));
    assert_eq!(urls(&[common, own].concat()), all("own"));
    assert_eq!(urls(&[own, common].concat()), all("own"));
    let emptied = [("EKIDEN__DATABASE__URL", ""), ("EKIDEN__BROKER__URL", "")];
    assert_eq!(urls(&[common, emptied].concat()), all("common"));
    let emptied = [("DATABASE_URL", ""), ("AMQP_URL", "")];
    assert_eq!(urls(&emptied), all("file"));
}

#[test]
fn a_collector_is_also_known_by_its_usual_variables() {
    let usual = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://common"),
        ("OTEL_SERVICE_NAME", "common"),
    ];
    let telemetry = load("telemetry.service_name = 'file'", &usual)
        .unwrap()
        .telemetry;
    assert_eq!(telemetry.otlp_endpoint.unwrap().expose(), "http://common");
    assert_eq!(telemetry.service_name, "common");
}

#[test]
fn a_problem_names_the_variable() {
    assert_eq!(
        problem("EKIDEN__WORKER__SLOTS", "0"),
        "EKIDEN__WORKER__SLOTS '0' is not allowed: it must be a number from 1 to 10000"
    );
    let url = problem("DATABASE_URL", "mysql://h");
    assert!(
        url.starts_with("DATABASE_URL 'mysql://…' is not allowed"),
        "{url}"
    );
}

#[test]
fn an_unknown_variable_is_an_error() {
    let near = "EKIDEN__WORKER__SLOT is not a setting: did you mean EKIDEN__WORKER__SLOTS?";
    assert_eq!(problem("EKIDEN__WORKER__SLOT", "1"), near);
    assert_eq!(problem("EKIDEN__WORKER__SLOT", ""), near);
    assert_eq!(problem("EKIDEN__", "1"), "EKIDEN__ is not a setting");
    assert_eq!(problem("EKIDEN__ÄÖ", "1"), "EKIDEN__ÄÖ is not a setting");
}

#[test]
fn two_spellings_of_one_variable_are_an_error() {
    let twins = [
        ("EKIDEN__WORKER__SLOTS", "1"),
        ("ekiden__worker__slots", "2"),
    ];
    let problems = load("", &twins).unwrap_err().to_string();
    assert_eq!(
        problems,
        "ekiden__worker__slots and EKIDEN__WORKER__SLOTS are the same setting"
    );
}

#[test]
fn a_list_replaces_the_file_s() {
    let functions = "[{ service = 's', name = 'g', target = { handler = 'h' } }]";
    let keys = "[{ id = 'a', secret = 'x', scopes = ['read'] }]";
    let environment = [("EKIDEN__FUNCTION", functions), ("EKIDEN__AUTH__KEY", keys)];
    let settings = load(FUNCTION, &environment).unwrap();
    assert_eq!(settings.functions.len(), 1);
    assert_eq!(settings.functions[0].name, "g");
    assert_eq!(settings.keys[0].key.id, "a");
    let wrong = problem("EKIDEN__FUNCTION", "[{ service = 's' }]");
    assert!(
        wrong.starts_with("EKIDEN__FUNCTION: function[1].name is missing"),
        "{wrong}"
    );
    let broken = problem("EKIDEN__AUTH__KEY", "[{ secret = 'hunter2'");
    assert!(
        broken.contains("must be a list of tables") && !broken.contains("hunter2"),
        "{broken}"
    );
}
