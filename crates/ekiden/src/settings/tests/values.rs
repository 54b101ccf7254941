use super::*;
use ekiden_broker::MAX_PREFIX;

#[test]
fn nothing_set_is_sqlite_an_inner_queue_and_loopback() {
    let settings = Settings::load(None, []).unwrap();
    assert_eq!(
        format!("{settings:?}"),
        format!("{:?}", Settings::defaults())
    );
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:7070");
    let store = settings.store();
    assert!(
        matches!(store.database, Database::Sqlite { path } if path == Path::new("ekiden-data/ekiden.db"))
    );
    assert!(settings.broker().is_none());
    let worker = settings.worker("me");
    let default = ekiden_worker::WorkerConfig {
        name: "me".to_owned(),
        ..Default::default()
    };
    assert_eq!(format!("{worker:?}"), format!("{default:?}"));
    assert!(settings.keys.is_empty() && settings.functions.is_empty());
}

#[test]
fn each_section_reaches_the_part_that_it_is_for() {
    let settings = load(
        "server = { listen = '[::1]:0', request_timeout = '1m', idle_timeout = '2m', connections_per_address = 0 }\n\
         database = { url = 'postgres://me@host/db', connections = 500, timeout = '2s' }\n\
         broker = { url = 'amqps://host/%2f', prefix = 'a.b', timeout = '3s', publish_timeout = '4m' }\n\
         worker = { slots = 1, worker_timeout = '5s', on_database_loss = 'cancel', drain_grace = '0s' }\n\
         retention = { keep = '3650d' }\n\
         reconcile = { period = '1s' }\n",
        &[],
    )
    .unwrap();
    assert_eq!(settings.server.listen.to_string(), "[::1]:0");
    assert_eq!(settings.server.request_timeout, MINUTE);
    assert_eq!(settings.server.idle_timeout, 2 * MINUTE);
    assert_eq!(settings.server.connections_per_address, 0);

    let store = settings.store();
    assert!(matches!(store.database, Database::Postgres { url } if url == "postgres://me@host/db"));
    assert_eq!((store.connections, store.timeout), (500, 2 * SECOND));

    let broker = settings.broker().unwrap();
    assert_eq!(
        (broker.url.as_str(), broker.prefix.as_str()),
        ("amqps://host/%2f", "a.b")
    );
    assert_eq!(
        (broker.timeout, broker.publish_timeout),
        (3 * SECOND, 4 * MINUTE)
    );
    assert!(settings.dispatch().hold > broker.publish_timeout);

    let worker = settings.worker("w");
    assert_eq!((worker.slots, worker.worker_timeout), (1, 5 * SECOND));
    assert_eq!(worker.heartbeat_interval, SECOND);
    assert_eq!(worker.on_database_loss, OnDatabaseLoss::Cancel);
    assert_eq!(
        (worker.drain_grace, worker.retention),
        (Duration::ZERO, 3650 * DAY)
    );

    let reconcile = settings.reconcile();
    assert_eq!(
        (reconcile.period, reconcile.look_interval),
        (SECOND, SECOND)
    );
}

#[test]
fn the_heart_beats_several_times_in_the_worker_timeout() {
    for timeout in ["2s", "9s", "10s", "10m"] {
        let file = format!("worker.worker_timeout = '{timeout}'");
        let worker = load(&file, &[]).unwrap().worker("w");
        assert!(
            worker.heartbeat_interval * 5 <= worker.worker_timeout,
            "{timeout}"
        );
        assert!(worker.heartbeat_interval <= 2 * SECOND, "{timeout}");
    }
}

#[test]
fn ranges_include_their_ends_and_nothing_beyond() {
    let cases = [
        ("database.connections", "1", "500", "0", "501"),
        ("worker.slots", "1", "10_000", "-1", "10001"),
        (
            "server.request_timeout",
            "'1s'",
            "'10m'",
            "'999ms'",
            "'601s'",
        ),
        (
            "worker.worker_timeout",
            "'2s'",
            "'10m'",
            "'1999ms'",
            "'601s'",
        ),
        ("worker.drain_grace", "'0s'", "'1h'", "0", "'3601s'"),
        ("enqueue.max_backlog", "1", "1000000000", "0", "1000000001"),
        ("retention.keep", "'1m'", "'3650d'", "'59s'", "'3651d'"),
        ("reconcile.period", "'1s'", "'1h'", "'0s'", "'3601s'"),
        ("telemetry.sample_ratio", "0", "1.0", "-0.1", "2"),
        ("broker.publish_timeout", "'1s'", "'5m'", "'0s'", "'301s'"),
    ];
    for (key, least, most, below, above) in cases {
        for good in [least, most] {
            assert!(
                load(&format!("{key} = {good}"), &[]).is_ok(),
                "{key} = {good}"
            );
        }
        for bad in [below, above] {
            let problems = problems(&format!("{key} = {bad}"));
            let start = format!(
                "{key} '{}' is not allowed: it must be ",
                bad.trim_matches('\'')
            );
            assert!(
                problems.len() == 1 && problems[0].starts_with(&start),
                "{problems:?}"
            );
        }
    }
    let prefix = |length| load(&format!("broker.prefix = '{}'", "x".repeat(length)), &[]);
    assert!(prefix(MAX_PREFIX).is_ok() && prefix(MAX_PREFIX + 1).is_err());
    assert!(BROKER_PREFIX.contains(&format!("1 to {MAX_PREFIX} ")));
}

#[test]
fn a_section_must_be_a_section() {
    assert_eq!(
        problems("worker = 4"),
        ["worker must be a section, written [worker]"]
    );
    assert_eq!(
        problems("[[worker]]"),
        ["worker must be a section, written [worker]"]
    );
    assert_eq!(
        problems("[server.nothing]\na = 1"),
        ["server.nothing is not a setting"]
    );
    assert_eq!(
        problems("[functions]"),
        ["functions is not a setting: did you mean function?"]
    );
}

#[test]
fn only_urls_that_the_store_and_the_broker_understand_are_taken() {
    for good in [
        "postgresql:///db?host=/run/pg",
        "sqlite:///var/lib/e.db",
        "sqlite://e.db",
    ] {
        assert!(
            load(&format!("database.url = '{good}'"), &[]).is_ok(),
            "{good}"
        );
    }
    for bad in [
        "",
        "mysql://h/db",
        "sqlite:e.db",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite://e.db?mode=rwc",
        "postgres://h:99999/db",
        "e.db",
    ] {
        assert!(
            load(&format!("database.url = '{bad}'"), &[]).is_err(),
            "{bad}"
        );
    }
    for bad in ["", "http://h", "amqp://h:99999", "127.0.0.1:5672"] {
        assert!(
            load(&format!("broker.url = '{bad}'"), &[]).is_err(),
            "{bad}"
        );
    }
    let collector = |url| load(&format!("telemetry.otlp_endpoint = '{url}'"), &[]);
    for good in ["http://127.0.0.1:4318", "https://user:hunter2@host/base/"] {
        let settings = collector(good).unwrap();
        assert_eq!(
            settings.telemetry.otlp_endpoint.as_ref().unwrap().expose(),
            good
        );
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
    for bad in ["", "grpc://h", "127.0.0.1:4318", "http://h?key=secret"] {
        assert!(collector(bad).is_err(), "{bad}");
    }
}

#[test]
fn seal_keys_are_32_bytes_each_and_are_not_shown() {
    let keys = |keys: &[&str]| load(&format!("[auth]\nseal_keys = {keys:?}"), &[]);
    let good = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let settings = keys(&[good, good]).unwrap();
    assert_eq!(settings.seal_keys.len(), 2);
    assert_eq!(settings.store().seal_keys, settings.seal_keys);
    assert!(!format!("{settings:?}").contains("AQEB"));
    for bad in ["", "AQEB", "secret"] {
        let found = lines(&keys(&[good, bad]).unwrap_err()).join("\n");
        let expected = "auth.seal_keys '(hidden)' is not allowed: it must be a list of texts, each the Base64 of \
                        32 bytes";
        assert_eq!(found, expected);
    }
}

#[test]
fn webhooks_are_set_by_lists_and_no_secret_is_shown() {
    let file = "\
[webhooks]
secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_bad']
timeout = '0s'
allow = ['127.0.0.0/8', 'a b']
";
    let found = problems(file);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found[0].starts_with("webhooks.secrets '(hidden)'"),
        "{found:?}"
    );
    assert!(found[2].contains("a b"), "{found:?}");
    let file = "\
[webhooks]
secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']
allow = ['127.0.0.0/8', '::1', 'hooks.internal']
";
    let settings = load(file, &[]).unwrap();
    assert_eq!(settings.webhooks.secrets.len(), 1);
    assert_eq!(settings.webhooks.allow.len(), 3);
    assert!(!format!("{settings:?}").contains("MfKQ"));
}
