use super::*;
use ekiden_domain::{Position, RequestId, Status};

fn parse(dialect: Dialect, query: &str) -> Result<ListRequest, Problem> {
    let path = FunctionPath {
        dialect,
        name: "s/f".parse().unwrap(),
        qualifier: None,
    };
    let query = Query::of(&format!("/?{query}").parse().unwrap())?;
    ListRequest::parse(path, &query)
}

#[test]
fn each_generation_has_its_default_page() {
    for (dialect, limit) in [
        (Dialect::Unversioned, 50),
        (Dialect::V2016, 50),
        (Dialect::V2021, 50),
        (Dialect::V2023, 20),
    ] {
        let request = parse(dialect, "").unwrap();
        assert_eq!(request.query.limit, limit);
        assert_eq!(request.query.order, Order::Descending);
        assert!(!request.query.include_payload);
    }
}

#[test]
fn every_parameter_is_read() {
    let request = parse(
        Dialect::V2023,
        "limit=100&prefix=a%25b&status=Failed&startedTimeBegin=1&startedTimeEnd=2\
         &sortOrderByTime=asc&includePayload=True",
    );
    let mut expected = ListQuery::new("s/f".parse().unwrap(), 100).unwrap();
    expected.prefix = Some("a%b".to_owned());
    expected.status = Some(Status::Failed);
    expected.accepted_from = Some(Timestamp::from_millis(1));
    expected.accepted_until = Some(Timestamp::from_millis(2));
    expected.order = Order::Ascending;
    expected.include_payload = true;
    assert_eq!(request.unwrap().query, expected);
}

#[test]
fn a_bad_value_is_named_with_what_is_allowed() {
    let cases = [
        (
            "limit=0",
            "limit '0' is not allowed: it must be a whole number from 1 to 100",
        ),
        ("limit=101", "from 1 to 100"),
        ("limit=ten", "from 1 to 100"),
        ("status=running", "one of Enqueued"),
        ("startedTimeBegin=-1", "startedTimeBegin '-1'"),
        ("startedTimeEnd=1.5", "startedTimeEnd '1.5'"),
        (
            "startedTimeBegin=3&startedTimeEnd=2",
            "at most startedTimeEnd, which is 2",
        ),
        ("sortOrderByTime=up", "asc or desc"),
        ("includePayload=1", "true or false"),
        (
            "prefix=a&invocationIdPrefix=b",
            "'b', as invocationIdPrefix is",
        ),
        ("nextToken=MTIz", "nextToken 'MTIz'"),
    ];
    for (query, expected) in cases {
        let problem = parse(Dialect::V2021, query).unwrap_err();
        assert_eq!(problem.code, "InvalidArgument");
        assert!(problem.message.contains(expected), "{}", problem.message);
    }
    let long = format!("prefix={}", "a".repeat(129));
    assert!(parse(Dialect::V2021, &long).is_err());
}

#[test]
fn a_page_s_token_leads_to_the_next() {
    let request = parse(Dialect::V2023, "status=Failed").unwrap();
    let next = Position {
        accepted_at: Timestamp::from_millis(5),
        request_id: RequestId::generate(Timestamp::from_millis(5)),
    };
    let page = Page {
        records: Vec::new(),
        next: Some(next),
    };
    let answer = serde_json::to_value(request.answer(&page)).unwrap();
    assert_eq!(answer["tasks"], serde_json::json!([]));
    let token = answer["nextToken"].as_str().unwrap();
    let following = parse(
        Dialect::V2023,
        &format!("status=Failed&limit=3&nextToken={token}"),
    );
    assert_eq!(following.unwrap().query.after, Some(next));
    assert!(parse(Dialect::V2023, &format!("nextToken={token}")).is_err());
}
