//! The list as it is asked for, and as it is answered.

use crate::{Dialect, FunctionPath, Problem, Query, record, token};
use axum::extract::FromRequestParts;
use ekiden_domain::{Invalid, ListQuery, Order, Page, Timestamp};
use http::request::Parts;
use serde_json::{Map, Value};

/// A list as a request asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// The spelling of the request, and so of the answer.
    pub dialect: Dialect,
    /// What is asked for.
    pub query: ListQuery,
}

impl<S: Send + Sync> FromRequestParts<S> for ListRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = FunctionPath::from_request_parts(parts, state).await?;
        Self::parse(path, &Query::of(&parts.uri)?)
    }
}

impl ListRequest {
    fn parse(path: FunctionPath, query: &Query) -> Result<Self, Problem> {
        let FunctionPath {
            dialect,
            name,
            qualifier,
        } = path;
        let most = i64::from(ListQuery::MAX_LIMIT);
        let limit = query.number("limit", 1..=most)?;
        let limit = limit.and_then(|limit| u32::try_from(limit).ok());
        let mut asked = ListQuery::new(name, limit.unwrap_or(dialect.default_limit()))?;
        asked.qualifier = qualifier;
        asked.prefix = prefix(query)?;
        asked.status = query.parse("status")?;
        asked.accepted_from = time(query, "startedTimeBegin")?;
        asked.accepted_until = time(query, "startedTimeEnd")?;
        if let (Some(from), Some(until)) = (asked.accepted_from, asked.accepted_until)
            && from > until
        {
            let allowed = format!("at most startedTimeEnd, which is {until}");
            let from = from.to_string();
            return Err(Invalid::new("startedTimeBegin", &from, allowed).into());
        }
        asked.order = order(query)?;
        asked.include_payload = query.flag("includePayload")?.unwrap_or(false);
        if let Some(given) = query.get("nextToken") {
            asked.after = Some(token::decode(&asked, given)?);
        }
        Ok(Self {
            dialect,
            query: asked,
        })
    }

    /// The answer's JSON: `{"invocations": [...]}`, in FC 3.0 `{"tasks": [...]}`, with `nextToken`
    /// unless this is the last page.
    #[must_use]
    pub fn answer(&self, page: &Page) -> Value {
        let key = if self.dialect.is_fc3() {
            "tasks"
        } else {
            "invocations"
        };
        let records = page.records.iter();
        let records = records.map(|record| record::json(self.dialect, record));
        let mut answer = Map::new();
        answer.insert(key.to_owned(), records.collect());
        if let Some(next) = page.next {
            let token = token::encode(&self.query, next);
            answer.insert("nextToken".to_owned(), token.into());
        }
        answer.into()
    }
}

/// FC 2.0 says `invocationIdPrefix`, FC 3.0 `prefix`.
fn prefix(query: &Query) -> Result<Option<String>, Problem> {
    let given = (query.get("invocationIdPrefix"), query.get("prefix"));
    if let (Some(first), Some(second)) = given
        && first != second
    {
        let allowed = format!("'{first}', as invocationIdPrefix is");
        return Err(Invalid::new("prefix", second, allowed).into());
    }
    let Some(prefix) = given.0.or(given.1) else {
        return Ok(None);
    };
    // No id is longer, and no store could compare with NUL.
    if prefix.len() > 128 || prefix.contains('\0') {
        let allowed = "at most 128 bytes, without NUL";
        return Err(Invalid::new("invocationIdPrefix", prefix, allowed).into());
    }
    Ok(Some(prefix.to_owned()))
}

fn time(query: &Query, name: &str) -> Result<Option<Timestamp>, Problem> {
    let millis = query.number(name, 0..=i64::MAX)?;
    Ok(millis.map(Timestamp::from_millis))
}

fn order(query: &Query) -> Result<Order, Problem> {
    match query.get("sortOrderByTime") {
        None => Ok(Order::default()),
        Some(text) if text.eq_ignore_ascii_case("asc") => Ok(Order::Ascending),
        Some(text) if text.eq_ignore_ascii_case("desc") => Ok(Order::Descending),
        Some(text) => Err(Invalid::new("sortOrderByTime", text, "asc or desc").into()),
    }
}

#[cfg(test)]
mod tests {
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
        let answer = request.answer(&page);
        assert_eq!(answer["tasks"], serde_json::json!([]));
        let token = answer["nextToken"].as_str().unwrap();
        let following = parse(
            Dialect::V2023,
            &format!("status=Failed&limit=3&nextToken={token}"),
        );
        assert_eq!(following.unwrap().query.after, Some(next));
        assert!(parse(Dialect::V2023, &format!("nextToken={token}")).is_err());
    }
}
