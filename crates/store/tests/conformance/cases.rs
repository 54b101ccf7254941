//! What every store does.

use crate::fixture::{NOW, accepted, at, function, invocation, new, started, worker};
use bytes::Bytes;
use ekiden_domain::{
    AsyncConfig, Fault, Function, Invocation, Lane, Message, Outcome, RequestId, Status,
};
use ekiden_store::{Accepted, Catalog, Commit, Held, Store, StoreError, Worker};
use futures::future::join_all;
use std::{collections::HashSet, time::Duration};

pub(crate) async fn an_accepted_invocation_is_found_with_every_field(store: Store) {
    store.migrate().await.unwrap();
    let id = format!("_{}", "a-Z".repeat(42));
    let mut wanted = new(Some(&id));
    wanted.delay = Duration::from_secs(3600);
    let config = AsyncConfig {
        max_retries: 8,
        ..AsyncConfig::default()
    };
    let lane: Lane = "a.lane".parse().unwrap();
    let (invocation, message) =
        Invocation::accept(RequestId::generate(NOW), wanted, &config, lane, NOW);
    let payload = Bytes::from_static(b"\xff\x00 not text \xfe");
    let answer = store
        .accept(invocation.clone(), payload.clone(), message)
        .await
        .unwrap();
    assert_eq!(answer, Accepted::New);
    let found = store
        .find(&function(), &invocation.invocation_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (&found.invocation, found.payload.as_ref()),
        (&invocation, Some(&payload))
    );
    let loaded = store.load(&[invocation.request_id]).await.unwrap();
    assert_eq!(loaded, [found]);
    assert_eq!(
        store
            .find(&function(), &"other".parse().unwrap())
            .await
            .unwrap(),
        None
    );
}

pub(crate) async fn a_second_one_of_the_same_id_is_told_of_the_first_whatever_became_of_it(
    store: Store,
) {
    store.migrate().await.unwrap();
    let first = accepted(&store, Some("twice"), NOW).await;
    let again = async |status| {
        let (second, message) = invocation(Some("twice"), at(5));
        let answer = store.accept(second, Bytes::new(), message).await.unwrap();
        assert_eq!(
            answer,
            Accepted::Duplicate {
                request_id: first.request_id,
                status
            }
        );
    };
    again(Status::Enqueued).await;
    let running = started(&store, &first, at(10)).await;
    again(Status::Running).await;
    let ended = running.finish(Outcome::Succeeded, at(20)).unwrap();
    assert_eq!(store.commit(ended).await.unwrap(), Commit::Written);
    again(Status::Succeeded).await;
}

pub(crate) async fn of_many_acceptances_of_one_id_one_is_new(store: Store) {
    store.migrate().await.unwrap();
    let answers = join_all((0..100).map(|_| {
        let (invocation, message) = invocation(Some("once"), NOW);
        store.accept(invocation, Bytes::new(), message)
    }))
    .await;
    let new = answers
        .iter()
        .filter(|answer| matches!(answer, Ok(Accepted::New)))
        .count();
    let duplicates: HashSet<_> = answers
        .iter()
        .filter_map(|answer| match answer.as_ref().unwrap() {
            Accepted::New => None,
            Accepted::Duplicate { request_id, .. } => Some(*request_id),
        })
        .collect();
    assert_eq!((new, duplicates.len()), (1, 1));
}

pub(crate) async fn a_whole_life_keeps_every_field_and_the_attempts_that_failed(store: Store) {
    store.migrate().await.unwrap();
    let enqueued = accepted(&store, None, NOW).await;
    let mut now = started(&store, &enqueued, at(10)).await;
    let same = async |now: &Invocation| {
        let found = store
            .find(&function(), &now.invocation_id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.invocation, *now);
    };
    same(&now).await;
    let fault =
        Fault::function("UnhandledInvocationError", "it broke: '\u{0}' 日本").with_http_status(404);
    let failed = now.finish(Outcome::Failed(fault), at(20)).unwrap();
    now = failed.after.clone();
    assert_eq!(store.commit(failed.clone()).await.unwrap(), Commit::Written);
    same(&now).await;
    assert_eq!(
        store.attempts(now.request_id).await.unwrap(),
        [failed.attempt.unwrap()]
    );
    now = started(&store, &now, at(60_000)).await;
    let stopping = now.stop(at(60_010)).unwrap();
    now = stopping.after.clone();
    assert_eq!(store.commit(stopping).await.unwrap(), Commit::Written);
    same(&now).await;
    let stopped = now.stopped(at(60_020)).unwrap();
    now = stopped.after.clone();
    assert_eq!(store.commit(stopped).await.unwrap(), Commit::Written);
    same(&now).await;
    assert_eq!(store.load(&[now.request_id]).await.unwrap(), []);
}

pub(crate) async fn of_many_claimers_each_invocation_has_one(store: Store) {
    store.migrate().await.unwrap();
    let waiting = join_all((0..40).map(|_| accepted(&store, None, NOW))).await;
    let claims = (1..=10).flat_map(|number| {
        waiting
            .iter()
            .map(move |invocation| invocation.claim(worker(number), at(1)).unwrap())
    });
    let answers = join_all(claims.map(|claim| async {
        let (id, worker) = (claim.after.request_id, claim.after.worker);
        (id, worker, store.commit(claim).await.unwrap())
    }))
    .await;
    let written: Vec<_> = answers
        .iter()
        .filter(|(.., answer)| *answer == Commit::Written)
        .collect();
    let claimed: HashSet<_> = written.iter().map(|(id, ..)| *id).collect();
    assert_eq!((written.len(), claimed.len()), (40, 40));
    for (id, worker, _) in written {
        let record = store.load(&[*id]).await.unwrap().pop().unwrap();
        assert_eq!(
            (record.invocation.worker, record.invocation.lease.number()),
            (*worker, 1)
        );
    }
    for (id, worker, answer) in &answers {
        if let Commit::Conflict(now) = answer {
            let now = now.as_ref().unwrap();
            assert_eq!((now.request_id, now.status()), (*id, Status::Dequeued));
            assert_ne!(now.worker, *worker);
        }
    }
}

pub(crate) async fn a_stale_lease_changes_nothing(store: Store) {
    store.migrate().await.unwrap();
    let stale = started(&store, &accepted(&store, None, NOW).await, at(1)).await;
    let lost = stale.lose(Fault::worker_lost(), at(2)).unwrap();
    let retrying = lost.after.clone();
    assert_eq!(store.commit(lost).await.unwrap(), Commit::Written);
    let now = started(&store, &retrying, at(60_000)).await;
    let late = stale.finish(Outcome::Succeeded, at(60_001)).unwrap();
    let answer = store.commit(late).await.unwrap();
    assert_eq!(answer, Commit::Conflict(Some(Box::new(now.clone()))));
    let ended = now.finish(Outcome::Succeeded, at(60_002)).unwrap();
    let last = ended.after.clone();
    assert_eq!(store.commit(ended).await.unwrap(), Commit::Written);
    let again = now
        .finish(Outcome::Failed(Fault::worker_lost()), at(60_003))
        .unwrap();
    assert_eq!(
        store.commit(again).await.unwrap(),
        Commit::Conflict(Some(Box::new(last)))
    );
}

pub(crate) async fn a_conflicting_step_leaves_its_neighbours_alone(store: Store) {
    store.migrate().await.unwrap();
    let waiting = join_all((0..20).map(|_| accepted(&store, None, NOW))).await;
    let stopped = waiting[7].stop(at(1)).unwrap();
    assert_eq!(store.commit(stopped).await.unwrap(), Commit::Written);
    let claims = waiting
        .iter()
        .map(|i| store.commit(i.claim(worker(1), at(2)).unwrap()));
    for (index, answer) in join_all(claims).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap() == Commit::Written, index != 7, "{index}");
    }
}

pub(crate) async fn messages_are_offered_taken_held_and_deleted_by_id(store: Store) {
    store.migrate().await.unwrap();
    let (offer, mut offers) = tokio::sync::mpsc::channel(10);
    store.offer_messages_to(offer);
    let (first, message) = invocation(None, NOW);
    store
        .accept(first.clone(), Bytes::new(), message.clone())
        .await
        .unwrap();
    assert_eq!(offers.recv().await.unwrap(), message);
    // Its writer has some seconds to send it before pollers may.
    assert_eq!(
        store.take_messages(at(1), at(30_000), 10).await.unwrap(),
        []
    );
    let taken = store
        .take_messages(at(10_000), at(30_000), 10)
        .await
        .unwrap();
    assert_eq!(taken, std::slice::from_ref(&message));
    assert_eq!(
        store
            .take_messages(at(29_999), at(60_000), 10)
            .await
            .unwrap(),
        []
    );
    let other = Message::dispatch(first.request_id, Lane::shared(), NOW, NOW);
    store
        .delete_messages(&[(first.request_id, other.id)])
        .await
        .unwrap();
    assert_eq!(
        store
            .take_messages(at(30_000), at(60_000), 10)
            .await
            .unwrap()
            .len(),
        1
    );
    store
        .delete_messages(&[(first.request_id, message.id)])
        .await
        .unwrap();
    assert_eq!(
        store
            .take_messages(at(90_000), at(99_000), 10)
            .await
            .unwrap(),
        []
    );
}

pub(crate) async fn a_dispatch_is_put_back_once_and_only_while_waiting(store: Store) {
    store.migrate().await.unwrap();
    let (waiting, message) = invocation(None, NOW);
    store
        .accept(waiting.clone(), Bytes::new(), message.clone())
        .await
        .unwrap();
    let back = || Message::dispatch(waiting.request_id, Lane::shared(), at(50), NOW);
    assert_eq!(store.put_back(&[back()]).await.unwrap(), 0);
    assert_eq!(store.undispatched(None, 10).await.unwrap().0, []);
    store
        .delete_messages(&[(waiting.request_id, message.id)])
        .await
        .unwrap();
    let (undispatched, walked_to) = store.undispatched(None, 10).await.unwrap();
    assert_eq!(undispatched[0].request_id, waiting.request_id);
    assert_eq!(walked_to, Some(waiting.request_id));
    assert_eq!(store.put_back(&[back()]).await.unwrap(), 1);
    assert_eq!(store.put_back(&[back()]).await.unwrap(), 0);
    let taken = store.take_messages(at(50), at(9_000), 10).await.unwrap();
    store
        .delete_messages(&[(waiting.request_id, taken[0].id)])
        .await
        .unwrap();
    started(&store, &waiting, at(60)).await;
    assert_eq!(store.put_back(&[back()]).await.unwrap(), 0);
}

pub(crate) async fn a_heartbeat_tells_what_is_held_and_who_is_gone(store: Store) {
    store.migrate().await.unwrap();
    let this = Worker {
        id: worker(1),
        name: "host:1".to_owned(),
        slots: 64,
        started_at: NOW,
        counter: 0,
        beat_at: NOW,
    };
    store.register_worker(&this).await.unwrap();
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
    assert_eq!(store.purge(at(500), 1).await.unwrap(), 1);
    assert_eq!(store.purge(at(500), 10).await.unwrap(), 1);
    assert_eq!(store.purge(at(500), 10).await.unwrap(), 0);
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

fn a_function() -> Function {
    serde_json::from_str(
        r#"{"service":"media","name":"thumbnail","target":{"http":"http://127.0.0.1:9000"}}"#,
    )
    .unwrap()
}

pub(crate) async fn the_catalog_knows_a_new_function_at_once(store: Store) {
    store.migrate().await.unwrap();
    let catalog = Catalog::new(store.clone());
    assert_eq!(catalog.function(&function()).await.unwrap(), None);
    assert!(store.put_function(&a_function(), NOW).await.unwrap());
    assert!(!store.put_function(&a_function(), at(1)).await.unwrap());
    assert_eq!(
        catalog.function(&function()).await.unwrap().as_deref(),
        Some(&a_function())
    );
    assert_eq!(store.functions().await.unwrap(), (vec![a_function()], 1));
    assert!(store.delete_function(&function()).await.unwrap());
    assert!(!store.delete_function(&function()).await.unwrap());
    let give_up = std::time::Instant::now() + Duration::from_secs(30);
    while catalog.function(&function()).await.unwrap().is_some() {
        assert!(
            std::time::Instant::now() < give_up,
            "a deleted function stays known"
        );
        tokio::time::sleep(Catalog::LAG / 10).await;
    }
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
