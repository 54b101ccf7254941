//! What every list does.

use crate::fixture::{NOW, accepted, at, function, invocation, started};
use bytes::Bytes;
use ekiden_domain::{Invocation, ListQuery, Order, Outcome, Status};
use ekiden_store::{Acceptance, Accepted, Commit, Store};

pub(crate) fn query(limit: u32) -> ListQuery {
    ListQuery::new(function(), limit).unwrap()
}

/// Twenty-four invocations, three to each millisecond; every third has ended, every fifth runs.
pub(crate) async fn some(store: &Store) -> Vec<Invocation> {
    store.migrate().await.unwrap();
    let mut all = Vec::new();
    for number in 0..24 {
        let id = format!(
            "{}{number}",
            if number % 2 == 0 {
                "even_"
            } else {
                "odd%".trim_end_matches('%')
            }
        );
        let mut now = accepted(store, Some(&id), at(number / 3)).await;
        if number % 3 == 0 || number % 5 == 0 {
            now = started(store, &now, at(1_000)).await;
        }
        if number % 3 == 0 {
            let ended = now.finish(Outcome::Succeeded, at(2_000)).unwrap();
            now = ended.after.clone();
            assert_eq!(store.commit(ended).await.unwrap(), Commit::Written);
        }
        all.push(now);
    }
    all.sort_by_key(|i| (i.accepted_at, i.request_id));
    all
}

pub(crate) async fn pages(store: &Store, mut query: ListQuery) -> Vec<Invocation> {
    let mut all = Vec::new();
    loop {
        let page = store.list(&query).await.unwrap();
        assert!(page.records.len() <= query.limit as usize);
        assert!(
            page.records
                .iter()
                .all(|r| r.payload.is_some() == query.include_payload)
        );
        all.extend(page.records.into_iter().map(|record| record.invocation));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return all,
        }
    }
}

pub(crate) async fn pages_of_any_size_give_every_invocation_once_in_order(store: Store) {
    let mut all = some(&store).await;
    for limit in [1, 2, 3, 5, 23, 24, 25, 100] {
        let ascending = ListQuery {
            order: Order::Ascending,
            include_payload: true,
            ..query(limit)
        };
        assert_eq!(pages(&store, ascending).await, all, "{limit}");
    }
    all.reverse();
    for limit in [1, 7, 24] {
        assert_eq!(pages(&store, query(limit)).await, all, "{limit}");
    }
}

pub(crate) async fn each_filter_gives_what_it_names(store: Store) {
    let mut all = some(&store).await;
    all.reverse();
    let only = |keep: &dyn Fn(&Invocation) -> bool| -> Vec<Invocation> {
        all.iter()
            .filter(|invocation| keep(invocation))
            .cloned()
            .collect()
    };
    for status in Status::ALL {
        let filtered = ListQuery {
            status: Some(status),
            ..query(4)
        };
        assert_eq!(
            pages(&store, filtered).await,
            only(&|i| i.status() == status),
            "{status}"
        );
    }
    let between = ListQuery {
        accepted_from: Some(at(2)),
        accepted_until: Some(at(4)),
        ..query(4)
    };
    let expected = only(&|i| (at(2)..=at(4)).contains(&i.accepted_at));
    assert_eq!(expected.len(), 9);
    assert_eq!(pages(&store, between).await, expected);
    let latest = ListQuery {
        qualifier: Some("LATEST".parse().unwrap()),
        ..query(10)
    };
    assert_eq!(pages(&store, latest).await.len(), 24);
    let other = ListQuery {
        qualifier: Some("prod".parse().unwrap()),
        ..query(10)
    };
    assert_eq!(pages(&store, other).await, []);
    let elsewhere = ListQuery::new("media/other".parse().unwrap(), 10).unwrap();
    assert_eq!(pages(&store, elsewhere).await, []);
}

pub(crate) async fn a_prefix_is_taken_literally(store: Store) {
    store.migrate().await.unwrap();
    for id in ["job-1", "job-10", "job_1", "Job-1", "jo"] {
        accepted(&store, Some(id), NOW).await;
    }
    let cases = [
        ("job-1", 2),
        ("job", 3),
        ("job_", 1),
        ("jo", 4),
        ("", 5),
        ("%", 0),
        ("job%", 0),
        ("_", 0),
        ("\\", 0),
        ("jöb", 0),
        ("job-1日本", 0),
        ("\u{10FFFF}", 0),
    ];
    for (prefix, count) in cases {
        let query = ListQuery {
            prefix: Some(prefix.to_owned()),
            ..query(100)
        };
        assert_eq!(pages(&store, query).await.len(), count, "{prefix:?}");
    }
}

pub(crate) async fn a_prefix_of_few_among_many_gives_those_in_their_order(store: Store) {
    store.migrate().await.unwrap();
    let all: Vec<Acceptance> = (0..10_010)
        .map(|number| {
            let (invocation, message) = invocation(Some(&format!("many-{number}")), at(number));
            let payload = Bytes::new();
            Acceptance {
                invocation,
                payload,
                message,
            }
        })
        .collect();
    for answer in store.accept_all(all.clone()).await {
        assert_eq!(answer.unwrap(), Accepted::New);
    }
    let invocations = all.iter().rev().map(|acceptance| &acceptance.invocation);
    for (prefix, count) in [
        ("many-", 10_010),
        ("many-99", 111),
        ("many-1000", 11),
        ("some", 0),
    ] {
        let matching = invocations
            .clone()
            .filter(|i| i.invocation_id.as_str().starts_with(prefix));
        let expected: Vec<Invocation> = matching.cloned().collect();
        assert_eq!(expected.len(), count);
        let query = ListQuery {
            prefix: Some(prefix.to_owned()),
            ..query(100)
        };
        assert!(pages(&store, query).await == expected, "{prefix}");
    }
}
