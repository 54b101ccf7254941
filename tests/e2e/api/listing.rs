//! The list: pages, filters and order, the same in all spellings.

use crate::{
    client::Client,
    spelling::{SPELLINGS, Spelling, UNVERSIONED},
    world::{Plan, World, until_status},
};
use futures::future::join_all;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

both_stacks! {
    each_generation_has_its_default_page,
    pages_follow_each_other_alike_in_all_spellings,
    a_status_filters,
    a_prefix_is_taken_literally,
    a_span_of_time_includes_both_its_ends,
    a_qualifier_filters,
    a_list_runs_both_ways,
    payloads_come_where_they_are_asked_for,
    what_was_accepted_is_in_the_next_list,
}

/// Enqueues tasks that wait for an hour.
async fn waiting(client: &Client, ids: impl IntoIterator<Item = String>) {
    let tasks = ids.into_iter().map(async |id| {
        let headers = [("x-fc-async-delay", "3600"), ("x-fc-async-task-id", &id)];
        let accepted = client
            .post(&UNVERSIONED.invoke("f"), &headers, id.clone())
            .await;
        assert_eq!(accepted.status, 202);
    });
    join_all(tasks).await;
    next_millisecond().await;
}

/// What is accepted after this sorts after what was accepted before.
async fn next_millisecond() {
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis()
    };
    let then = now();
    while now() <= then {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The same list in all spellings.
async fn ids(client: &Client, query: impl Fn(Spelling) -> String) -> Vec<String> {
    let lists = SPELLINGS.map(|spelling| (spelling, query(spelling)));
    let lists = lists
        .iter()
        .map(|(spelling, query)| spelling.ids(client, "f", query));
    let mut lists = join_all(lists).await;
    let first = lists.remove(0);
    assert!(
        lists.iter().all(|list| *list == first),
        "{first:?}, {lists:?}"
    );
    first
}

async fn each_generation_has_its_default_page(world: &World) {
    let server = world.serve(Plan::default()).await;
    waiting(&server.client, (0..101).map(|number| format!("t{number}"))).await;
    for spelling in SPELLINGS {
        let default = if spelling.is_fc3 { 20 } else { 50 };
        for (query, count) in [
            ("", default),
            ("limit=100", 100),
            ("limit=1", 1),
            ("limit=", default),
        ] {
            let (records, token) = spelling.page(&server.client, "f", query).await;
            assert_eq!(records.len(), count, "{spelling:?} {query}");
            assert!(token.is_some(), "more follow");
        }
    }
}

async fn pages_follow_each_other_alike_in_all_spellings(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    // Some have ended, some wait: a page spans both.
    for place in 0..4 {
        let id = format!("ended-{place}");
        client
            .post(&UNVERSIONED.invoke("f"), &[("x-fc-async-task-id", &id)], "")
            .await;
        until_status(client, &id, "Succeeded").await;
        waiting(client, [format!("waiting-{place}")]).await;
    }
    for order in ["asc", "desc"] {
        let mut stories = Vec::new();
        for spelling in SPELLINGS {
            let mut pages = Vec::new();
            let mut token = None::<String>;
            loop {
                let after = token
                    .map(|token| format!("&nextToken={token}"))
                    .unwrap_or_default();
                let query = format!("limit=3&sortOrderByTime={order}{after}");
                let (records, next) = spelling.page(client, "f", &query).await;
                let page: Vec<Value> = records
                    .iter()
                    .map(|record| record[spelling.id_key()].clone())
                    .collect();
                pages.push(page);
                token = next;
                if token.is_none() {
                    break;
                }
            }
            let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
            assert_eq!(sizes, [3, 3, 2], "{spelling:?}");
            stories.push(pages.concat());
        }
        assert!(
            stories.iter().all(|story| *story == stories[0]),
            "{stories:?}"
        );
        let mut expected: Vec<Value> = (0..4)
            .flat_map(|place| {
                [
                    format!("ended-{place}").into(),
                    format!("waiting-{place}").into(),
                ]
            })
            .collect();
        if order == "desc" {
            expected.reverse();
        }
        assert_eq!(stories[0], expected);
    }
}

async fn a_status_filters(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    waiting(client, ["Enqueued".to_owned(), "Stopped".to_owned()]).await;
    assert_eq!(
        client.put(&UNVERSIONED.stop("f", "Stopped")).await.status,
        204
    );
    for (id, payload) in [("Running", "hang"), ("Succeeded", ""), ("Failed", "fail")] {
        client
            .post(
                &UNVERSIONED.invoke("f"),
                &[("x-fc-async-task-id", id)],
                payload,
            )
            .await;
        until_status(client, id, id).await;
    }
    for status in ["Enqueued", "Running", "Succeeded", "Failed", "Stopped"] {
        assert_eq!(ids(client, |_| format!("status={status}")).await, [status]);
    }
    for status in ["Dequeued", "Retrying", "Stopping", "Expired", "Invalid"] {
        assert!(
            ids(client, |_| format!("status={status}")).await.is_empty(),
            "{status}"
        );
    }
    let both = ids(client, |it| {
        format!("status=Stopped&{}=Enq", it.prefix_parameter())
    })
    .await;
    assert!(both.is_empty(), "filters hold together");
}

async fn a_prefix_is_taken_literally(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    waiting(client, ["a_b", "axb", "a-b", "A_b", "a"].map(str::to_owned)).await;
    let cases: [(&str, &[&str]); 8] = [
        ("a", &["a", "a-b", "a_b", "axb"]),
        ("a_", &["a_b"]),
        ("a_b", &["a_b"]),
        ("a_bc", &[]),
        ("A", &["A_b"]),
        ("%25", &[]),
        ("a%25", &[]),
        ("a%C3%A9", &[]),
    ];
    for (prefix, expected) in cases {
        let mut found = ids(client, |it| format!("{}={prefix}", it.prefix_parameter())).await;
        found.sort();
        assert_eq!(found, expected, "{prefix}");
    }
    for beyond in ["%E6%97%A5", "%F4%8F%BF%BF", "%F0%9F%8F%83"] {
        assert!(
            ids(client, |it| format!("{}={beyond}", it.prefix_parameter()))
                .await
                .is_empty()
        );
    }
}

async fn a_span_of_time_includes_both_its_ends(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let mut times = Vec::new();
    for id in ["first", "second", "third"] {
        waiting(client, [id.to_owned()]).await;
        let record = client.get(&UNVERSIONED.task("f", id)).await.json();
        times.push(record["startedTime"].as_i64().unwrap());
    }
    let (first, second, third) = (times[0], times[1], times[2]);
    let cases: [(String, &[&str]); 6] = [
        (format!("startedTimeBegin={second}"), &["third", "second"]),
        (format!("startedTimeEnd={second}"), &["second", "first"]),
        (
            format!("startedTimeBegin={second}&startedTimeEnd={second}"),
            &["second"],
        ),
        (format!("startedTimeBegin={}", second + 1), &["third"]),
        (format!("startedTimeEnd={}", second - 1), &["first"]),
        (
            format!("startedTimeBegin={first}&startedTimeEnd={third}"),
            &["third", "second", "first"],
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(
            ids(client, |_| query.clone()).await,
            expected,
            "{query} of {times:?}"
        );
    }
    let never = ids(client, |_| "startedTimeEnd=0".to_owned()).await;
    assert!(never.is_empty());
    let always = format!("startedTimeBegin=0&startedTimeEnd={}", i64::MAX);
    assert_eq!(ids(client, |_| always.clone()).await.len(), 3);
}

async fn a_qualifier_filters(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    for qualifier in ["LATEST", "prod", "beta"] {
        let id = format!("of-{qualifier}");
        let path = format!("{}?qualifier={qualifier}", UNVERSIONED.invoke("f"));
        client.post(&path, &[("x-fc-async-task-id", &id)], "").await;
    }
    for qualifier in ["LATEST", "prod", "beta"] {
        let expected = [format!("of-{qualifier}")];
        assert_eq!(
            ids(client, |_| format!("qualifier={qualifier}")).await,
            expected
        );
        let path = format!("/services/default.{qualifier}/functions/f/stateful-async-invocations");
        let listed = client.get(&path).await.json();
        assert_eq!(listed["invocations"][0]["invocationId"], expected[0]);
        assert_eq!(listed["invocations"].as_array().unwrap().len(), 1);
    }
    assert_eq!(
        ids(client, |_| String::new()).await.len(),
        3,
        "without one, all"
    );
}

async fn a_list_runs_both_ways(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    for id in ["a", "b", "c"] {
        waiting(client, [id.to_owned()]).await;
    }
    for newest_first in ["", "sortOrderByTime=desc", "sortOrderByTime=DESC"] {
        assert_eq!(
            ids(client, |_| newest_first.to_owned()).await,
            ["c", "b", "a"]
        );
    }
    assert_eq!(
        ids(client, |_| "sortOrderByTime=asc".to_owned()).await,
        ["a", "b", "c"]
    );
}

async fn payloads_come_where_they_are_asked_for(world: &World) {
    let server = world.serve(Plan::default()).await;
    waiting(&server.client, ["p".to_owned()]).await;
    for spelling in SPELLINGS {
        let key = spelling.payload_key();
        for (query, expected) in [
            ("", None),
            ("includePayload=false", None),
            ("includePayload=False", None),
            ("includePayload=true", Some("p")),
            ("includePayload=True", Some("p")),
        ] {
            let (records, _) = spelling.page(&server.client, "f", query).await;
            assert_eq!(
                records[0].get(key).and_then(Value::as_str),
                expected,
                "{query}"
            );
        }
    }
}

async fn what_was_accepted_is_in_the_next_list(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let tasks = (0..50).map(async |number| {
        let id = format!("seen-{number}");
        let spelling = SPELLINGS[number % 4];
        let accepted = client
            .post(&spelling.invoke("f"), &[(spelling.id_header(), &id)], "")
            .await;
        assert_eq!(accepted.status, 202);
        let query = format!("{}={id}&limit=100", spelling.prefix_parameter());
        assert!(
            spelling.ids(client, "f", &query).await.contains(&id),
            "{id}"
        );
    });
    join_all(tasks).await;
}
