//! Values that are none, in the query and the headers.

use super::{all_refused, answered, invalid, invoke};
use crate::{
    raw::{bare, with_headers},
    spelling::{SPELLINGS, V2023},
    world::{Plan, World},
};

both_stacks! {
    parameters_of_a_list_are_refused_by_name,
    headers_of_an_invocation_are_refused_by_name,
    a_token_serves_its_own_list_only,
}

async fn parameters_of_a_list_are_refused_by_name(world: &World) {
    let server = world.serve(Plan::default()).await;
    let too_big = "9223372036854775808";
    let mut cases = Vec::new();
    for spelling in SPELLINGS {
        let prefix = spelling.prefix_parameter();
        let long = format!("{prefix}={}", "a".repeat(129));
        let table: [(&str, &[&str]); 22] = [
            ("limit=0", &["limit '0'", "from 1 to 100"]),
            ("limit=101", &["limit '101'", "from 1 to 100"]),
            ("limit=-1", &["limit '-1'", "from 1 to 100"]),
            ("limit=1.5", &["limit '1.5'", "from 1 to 100"]),
            ("limit=ten", &["limit 'ten'", "from 1 to 100"]),
            ("limit=%zz", &["limit '%zz'", "from 1 to 100"]),
            ("limit=99999999999999999999", &["limit '9", "from 1 to 100"]),
            ("limit=1&limit=2", &["limit '1'", "given once"]),
            ("limit=%ff", &["limit '%ff'", "UTF-8"]),
            ("%ff=1", &["parameter's name", "UTF-8"]),
            (
                "status=Sleeping",
                &["status 'Sleeping'", "one of Enqueued", "Invalid"],
            ),
            ("status=succeeded", &["status 'succeeded'", "Succeeded"]),
            (
                "startedTimeBegin=-1",
                &["startedTimeBegin '-1'", "from 0 to"],
            ),
            ("startedTimeEnd=-1", &["startedTimeEnd '-1'", "from 0 to"]),
            (
                "startedTimeEnd=2026-01-01",
                &["startedTimeEnd '2026-01-01'", "whole number"],
            ),
            (
                "startedTimeBegin=2&startedTimeEnd=1",
                &["startedTimeBegin '2'", "at most", "is 1"],
            ),
            (
                "sortOrderByTime=up",
                &["sortOrderByTime 'up'", "asc or desc"],
            ),
            (
                "includePayload=yes",
                &["includePayload 'yes'", "true or false"],
            ),
            ("invocationIdPrefix=a&prefix=b", &["prefix 'b'", "'a'"]),
            (
                "invocationIdPrefix=%00",
                &["invocationIdPrefix", "without NUL"],
            ),
            (&long, &["invocationIdPrefix 'aaa", "at most 128"]),
            (
                "nextToken=MTIzNCNhYmM%3D",
                &["nextToken 'MTIzNCNhYmM='", "unaltered"],
            ),
        ];
        for (query, says) in table {
            cases.push(invalid(
                bare("GET", &format!("{}?{query}", spelling.list("f"))),
                says,
            ));
        }
        let begin = format!("{}?startedTimeBegin={too_big}", spelling.list("f"));
        cases.push(invalid(bare("GET", &begin), &["startedTimeBegin", too_big]));
    }
    all_refused(world, &server, cases).await;
}

async fn headers_of_an_invocation_are_refused_by_name(world: &World) {
    let server = world.serve(Plan::default()).await;
    let long = "a".repeat(129);
    let word = "beginning with a letter or '_'";
    let mut cases = Vec::new();
    for spelling in SPELLINGS {
        let (path, id) = (spelling.invoke("f"), spelling.id_header());
        let table: [(&str, &str, &[&str]); 12] = [
            (id, "1job", &["'1job'", word]),
            (id, "-job", &["'-job'", word]),
            (id, "a b", &["'a b'", word]),
            (id, "job/1", &["'job/1'", word]),
            (id, "jöb", &["visible ASCII"]),
            (id, &long, &["'aaa", "1 to 128"]),
            ("x-fc-async-delay", "3601", &["'3601'", "from 0 to 3600"]),
            ("x-fc-async-delay", "-1", &["'-1'", "from 0 to 3600"]),
            ("x-fc-async-delay", "soon", &["'soon'", "from 0 to 3600"]),
            ("x-fc-async-delay", "1.5", &["'1.5'", "from 0 to 3600"]),
            (
                "x-fc-stateful-async-invocation-enable",
                "1",
                &["'1'", "true or false"],
            ),
            ("x-fc-invocation-type", "Async", &["'Async'", "given once"]),
        ];
        for (name, value, says) in table {
            let mut case = invalid(invoke(&path, &[(name, value)]), says);
            case.says.push(name.to_owned());
            cases.push(case);
        }
        let later = [("x-fc-invocation-type", "Later"), ("content-length", "0")];
        let later = with_headers("POST", &path, &later);
        cases.push(invalid(
            later,
            &["x-fc-invocation-type 'Later'", "Sync or Async"],
        ));
        let ids = [
            ("x-fc-async-task-id", "a"),
            ("x-fc-stateful-async-invocation-id", "b"),
        ];
        cases.push(invalid(
            invoke(&path, &ids),
            &["x-fc-async-task-id 'a'", "'b'"],
        ));
        let twice = [("x-fc-async-delay", "1"), ("x-fc-async-delay", "2")];
        cases.push(invalid(
            invoke(&path, &twice),
            &["x-fc-async-delay '1'", "given once"],
        ));
    }
    all_refused(world, &server, cases).await;
}

async fn a_token_serves_its_own_list_only(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    for id in ["a1", "a2", "a3"] {
        let headers = [("x-fc-async-delay", "3600"), ("x-fc-async-task-id", id)];
        assert_eq!(
            client.post(&V2023.invoke("f"), &headers, "").await.status,
            202
        );
        assert_eq!(
            client
                .post(&V2023.invoke("patient"), &headers, "")
                .await
                .status,
            202
        );
    }
    for spelling in SPELLINGS {
        let query = format!("{}=a", spelling.prefix_parameter());
        let (_, token) = spelling
            .page(client, "f", &format!("{query}&limit=1"))
            .await;
        let token = token.unwrap();
        let list = spelling.list("f");
        // Another size of the page, or payloads, make no other list of it.
        for same in [
            format!("{query}&limit=100"),
            format!("{query}&includePayload=true"),
        ] {
            let (rest, _) = spelling
                .page(client, "f", &format!("{same}&nextToken={token}"))
                .await;
            assert_eq!(rest.len(), 2);
        }
        let last = if token.ends_with('A') { "B" } else { "A" };
        let altered = format!("{}{last}", &token[..token.len() - 1]);
        let foreign = [
            format!("{list}?{query}&nextToken={}", &token[..token.len() - 1]),
            format!("{list}?{query}&nextToken={altered}"),
            format!("{list}?{query}&nextToken={token}AAAA"),
            format!("{list}?nextToken={token}"),
            format!("{list}?{query}1&nextToken={token}"),
            format!("{list}?{query}&status=Enqueued&nextToken={token}"),
            format!("{list}?{query}&startedTimeBegin=0&nextToken={token}"),
            format!("{list}?{query}&sortOrderByTime=asc&nextToken={token}"),
            format!("{list}?{query}&qualifier=LATEST&nextToken={token}"),
            format!("{}?{query}&nextToken={token}", spelling.list("patient")),
        ];
        for target in foreign {
            let answer = answered(&server, &bare("GET", &target)).await;
            let (code, message) = answer.problem();
            assert_eq!(
                (answer.status, code.as_str()),
                (400, "InvalidArgument"),
                "{target}"
            );
            assert!(message.starts_with("nextToken '"), "{message}");
        }
    }
}
