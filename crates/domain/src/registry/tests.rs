use super::*;
use proptest::prelude::*;

fn name(text: &str) -> FunctionName {
    text.parse().unwrap()
}

fn qualifier(text: &str) -> Qualifier {
    text.parse().unwrap()
}

fn entry<T>(value: T) -> Entry<T> {
    let at = Timestamp::from_millis(1);
    Entry {
        value,
        revision: 1,
        created_at: at,
        changed_at: at,
    }
}

fn retrying(max_retries: u8) -> AsyncConfig {
    AsyncConfig {
        max_retries,
        ..AsyncConfig::default()
    }
}

/// A function whose timeout tells which one it is.
fn registered(name: &str, seconds: u64) -> Entry<Registered> {
    let (service, function) = name.split_once('/').unwrap();
    let json = format!(
        r#"{{"service":"{service}","name":"{function}","target":{{"handler":"x"}},
            "timeout":"{seconds}s","async":{{"max_retries":1}},
            "qualifiers":{{"slow":{{"max_retries":2}}}}}}"#
    );
    entry(Registered::from_file(serde_json::from_str(&json).unwrap()))
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    for (key, seconds) in [("media/thumb", 10), ("default/solo", 20)] {
        registry
            .functions
            .insert(key.to_owned(), registered(key, seconds));
    }
    for (key, seconds) in [
        ("media/thumb@1", 1),
        ("media/thumb@2", 2),
        ("default/solo@1", 21),
    ] {
        let function = key.split_once('@').unwrap().0;
        registry
            .snapshots
            .insert(key.to_owned(), registered(function, seconds));
    }
    let alias = |version: &str, additional: &[(&str, f64)]| {
        entry(Alias {
            version: qualifier(version),
            description: String::new(),
            additional: additional.iter().map(|(v, w)| (qualifier(v), *w)).collect(),
        })
    };
    registry
        .aliases
        .insert("media@prod".to_owned(), alias("1", &[("2", 0.25)]));
    registry
        .aliases
        .insert("default/solo@prod".to_owned(), alias("LATEST", &[]));
    registry
        .aliases
        .insert("media@lost".to_owned(), alias("9", &[]));
    registry
}

fn resolved(registry: &Registry, of: &str, through: &str, draw: f64) -> (u64, String, u8) {
    let resolved = registry
        .resolve(&name(of), &qualifier(through), draw)
        .unwrap();
    let version = resolved.version.to_string();
    (
        resolved.function.timeout.as_secs(),
        version,
        resolved.config.max_retries,
    )
}

#[test]
fn a_qualifier_means_the_head_a_version_or_what_an_alias_says() {
    let registry = registry();
    let of = |name, through| resolved(&registry, name, through, 0.9);
    assert_eq!(of("media/thumb", "LATEST"), (10, "LATEST".to_owned(), 1));
    assert_eq!(of("media/thumb", "slow"), (10, "LATEST".to_owned(), 2));
    assert_eq!(of("media/thumb", "2"), (2, "2".to_owned(), 1));
    assert_eq!(of("media/thumb", "prod"), (1, "1".to_owned(), 1));
    assert_eq!(of("default/solo", "1"), (21, "1".to_owned(), 1));
    assert_eq!(of("default/solo", "prod"), (20, "LATEST".to_owned(), 1));
}

#[test]
fn what_is_not_there_is_told_apart() {
    let registry = registry();
    let missing = |of: &str, through: &str| {
        registry
            .resolve(&name(of), &qualifier(through), 0.0)
            .unwrap_err()
    };
    assert_eq!(missing("media/other", "LATEST"), Missing::Function);
    for through in ["3", "staging", "lost"] {
        assert_eq!(missing("media/thumb", through), Missing::Qualifier);
    }
    assert!(registry.has_service("media") && registry.has_service("default"));
    assert!(!registry.has_service("med"));
}

#[test]
fn a_config_of_its_own_comes_first() {
    let mut registry = registry();
    for through in ["LATEST", "slow", "prod", "2"] {
        let key = key_of(&name("media/thumb"), &qualifier(through));
        registry.configs.insert(key, entry(retrying(7)));
        assert_eq!(resolved(&registry, "media/thumb", through, 0.5).2, 7);
    }
}

#[test]
fn all_versions_share_the_head_s_concurrency() {
    let mut registry = registry();
    let head = registry.functions.get_mut("media/thumb").unwrap();
    Arc::make_mut(&mut head.value.function).max_concurrency = Some(3);
    let runnable = registry
        .runnable(&name("media/thumb"), &qualifier("1"))
        .unwrap();
    assert_eq!(
        (runnable.timeout.as_secs(), runnable.max_concurrency),
        (1, Some(3))
    );
}

#[test]
fn a_deleted_function_has_no_versions() {
    let mut registry = registry();
    registry.functions.remove("media/thumb");
    assert_eq!(
        registry.runnable(&name("media/thumb"), &qualifier("1")),
        None
    );
}

proptest! {
    #[test]
    fn an_alias_s_shares_decide(draw in 0.0_f64..1.0) {
        let version = resolved(&registry(), "media/thumb", "prod", draw).1;
        prop_assert_eq!(version, if draw < 0.25 { "2" } else { "1" });
    }
}

#[test]
fn kinds_come_back_as_their_codes() {
    for (code, kind) in (0..).zip(Kind::ALL) {
        assert_eq!((kind.code(), Kind::from_code(code)), (code, Some(kind)));
    }
    let unknown = i16::try_from(Kind::ALL.len()).unwrap();
    assert_eq!(Kind::from_code(unknown), None);
}
