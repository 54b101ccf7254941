//! What an invocation leaves when it ends: output, log, and a delivery of its result.

use crate::fixture::{NOW, accepted, at, function, new, started};
use bytes::Bytes;
use ekiden_domain::{
    AsyncConfig, DeliveryStatus, Fault, Invocation, Lane, ListQuery, Outcome, RequestId,
    delivery::{Answer, Verdict},
};
use ekiden_store::{Accepted, Commit, Store};
use futures::future::join_all;
use std::collections::HashSet;

const HOOK: &str = "https://hooks.example/ok?a=1";

/// An invocation that has a destination for every end, running.
async fn running(store: &Store, id: &str) -> Invocation {
    let config = AsyncConfig {
        on_success: Some(HOOK.parse().unwrap()),
        on_failure: Some("amqp:results/bad".parse().unwrap()),
        max_retries: 0,
        ..AsyncConfig::default()
    };
    let request = ekiden_domain::NewInvocation {
        hops: 3,
        trace: None,
        ..new(Some(id))
    };
    let request_id = RequestId::generate(NOW);
    let (invocation, message) =
        Invocation::accept(request_id, request, &config, Lane::shared(), NOW);
    let payload = Bytes::from_static(b"payload");
    let answer = store
        .accept(invocation.clone(), payload, message)
        .await
        .unwrap();
    assert_eq!(answer, Accepted::New);
    let found = store
        .find(&function(), &invocation.invocation_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.invocation, found.delivery),
        (invocation.clone(), None)
    );
    started(store, &invocation, NOW).await
}

async fn finish(store: &Store, running: &Invocation, outcome: Outcome) -> Invocation {
    let output = Bytes::from_static(b"\xff\x00out");
    let log = Bytes::from_static(b"log");
    let end = running.finish(outcome, at(10)).unwrap();
    let end = end.leaving(output, log);
    let after = end.after.clone();
    assert_eq!(store.commit(end).await.unwrap(), Commit::Written);
    after
}

pub(crate) async fn output_and_log_are_kept_of_every_attempt(store: Store) {
    store.migrate().await.unwrap();
    for (id, outcome) in [
        ("well", Outcome::Succeeded),
        ("badly", Outcome::Failed(Fault::function("E", "e"))),
    ] {
        let running = running(&store, id).await;
        let ended = finish(&store, &running, outcome).await;
        let attempts = store.attempts(ended.request_id).await.unwrap();
        assert_eq!(attempts.len(), 1, "{id}");
        assert_eq!(attempts[0].output, b"\xff\x00out".as_slice());
        assert_eq!(attempts[0].log, b"log".as_slice());
        assert_eq!(attempts[0].fault, ended.error);
        let record = store.ended(ended.request_id).await.unwrap().unwrap();
        assert_eq!(record.output.as_ref(), Some(&attempts[0].output));
        assert_eq!(record.payload.as_deref(), Some(b"payload".as_slice()));
        assert_eq!(record.invocation, ended);
    }
    // One that leaves nothing has no row.
    let silent = running(&store, "silent").await;
    let end = silent.finish(Outcome::Succeeded, at(10)).unwrap();
    assert_eq!(store.commit(end).await.unwrap(), Commit::Written);
    assert_eq!(store.attempts(silent.request_id).await.unwrap(), []);
    assert_eq!(
        store
            .ended(running(&store, "live").await.request_id)
            .await
            .unwrap(),
        None
    );
}

pub(crate) async fn a_result_is_handed_on_by_one_taker_at_a_time(store: Store) {
    store.migrate().await.unwrap();
    for number in 0..20 {
        let running = running(&store, &format!("id-{number}")).await;
        finish(&store, &running, Outcome::Succeeded).await;
    }
    store.result_written().await;
    let elsewhere = ["https://hooks.example/ok", HOOK].map(|text| text.parse().unwrap());
    let none = store.take_deliveries(at(10), at(100), 3, &elsewhere).await;
    assert_eq!(none.unwrap(), [], "{HOOK} is excepted");
    let take = || store.take_deliveries(at(10), at(100), 3, &elsewhere[..1]);
    let takes = join_all((0..10).map(|_| take())).await;
    let taken: Vec<_> = takes.into_iter().flat_map(Result::unwrap).collect();
    let ids: HashSet<_> = taken.iter().map(|delivery| delivery.request_id).collect();
    assert_eq!((taken.len(), ids.len()), (20, 20));
    assert_eq!(take().await.unwrap(), []);
    let again = store
        .take_deliveries(at(100), at(200), 50, &[])
        .await
        .unwrap();
    assert_eq!(again.len(), 20);
    let pending = store.pending_deliveries().await.unwrap();
    assert_eq!((pending.count, pending.oldest), (20, Some(at(10))));
    assert!(again.iter().all(|delivery| delivery.attempts == 2));
    // Who took it first reports too late.
    let answer = || Answer::new(at(50), Some(200), "fine \u{0}", "");
    let late = taken[0].clone().tried(Verdict::Delivered, answer());
    assert!(!store.report_delivery(late).await.unwrap());
    for delivery in again {
        let id = delivery.request_id;
        assert_eq!(delivery.destination.as_str(), HOOK);
        let done = delivery.tried(Verdict::Delivered, answer());
        assert!(store.report_delivery(done.clone()).await.unwrap());
        let found = store.delivery(id).await.unwrap().unwrap();
        assert_eq!((found.status, &found.answer), (done.status, &done.answer));
    }
    let pending = store.pending_deliveries().await.unwrap();
    assert_eq!((pending.count, pending.oldest), (0, None));
    assert_eq!(
        store
            .take_deliveries(at(10_000), at(10_001), 50, &[])
            .await
            .unwrap(),
        []
    );
}

pub(crate) async fn the_list_says_where_each_delivery_stands(store: Store) {
    store.migrate().await.unwrap();
    let (well, badly) = (
        running(&store, "well").await,
        running(&store, "badly").await,
    );
    finish(&store, &well, Outcome::Succeeded).await;
    let fault = Fault::function("E", "e");
    finish(&store, &badly, Outcome::Failed(fault)).await;
    accepted(&store, Some("none"), NOW).await;
    let statuses = async || {
        let query = ListQuery::new(function(), 10).unwrap();
        let page = store.list(&query).await.unwrap();
        let records = page.records.into_iter();
        let mut statuses: Vec<_> = records
            .map(|record| (record.invocation_id().to_string(), record.delivery))
            .collect();
        statuses.sort_by(|a, b| a.0.cmp(&b.0));
        statuses
            .into_iter()
            .map(|(_, status)| status)
            .collect::<Vec<_>>()
    };
    let pending = Some(DeliveryStatus::Pending);
    assert_eq!(statuses().await, [pending, None, pending]);
    for delivery in store
        .take_deliveries(at(10), at(100), 10, &[])
        .await
        .unwrap()
    {
        let is_message = delivery.destination.as_str() == "amqp:results/bad";
        let verdict = if is_message {
            Verdict::Never
        } else {
            Verdict::Delivered
        };
        let tried = delivery.tried(verdict, Answer::new(at(11), None, "", "gone"));
        assert!(store.report_delivery(tried).await.unwrap());
    }
    let (failed, succeeded) = (
        Some(DeliveryStatus::Failed),
        Some(DeliveryStatus::Succeeded),
    );
    assert_eq!(statuses().await, [failed, None, succeeded]);
    // Sent again: it is due at once, and has a day from now on.
    let delivery = store.delivery(badly.request_id).await.unwrap().unwrap();
    assert!(
        store
            .report_delivery(delivery.again(at(500)))
            .await
            .unwrap()
    );
    let again = store
        .take_deliveries(at(500), at(600), 10, &[])
        .await
        .unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].attempts, again[0].created_at), (2, at(500)));
}

pub(crate) async fn a_pending_delivery_keeps_its_invocation(store: Store) {
    store.migrate().await.unwrap();
    let ended = running(&store, "one").await;
    finish(&store, &ended, Outcome::Succeeded).await;
    let outlived = async || store.outlived(at(0)..at(1000), 10).await.unwrap().0;
    assert_eq!(outlived().await, []);
    assert_eq!(store.forget(&[ended.request_id]).await.unwrap(), 0);
    let taken = store
        .take_deliveries(at(10), at(100), 10, &[])
        .await
        .unwrap();
    let done = taken[0].clone();
    let answer = Answer::new(at(11), Some(204), "", "");
    assert!(
        store
            .report_delivery(done.tried(Verdict::Delivered, answer))
            .await
            .unwrap()
    );
    let outlived = outlived().await;
    assert_eq!(outlived, [ended.request_id]);
    assert_eq!(store.forget(&outlived).await.unwrap(), 1);
    assert_eq!(store.delivery(ended.request_id).await.unwrap(), None);
    assert_eq!(store.attempts(ended.request_id).await.unwrap(), []);
}
