//! The registry, and the access keys.

use crate::fixture::{NOW, at, function};
use ekiden_domain::{
    AccessKey, AsyncConfig, Function, Missing, Qualifier, Registered, Scope, Secret,
    registry::{Alias, Kind, Service, Version},
};
use ekiden_store::{Catalog, Change, KeptKey, Seal, Store};
use std::{collections::BTreeSet, time::Duration};

fn a_function(timeout: u64) -> Function {
    serde_json::from_str(&format!(
        r#"{{"service":"media","name":"thumbnail","timeout":"{timeout}s",
            "target":{{"http":"http://127.0.0.1:9000"}}}}"#
    ))
    .unwrap()
}

pub(crate) async fn the_catalog_knows_a_new_function_at_once(store: Store) {
    store.migrate().await.unwrap();
    let catalog = Catalog::new(store.clone());
    let latest = Qualifier::latest();
    let head = async || catalog.runnable(&function(), &latest).await.unwrap();
    assert_eq!(head().await, None);
    assert_eq!(
        catalog.resolve(&function(), &latest, 0.0).await.unwrap(),
        Err(Missing::Function)
    );
    assert!(store.put_function(&a_function(1), NOW).await.unwrap());
    assert!(!store.put_function(&a_function(1), at(1)).await.unwrap());
    assert_eq!(head().await.as_deref(), Some(&a_function(1)));
    let changed = Registered::from_file(a_function(2));
    let changed = Change::replace(Kind::Function, "media/thumbnail", &changed, 1);
    assert!(catalog.change(&[changed], at(2)).await.unwrap());
    // What this process changed shows at once, too.
    assert_eq!(head().await.as_deref(), Some(&a_function(2)));
    assert!(store.delete_function(&function(), at(3)).await.unwrap());
    assert!(!store.delete_function(&function(), at(3)).await.unwrap());
    let give_up = std::time::Instant::now() + Duration::from_secs(30);
    while head().await.is_some() {
        let is_late = std::time::Instant::now() >= give_up;
        assert!(!is_late, "a deleted function stays known");
        tokio::time::sleep(Catalog::LAG / 10).await;
    }
}

pub(crate) async fn documents_come_back_with_their_revisions_and_times(store: Store) {
    store.migrate().await.unwrap();
    let service = Service {
        attributes: serde_json::from_str(r#"{"role":"é"}"#).unwrap(),
        last_version: 1,
    };
    let version = Version {
        description: "first".to_owned(),
    };
    let alias = Alias {
        version: Qualifier::version(1),
        description: String::new(),
        additional: [(Qualifier::latest(), 0.5)].into(),
    };
    let registered = Registered::from_file(a_function(1));
    let config = AsyncConfig::default();
    let changes = [
        Change::create(Kind::Service, "media", &service),
        Change::create(Kind::Function, "media/thumbnail", &registered),
        Change::create(Kind::Version, "media@1", &version),
        Change::create(Kind::Snapshot, "media/thumbnail@1", &registered),
        Change::create(Kind::Alias, "media@prod", &alias),
        Change::create(Kind::Config, "media/thumbnail@prod", &config),
    ];
    assert!(store.change_registry(&changes, NOW).await.unwrap());
    let again = Change::replace(Kind::Alias, "media@prod", &alias, 1);
    assert!(store.change_registry(&[again], at(5)).await.unwrap());
    let (registry, revision) = store.registry().await.unwrap();
    assert_eq!(revision, 2);
    assert_eq!(registry.services["media"].value, service);
    assert_eq!(registry.functions["media/thumbnail"].value, registered);
    assert_eq!(registry.versions["media@1"].value, version);
    assert_eq!(registry.snapshots["media/thumbnail@1"].value, registered);
    assert_eq!(registry.configs["media/thumbnail@prod"].value, config);
    let entry = &registry.aliases["media@prod"];
    assert_eq!(entry.value, alias);
    assert_eq!(
        (entry.revision, entry.created_at, entry.changed_at),
        (2, NOW, at(5))
    );
}

pub(crate) async fn changes_are_made_together_or_not_at_all(store: Store) {
    store.migrate().await.unwrap();
    let service = Service::default();
    let create = |key: &str| Change::create(Kind::Service, key, &service);
    assert!(store.change_registry(&[create("a")], NOW).await.unwrap());
    let remove = |revision| Change::Remove {
        kind: Kind::Service,
        key: "a".to_owned(),
        revision,
    };
    for refused in [
        create("a"),
        Change::replace(Kind::Service, "a", &service, 2),
        Change::replace(Kind::Service, "none", &service, 1),
        remove(2),
    ] {
        let changes = [create("b"), refused];
        assert!(!store.change_registry(&changes, NOW).await.unwrap());
        let (registry, _) = store.registry().await.unwrap();
        assert_eq!(registry.services.keys().collect::<Vec<_>>(), ["a"]);
    }
    assert!(store.change_registry(&[remove(1)], NOW).await.unwrap());
    assert!(store.registry().await.unwrap().0.services.is_empty());
}

pub(crate) async fn of_many_changers_of_one_document_each_revision_has_one(store: Store) {
    store.migrate().await.unwrap();
    let numbered = |last_version| Service {
        last_version,
        ..Service::default()
    };
    let create = Change::create(Kind::Service, "s", &numbered(0));
    assert!(store.change_registry(&[create], NOW).await.unwrap());
    let count_up = async || loop {
        let (registry, _) = store.registry().await.unwrap();
        let entry = &registry.services["s"];
        let next = numbered(entry.value.last_version + 1);
        let change = Change::replace(Kind::Service, "s", &next, entry.revision);
        if store.change_registry(&[change], NOW).await.unwrap() {
            return;
        }
    };
    futures::future::join_all((0..10).map(|_| count_up())).await;
    let (registry, _) = store.registry().await.unwrap();
    assert_eq!(registry.services["s"].value.last_version, 10);
}

pub(crate) async fn a_deleted_function_takes_what_is_its_own(store: Store) {
    store.migrate().await.unwrap();
    let registered = Registered::from_file(a_function(1));
    let config = AsyncConfig::default();
    let changes = [
        Change::create(Kind::Function, "media/thumbnail", &registered),
        Change::create(Kind::Snapshot, "media/thumbnail@1", &registered),
        Change::create(Kind::Config, "media/thumbnail@LATEST", &config),
        Change::create(Kind::Config, "media/thumbnail-2@LATEST", &config),
        Change::create(Kind::Version, "media@1", &Version::default()),
    ];
    assert!(store.change_registry(&changes, NOW).await.unwrap());
    assert!(store.delete_function(&function(), NOW).await.unwrap());
    let (registry, _) = store.registry().await.unwrap();
    assert!(registry.functions.is_empty() && registry.snapshots.is_empty());
    assert!(registry.configs.contains_key("media/thumbnail-2@LATEST"));
    assert_eq!((registry.configs.len(), registry.versions.len()), (1, 1));
}

pub(crate) async fn access_keys_are_kept_until_they_are_revoked(store: Store) {
    store.migrate().await.unwrap();
    let key = |scope| AccessKey {
        id: "ci".to_owned(),
        scopes: BTreeSet::from([scope]),
        functions: Some(vec!["media/*".parse().unwrap()]),
    };
    let (read, secret) = (key(Scope::Read), Secret::new("hidden"));
    assert!(store.create_access_key(&read, &secret, NOW).await.unwrap());
    let other = (key(Scope::Manage), Secret::new("other"));
    assert!(
        !store
            .create_access_key(&other.0, &other.1, NOW)
            .await
            .unwrap()
    );
    let kept = KeptKey {
        key: read,
        secret: Some(secret),
        seal: Seal::Sealed,
    };
    assert_eq!(store.access_keys().await.unwrap(), [kept]);
    assert_eq!(store.seal_access_keys().await.unwrap(), 0);
    assert!(store.revoke_access_key("ci").await.unwrap());
    assert!(!store.revoke_access_key("ci").await.unwrap());
    assert_eq!(store.access_keys().await.unwrap(), []);
}
