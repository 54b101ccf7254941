//! The list as it is asked for, and as it is answered.

use crate::{
    Dialect, Either, FunctionPath, Item, Paged, Problem, Query,
    openapi::{
        Describe, Operation,
        schema::{self, flag, text, whole},
    },
    record::{AsyncTask, StatefulAsyncInvocation},
    token,
};
use axum::extract::FromRequestParts;
use ekiden_domain::{
    FunctionName, Invalid, ListQuery, Order, Page, Qualifier, Timestamp, name::MAX_ID,
};
use http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

const LIMIT: &str = "limit";
const NEXT_TOKEN: &str = "nextToken";
/// In FC 2.0 and FC 3.0.
const PREFIX: [&str; 2] = ["invocationIdPrefix", "prefix"];
const STATUS: &str = "status";
const BEGIN: &str = "startedTimeBegin";
const END: &str = "startedTimeEnd";
const ORDER: &str = "sortOrderByTime";
const ASCENDING: &str = "asc";
const DESCENDING: &str = "desc";
const PAYLOAD: &str = "includePayload";

/// A page of the list.
pub type Listed = Either<Paged<StatefulAsyncInvocation>, Paged<AsyncTask>>;

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
        let limit = query.number(LIMIT, 1..=most)?;
        let limit = limit.and_then(|limit| u32::try_from(limit).ok());
        let mut asked = ListQuery::new(name, limit.unwrap_or(dialect.default_limit()))?;
        asked.qualifier = qualifier;
        asked.prefix = prefix(query)?;
        asked.status = query.parse(STATUS)?;
        asked.accepted_from = time(query, BEGIN)?;
        asked.accepted_until = time(query, END)?;
        if let (Some(from), Some(until)) = (asked.accepted_from, asked.accepted_until)
            && from > until
        {
            let allowed = format!("at most {END}, which is {until}");
            let from = from.to_string();
            return Err(Invalid::new(BEGIN, &from, allowed).into());
        }
        asked.order = order(query)?;
        asked.include_payload = query.flag(PAYLOAD)?.unwrap_or(false);
        if let Some(given) = query.get(NEXT_TOKEN) {
            asked.after = Some(token::decode(&asked, given)?);
        }
        Ok(Self {
            dialect,
            query: asked,
        })
    }

    /// The answer.
    #[must_use]
    pub fn answer(&self, page: &Page) -> Listed {
        let next = page.next.map(|next| token::encode(&self.query, next));
        let records = page.records.iter();
        if self.dialect.is_fc3() {
            Either::Fc3(Paged::new(records.map(AsyncTask::of), next))
        } else {
            let told = |record| StatefulAsyncInvocation::of(self.dialect, record);
            Either::Fc2(Paged::new(records.map(told), next))
        }
    }
}

impl Describe for ListRequest {
    fn describe(operation: &mut Operation) {
        FunctionPath::describe(operation);
        let dialect = operation.dialect;
        let limit = whole(1..=ListQuery::MAX_LIMIT).default(Some(dialect.default_limit().into()));
        let prefix = PREFIX[usize::from(dialect.is_fc3())];
        let time = || whole(0..=i64::MAX);
        let order = schema::one_of([ASCENDING, DESCENDING]).default(Some(DESCENDING.into()));
        for (name, schema, says) in [
            (LIMIT, limit, "How many on a page at most."),
            (NEXT_TOKEN, text(), "The `nextToken` of the page before."),
            (
                prefix,
                text().max_length(Some(MAX_ID)),
                "Only ids that begin so.",
            ),
            (STATUS, schema::status(), "Only those in this status."),
            (
                BEGIN,
                time(),
                "Only those accepted then, in ms since 1970, or later.",
            ),
            (
                END,
                time(),
                "Only those accepted then, in ms since 1970, or earlier.",
            ),
            (ORDER, order, "Which way over the time of acceptance."),
            (
                PAYLOAD,
                flag().default(Some(false.into())),
                "Whether payloads are told.",
            ),
        ] {
            operation.query(name, schema, says);
        }
    }
}

/// FC 2.0 says `invocationIdPrefix`, FC 3.0 `prefix`.
fn prefix(query: &Query) -> Result<Option<String>, Problem> {
    let [fc2, fc3] = PREFIX;
    let given = (query.get(fc2), query.get(fc3));
    if let (Some(first), Some(second)) = given
        && first != second
    {
        let allowed = format!("'{first}', as {fc2} is");
        return Err(Invalid::new(fc3, second, allowed).into());
    }
    let Some(prefix) = given.0.or(given.1) else {
        return Ok(None);
    };
    // No id is longer, and no store could compare with NUL.
    if prefix.len() > MAX_ID || prefix.contains('\0') {
        let allowed = format!("at most {MAX_ID} bytes, without NUL");
        return Err(Invalid::new(fc2, prefix, allowed).into());
    }
    Ok(Some(prefix.to_owned()))
}

fn time(query: &Query, name: &str) -> Result<Option<Timestamp>, Problem> {
    let millis = query.number(name, 0..=i64::MAX)?;
    Ok(millis.map(Timestamp::from_millis))
}

fn order(query: &Query) -> Result<Order, Problem> {
    match query.get(ORDER) {
        None => Ok(Order::default()),
        Some(text) if text.eq_ignore_ascii_case(ASCENDING) => Ok(Order::Ascending),
        Some(text) if text.eq_ignore_ascii_case(DESCENDING) => Ok(Order::Descending),
        Some(text) => {
            let allowed = format!("{ASCENDING} or {DESCENDING}");
            Err(Invalid::new(ORDER, text, allowed).into())
        }
    }
}

/// A function whose invocations are tasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatefulFunction {
    service_name: String,
    function_name: String,
    qualifier: String,
}

impl StatefulFunction {
    /// The function of this name, through this qualifier.
    #[must_use]
    pub fn new(name: &FunctionName, qualifier: &Qualifier) -> Self {
        Self {
            service_name: name.service().to_owned(),
            function_name: name.function().to_owned(),
            qualifier: qualifier.to_string(),
        }
    }
}

impl Item for StatefulFunction {
    const LIST: &'static str = "data";
}

#[cfg(test)]
mod tests;
