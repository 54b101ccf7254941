//! What becomes of invocations and their messages.

use crate::fixture::{NOW, accepted, at, function, invocation, new, started, worker};
use bytes::Bytes;
use ekiden_domain::{
    AsyncConfig, Fault, Invocation, Lane, Message, NewInvocation, Outcome, RequestId, Status,
};
use ekiden_store::{Acceptance, Accepted, Commit, Store};
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

pub(crate) async fn many_accepted_at_once_are_answered_in_order_each_for_itself(store: Store) {
    store.migrate().await.unwrap();
    let early = accepted(&store, Some("id-150"), NOW).await;
    let wanted: Vec<Acceptance> = (0..300)
        .map(|number| {
            let (invocation, message) = invocation(Some(&format!("id-{number}")), at(5));
            let payload = Bytes::from(format!("payload {number}"));
            Acceptance {
                invocation,
                payload,
                message,
            }
        })
        .collect();
    let answers = store.accept_all(wanted.clone()).await;
    assert_eq!(answers.len(), wanted.len());
    for (number, (answer, wanted)) in answers.into_iter().zip(wanted).enumerate() {
        let (expected, payload) = if number == 150 {
            let (request_id, status) = (early.request_id, Status::Enqueued);
            let first = Bytes::from_static(b"payload");
            (Accepted::Duplicate { request_id, status }, first)
        } else {
            (Accepted::New, wanted.payload)
        };
        assert_eq!(answer.unwrap(), expected, "{number}");
        let id = wanted.invocation.invocation_id;
        let found = store.find(&function(), &id).await.unwrap().unwrap();
        assert_eq!(found.payload, Some(payload), "{number}");
    }
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
    let (offer, mut offers) = tokio::sync::mpsc::channel(10);
    store.offer_messages_to(offer);
    let stopping = now.stop(at(60_010)).unwrap();
    now = stopping.after.clone();
    let stop = stopping.messages[0].clone();
    assert_eq!(store.commit(stopping).await.unwrap(), Commit::Written);
    same(&now).await;
    assert_eq!(offers.recv().await, Some(stop.clone()));
    let messages = store.take_messages(NOW..=at(70_000), at(80_000), 10).await;
    assert!(messages.unwrap().contains(&stop));
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
    let claim = |i: &Invocation| i.claim(worker(1), at(2)).unwrap();
    let (some, others) = waiting.split_at(10);
    let mut answers = join_all(some.iter().map(|i| store.commit(claim(i)))).await;
    answers.extend(store.commit_all(others.iter().map(claim).collect()).await);
    assert_eq!(answers.len(), 20);
    for (index, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap() == Commit::Written, index != 7, "{index}");
    }
}

pub(crate) async fn what_is_due_later_is_neither_offered_nor_taken_before(store: Store) {
    store.migrate().await.unwrap();
    let (offer, mut offers) = tokio::sync::mpsc::channel(10);
    store.offer_messages_to(offer);
    let later = NewInvocation {
        delay: Duration::from_secs(60),
        ..new(None)
    };
    let (invocation, message) = Invocation::accept(
        RequestId::generate(NOW),
        later,
        &AsyncConfig::default(),
        Lane::shared(),
        NOW,
    );
    store
        .accept(invocation, Bytes::new(), message.clone())
        .await
        .unwrap();
    assert!(offers.try_recv().is_err());
    let taken = async |until| {
        let taken = store.take_messages(NOW..=at(until), at(90_000), 10);
        taken.await.unwrap()
    };
    assert_eq!(taken(59_999).await, []);
    assert_eq!(taken(60_000).await, [message]);
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
    assert_eq!(store.oldest_untaken().await.unwrap(), Some(at(5_000)));
    // Its writer has some seconds to send it before pollers may.
    assert_eq!(
        store
            .take_messages(NOW..=at(1), at(30_000), 10)
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        store
            .take_messages(at(5_001)..=at(10_000), at(30_000), 10)
            .await
            .unwrap(),
        []
    );
    let taken = store
        .take_messages(at(5_000)..=at(10_000), at(30_000), 10)
        .await
        .unwrap();
    assert_eq!(taken, std::slice::from_ref(&message));
    assert_eq!(
        store
            .take_messages(NOW..=at(29_999), at(60_000), 10)
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
            .take_messages(NOW..=at(30_000), at(60_000), 10)
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
            .take_messages(NOW..=at(90_000), at(99_000), 10)
            .await
            .unwrap(),
        []
    );
    assert_eq!(store.oldest_untaken().await.unwrap(), None);
}

pub(crate) async fn a_dispatch_is_put_back_once_and_only_while_waiting(store: Store) {
    store.migrate().await.unwrap();
    let (waiting, message) = invocation(None, NOW);
    store
        .accept(waiting.clone(), Bytes::new(), message.clone())
        .await
        .unwrap();
    let back = || Message::dispatch(waiting.request_id, Lane::shared(), at(50), NOW);
    assert_eq!(store.undispatched(None, 10).await.unwrap().0, []);
    // The first was offered: it may be the message that is put back, and about to be deleted.
    assert_eq!(store.put_back(&[back()]).await.unwrap(), 1);
    assert_eq!(store.put_back(&[back()]).await.unwrap(), 0);
    let delete = async |id| {
        let messages = [(waiting.request_id, id)];
        store.delete_messages(&messages).await.unwrap();
    };
    delete(message.id).await;
    assert_eq!(store.put_back(&[back()]).await.unwrap(), 0);
    let taken = store
        .take_messages(NOW..=at(50), at(9_000), 10)
        .await
        .unwrap();
    assert_eq!(store.put_back(&[back()]).await.unwrap(), 1);
    delete(taken[0].id).await;
    let taken = store
        .take_messages(NOW..=at(50), at(9_000), 10)
        .await
        .unwrap();
    delete(taken[0].id).await;
    let (undispatched, walked_to) = store.undispatched(None, 10).await.unwrap();
    assert_eq!(undispatched[0].request_id, waiting.request_id);
    assert_eq!(walked_to.unwrap().request_id, waiting.request_id);
    let does_any_wait = async |function| store.does_any_wait(&[function]).await.unwrap();
    assert!(does_any_wait(function()).await);
    assert!(!does_any_wait("media/other".parse().unwrap()).await);
    started(&store, &waiting, at(60)).await;
    assert!(!does_any_wait(function()).await);
    assert_eq!(store.put_back(&[back()]).await.unwrap(), 0);
}
