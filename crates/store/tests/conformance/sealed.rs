//! Secrets of access keys on PostgreSQL, whose processes bring the keys that seal them.

use crate::fixture::{NOW, on_postgres_at, reopened_with};
use ekiden_domain::{AccessKey, Scope, Secret};
use ekiden_store::{Seal, Store, StoreError};
use sqlx::Executor;
use std::collections::BTreeSet;

fn key(id: &str) -> AccessKey {
    AccessKey {
        id: id.to_owned(),
        scopes: BTreeSet::from([Scope::Read]),
        functions: None,
    }
}

/// How the one access key's secret is kept, and whether it can be read.
async fn kept(store: &Store) -> (Seal, bool) {
    let [kept] = &store.access_keys().await.unwrap()[..] else {
        panic!("there is one");
    };
    let is_right = kept.secret == Some(Secret::new("hidden"));
    assert_eq!(is_right, kept.secret.is_some());
    (kept.seal, is_right)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_sealed_with_the_first_key_read_with_each_and_never_kept_without() {
    on_postgres_at(async |first, mut connection| {
        let secret = Secret::new("hidden");
        first.migrate().await.unwrap();
        let none = reopened_with(&mut connection, |config| config.seal_keys.clear()).await;
        let both = reopened_with(&mut connection, |config| {
            let second = format!("{}BA=", "A".repeat(41)).parse().unwrap();
            config.seal_keys.insert(0, second);
        })
        .await;
        let can_seal = [&first, &none, &both].map(Store::can_seal);
        assert_eq!(can_seal, [true, false, true]);

        let refused = none.create_access_key(&key("ci"), &secret, NOW).await;
        assert!(
            matches!(refused, Err(StoreError::SealKey(_))),
            "{refused:?}"
        );
        assert_eq!(none.access_keys().await.unwrap(), []);
        let created = first.create_access_key(&key("ci"), &secret, NOW).await;
        assert!(created.unwrap());
        assert_eq!(kept(&first).await, (Seal::Sealed, true));
        assert_eq!(kept(&both).await, (Seal::Old, true));
        assert_eq!(kept(&none).await, (Seal::Lost, false));
        // What cannot be read is left as it is.
        assert_eq!(none.seal_access_keys().await.unwrap(), 0);

        assert_eq!(first.seal_access_keys().await.unwrap(), 0);
        assert_eq!(both.seal_access_keys().await.unwrap(), 1);
        assert_eq!(both.seal_access_keys().await.unwrap(), 0);
        assert_eq!(kept(&both).await, (Seal::Sealed, true));
        assert_eq!(kept(&first).await, (Seal::Lost, false));

        let plain = "UPDATE access_keys SET secret = 'hidden'";
        connection.execute(plain).await.unwrap();
        assert_eq!(kept(&none).await, (Seal::Plain, true));
        let refused = none.seal_access_keys().await;
        assert!(
            matches!(refused, Err(StoreError::SealKey(_))),
            "{refused:?}"
        );
        assert_eq!(kept(&none).await, (Seal::Plain, true));
        assert_eq!(first.seal_access_keys().await.unwrap(), 1);
        assert_eq!(kept(&first).await, (Seal::Sealed, true));
    })
    .await;
}
