//! What keeps the rest in order: heartbeats, sweeps, retention, the registry, the schema.

use crate::fixture::{NOW, accepted, at, function, invocation, on_postgres_at, started, worker};
use bytes::Bytes;
use ekiden_domain::{Fault, Function, Invocation, Lane, Outcome, Status, Timestamp};
use ekiden_store::{Accepted, Commit, Held, Store, StoreError, Worker};
use futures::future::join_all;
use sqlx::PgConnection;
use std::{
    collections::HashSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The worker that what `started` starts is held by.
async fn announced(store: &Store) -> Worker {
    let this = Worker {
        id: worker(1),
        name: "host:1".to_owned(),
        slots: 64,
        started_at: NOW,
        counter: 0,
        beat_at: NOW,
    };
    store.register_worker(&this).await.unwrap();
    this
}

pub(crate) async fn a_heartbeat_tells_what_is_held_and_who_is_gone(store: Store) {
    store.migrate().await.unwrap();
    let this = announced(&store).await;
    let running = started(&store, &accepted(&store, None, NOW).await, at(1)).await;
    assert_eq!(store.orphans(10).await.unwrap(), []);
    let held = Held {
        request_id: running.request_id,
        lease: running.lease,
        status: Status::Running,
    };
    assert_eq!(store.beat(this.id, at(2)).await.unwrap(), Some(vec![held]));
    assert_eq!(
        store.workers().await.unwrap(),
        [Worker {
            counter: 1,
            beat_at: at(2),
            ..this.clone()
        }]
    );
    assert!(!store.remove_worker(this.id, 0).await.unwrap());
    assert!(store.remove_worker(this.id, 1).await.unwrap());
    assert_eq!(store.beat(this.id, at(3)).await.unwrap(), None);
    assert_eq!(store.orphans(10).await.unwrap(), [running]);
}

pub(crate) async fn what_is_overdue_aged_or_unregistered_is_found(store: Store) {
    store.migrate().await.unwrap();
    let waiting = accepted(&store, None, NOW).await;
    let running = started(&store, &accepted(&store, None, NOW).await, at(1)).await;
    assert_eq!(store.overdue(at(69_000), at(0), 10).await.unwrap(), []);
    assert_eq!(
        store.overdue(at(70_001), at(0), 10).await.unwrap(),
        std::slice::from_ref(&running)
    );
    assert_eq!(store.aged(at(86_399_999), 10).await.unwrap(), []);
    assert_eq!(
        store.aged(at(86_400_000), 10).await.unwrap(),
        std::slice::from_ref(&waiting)
    );
    assert_eq!(
        store.newest_claims().await.unwrap(),
        [(Lane::shared(), NOW)]
    );
    assert_eq!(store.unregistered(10).await.unwrap(), [waiting]);
    store.put_function(&a_function(), NOW).await.unwrap();
    assert_eq!(store.unregistered(10).await.unwrap(), []);
    let counts = store.count_live().await.unwrap();
    let counts: Vec<_> = counts
        .iter()
        .map(|count| (count.status, count.count))
        .collect();
    assert_eq!(counts, [(Status::Enqueued, 1), (Status::Running, 1)]);
}

/// Forgets up to so many that ended before then.
async fn forget(store: &Store, ended_before: Timestamp, limit: u32) -> u64 {
    let ended = at(0)..ended_before;
    let (outlived, _) = store.outlived(ended, limit).await.unwrap();
    store.forget(&outlived).await.unwrap()
}

pub(crate) async fn what_ended_long_ago_is_forgotten_whole(store: Store) {
    store.migrate().await.unwrap();
    for (id, ended_at) in [("old", at(100)), ("older", at(50)), ("young", at(1000))] {
        let stopped = accepted(&store, Some(id), NOW)
            .await
            .stop(ended_at)
            .unwrap();
        assert_eq!(store.commit(stopped).await.unwrap(), Commit::Written);
    }
    accepted(&store, Some("live"), NOW).await;
    let (_, walked_to) = store.outlived(at(0)..at(500), 1).await.unwrap();
    assert_eq!(walked_to, Some(at(50)));
    let (_, walked_to) = store.outlived(at(50)..at(500), 10).await.unwrap();
    assert_eq!(walked_to, Some(at(100)));
    let beyond = store.outlived(at(101)..at(500), 10).await.unwrap();
    assert_eq!(beyond, (Vec::new(), None));
    assert_eq!(forget(&store, at(500), 1).await, 1);
    assert_eq!(forget(&store, at(500), 10).await, 1);
    assert_eq!(forget(&store, at(500), 10).await, 0);
    for (id, is_there) in [
        ("old", false),
        ("older", false),
        ("young", true),
        ("live", true),
    ] {
        let found = store.find(&function(), &id.parse().unwrap()).await.unwrap();
        assert_eq!(found.is_some(), is_there, "{id}");
    }
    accepted(&store, Some("old"), at(2000)).await;
}

/// Accepts it, and stops it then if a time is given.
async fn lived(store: &Store, id: String, ended_at: Option<Timestamp>) {
    let invocation = accepted(store, Some(&id), NOW).await;
    if let Some(ended_at) = ended_at {
        let stopped = invocation.stop(ended_at).unwrap();
        assert_eq!(store.commit(stopped).await.unwrap(), Commit::Written);
    }
}

pub(crate) async fn nothing_live_or_young_is_forgotten_while_many_write(store: Store) {
    const EACH: u64 = 100;
    const BATCH: u32 = 7;
    store.migrate().await.unwrap();
    let kinds = [
        ("old", Some(at(100))),
        ("young", Some(at(1000))),
        ("live", None),
    ];
    let forgotten = AtomicU64::new(0);
    let writing = (0..EACH)
        .flat_map(|n| kinds.map(|(kind, ended_at)| lived(&store, format!("{kind}-{n}"), ended_at)));
    let purging = (0..2).map(async |_| {
        while forgotten.load(Ordering::Relaxed) < EACH {
            let purged = forget(&store, at(500), BATCH).await;
            assert!(purged <= u64::from(BATCH), "{purged}");
            forgotten.fetch_add(purged, Ordering::Relaxed);
        }
    });
    let all = futures::future::join(join_all(writing), join_all(purging));
    let in_time = tokio::time::timeout(Duration::from_secs(60), all).await;
    in_time.expect("what is old is forgotten");
    assert_eq!(forgotten.load(Ordering::Relaxed), EACH, "each once");
    assert_eq!(forget(&store, at(500), BATCH).await, 0);
    for (kind, _) in kinds {
        for n in 0..EACH {
            let id = format!("{kind}-{n}").parse().unwrap();
            let found = store.find(&function(), &id).await.unwrap();
            assert_eq!(found.is_some(), kind != "old", "{id}");
        }
    }
}

pub(crate) async fn what_is_unregistered_is_found_beside_what_is_registered(store: Store) {
    store.migrate().await.unwrap();
    store.put_function(&a_function(), NOW).await.unwrap();
    // Their order depends on the language where it is not that of bytes.
    for (service, name) in [("a-z", "sound"), ("ab", "sound")] {
        let function = format!(
            r#"{{"service":"{service}","name":"{name}","target":{{"http":"http://127.0.0.1:9000"}}}}"#
        );
        let function = serde_json::from_str(&function).unwrap();
        store.put_function(&function, NOW).await.unwrap();
    }
    let accepted_for = async |function: &str, millis| {
        let (mut invocation, message) = invocation(None, at(millis));
        invocation.function = function.parse().unwrap();
        let accepted = store.accept(invocation.clone(), Bytes::new(), message);
        assert_eq!(accepted.await.unwrap(), Accepted::New);
        invocation
    };
    for registered in ["a-z/sound", "ab/sound", "media/thumbnail"] {
        accepted_for(registered, 1).await;
    }
    let before = accepted_for("media/sound", 2).await;
    let before_too = accepted_for("media/sound", 3).await;
    let running = accepted_for("media/video", 4).await;
    started(&store, &running, at(4)).await;
    let behind_what_runs = accepted_for("media/waveform", 5).await;
    let mut found = store.unregistered(10).await.unwrap();
    found.sort_by_key(|invocation| invocation.accepted_at);
    assert_eq!(found, [before, before_too, behind_what_runs]);
    for limit in 1..3 {
        let found = store.unregistered(limit).await.unwrap();
        assert_eq!(found.len(), limit as usize);
    }
}

fn a_function() -> Function {
    serde_json::from_str(
        r#"{"service":"media","name":"thumbnail","target":{"http":"http://127.0.0.1:9000"}}"#,
    )
    .unwrap()
}

pub(crate) async fn a_schema_is_migrated_once_and_a_newer_one_refused(store: Store) {
    let fresh = store.schema().await.unwrap();
    assert!(matches!(
        fresh.check(),
        Err(StoreError::SchemaTooOld { applied: 0, .. })
    ));
    let migrated = store.migrate().await.unwrap();
    migrated.check().unwrap();
    assert_eq!(store.migrate().await.unwrap(), migrated);
    let newer = ekiden_store::Schema {
        compatible_from: migrated.known + 1,
        ..migrated
    };
    assert!(matches!(
        newer.check(),
        Err(StoreError::SchemaTooNew { .. })
    ));
    let compatible = ekiden_store::Schema {
        applied: migrated.known + 1,
        ..migrated
    };
    compatible.check().unwrap();
    store.ping().await.unwrap();
    let claim = store.claim_database().await.unwrap().unwrap();
    assert_eq!(
        store.claim_database().await.unwrap().is_none(),
        !store.is_sqlite()
    );
    drop(claim);
}

/// Whoever is not seen to move on is still found: by its worker's heart, and when that worker is gone.
pub(crate) async fn what_others_moved_on_is_held_no_more(store: Store) {
    store.migrate().await.unwrap();
    let this = announced(&store).await;
    let first = started(&store, &accepted(&store, None, NOW).await, at(1)).await;
    let second = started(&store, &accepted(&store, None, NOW).await, at(1)).await;
    let held =
        |held: Vec<Held>| -> HashSet<_> { held.into_iter().map(|held| held.request_id).collect() };
    let beat = store.beat(this.id, at(2)).await.unwrap();
    assert_eq!(
        beat.map(held),
        Some([first.request_id, second.request_id].into())
    );
    let end = first.finish(Outcome::Succeeded, at(3)).unwrap();
    assert_eq!(store.commit(end).await.unwrap(), Commit::Written);
    // A claim after the end removes what the first one noted, and nothing else.
    let third = started(&store, &accepted(&store, None, NOW).await, at(4)).await;
    let beat = store.beat(this.id, at(5)).await.unwrap();
    assert_eq!(
        beat.map(held),
        Some([second.request_id, third.request_id].into())
    );
    let lost = second.lose(Fault::worker_lost(), at(6)).unwrap();
    assert_eq!(store.commit(lost).await.unwrap(), Commit::Written);
    assert!(store.remove_worker(this.id, 2).await.unwrap());
    assert_eq!(store.orphans(10).await.unwrap(), [third]);
}

/// How many rows tell who claimed what, once another has ended this one and `look` was taken.
async fn claims_after(
    connection: &mut PgConnection,
    ended: &Invocation,
    look: impl Future<Output = ()>,
) -> i64 {
    let end = "DELETE FROM invocations_live WHERE request_id = $1";
    let end = sqlx::query(end).bind(ended.request_id.as_uuid());
    end.execute(&mut *connection).await.unwrap();
    look.await;
    let count = sqlx::query_scalar("SELECT count(*) FROM claims");
    count.fetch_one(connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tells_of_claims_goes_with_what_others_ended() {
    on_postgres_at(async |store, mut connection| {
        store.migrate().await.unwrap();
        let this = announced(&store).await;
        let [first, second, third] = [
            started(&store, &accepted(&store, None, NOW).await, at(1)).await,
            started(&store, &accepted(&store, None, NOW).await, at(1)).await,
            started(&store, &accepted(&store, None, NOW).await, at(1)).await,
        ];
        let beat = async { assert!(store.beat(this.id, at(2)).await.unwrap().is_some()) };
        assert_eq!(claims_after(&mut connection, &first, beat).await, 2);
        assert!(store.remove_worker(this.id, 1).await.unwrap());
        let look = async { assert_eq!(store.orphans(10).await.unwrap().len(), 1) };
        assert_eq!(claims_after(&mut connection, &second, look).await, 1);
        let look = async { assert_eq!(store.orphans(10).await.unwrap(), []) };
        assert_eq!(claims_after(&mut connection, &third, look).await, 0);
    })
    .await;
}

pub(crate) async fn a_duty_is_one_holder_s_until_its_time_is_over(store: Store) {
    store.migrate().await.unwrap();
    let take = async |holder, span| store.take_duty("sweep", holder, span).await.unwrap();
    let (hour, moment) = (Duration::from_secs(3600), Duration::ZERO);
    assert!(take(worker(1), hour).await);
    // On SQLite there is one process.
    assert_eq!(take(worker(2), hour).await, store.is_sqlite());
    assert!(store.take_duty("other", worker(2), hour).await.unwrap());
    assert!(take(worker(1), moment).await);
    tokio::time::timeout(Duration::from_secs(30), async {
        while !take(worker(2), hour).await {}
    })
    .await
    .unwrap();
    assert_eq!(take(worker(1), hour).await, store.is_sqlite());
}
