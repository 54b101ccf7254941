//! What requests ask for.

use super::request::{get, given, parse, routes};
use axum::{
    Extension, Router,
    response::{IntoResponse, Response},
};
use ekiden_domain::{ListQuery, Order, Origin, Position, Registered, RequestId, Timestamp};
use ekiden_wire::{
    AsyncHeaders, FunctionPath, InvocationPath, InvokeMode, InvokeRequest, ListRequest, Spelling,
    invoke::{MAX_ASYNC_PAYLOAD, MAX_SYNC_PAYLOAD},
    manage::{New, function::FunctionBody},
    native::{BatchRequest, MAX_BATCH},
    token,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::{sync::LazyLock, time::Duration};

const TASK: Spelling = Spelling {
    fc2: Some("/services/{service}/functions/{function}/stateful-async-invocations/{id}"),
    fc3: Some("/functions/{function}/async-tasks/{id}"),
};
const TASKS: Spelling = Spelling {
    fc2: Some("/services/{service}/functions/{function}/stateful-async-invocations"),
    fc3: Some("/functions/{function}/async-tasks"),
};
const INVOCATIONS: Spelling = Spelling {
    fc2: Some("/services/{service}/functions/{function}/invocations"),
    fc3: Some("/functions/{function}/invocations"),
};
const FUNCTIONS: Spelling = Spelling {
    fc2: Some("/services/{service}/functions"),
    fc3: Some("/functions"),
};

/// What a path names is what it is spelled by anew.
pub(crate) fn path(bytes: &[u8]) {
    static ROUTES: LazyLock<Router> =
        LazyLock::new(|| routes([TASK], async |path: InvocationPath| Extension(path)));
    let Some(request) = parse(bytes) else { return };
    if let Some(named) = given::<InvocationPath>(&ROUTES, request) {
        let again = given(&ROUTES, get(&spelled(&named)));
        assert_eq!(again, Some(named));
    }
}

fn spelled(path: &InvocationPath) -> String {
    let InvocationPath { function, id } = path;
    let FunctionPath {
        dialect,
        name,
        qualifier,
    } = function;
    let (prefix, service, function) = (dialect.prefix(), name.service(), name.function());
    let id = utf8_percent_encode(id, NON_ALPHANUMERIC);
    let qualifier = qualifier.as_ref().map(|it| format!("?qualifier={it}"));
    let qualifier = qualifier.unwrap_or_default();
    if dialect.is_fc3() {
        return format!("{prefix}/functions/{function}/async-tasks/{id}{qualifier}");
    }
    let tasks = "stateful-async-invocations";
    format!("{prefix}/services/{service}/functions/{function}/{tasks}/{id}{qualifier}")
}

/// A list is bounded, and the token of its next page leads there, from this list alone.
pub(crate) fn list(bytes: &[u8]) {
    static ROUTES: LazyLock<Router> =
        LazyLock::new(|| routes([TASKS], async |asked: ListRequest| Extension(asked)));
    let Some(request) = parse(bytes) else { return };
    let Some(ListRequest { query, .. }) = given(&ROUTES, request) else {
        return;
    };
    assert!((1..=ListQuery::MAX_LIMIT).contains(&query.limit));
    assert!(
        query
            .accepted_from
            .unwrap_or(query.accepted_until.unwrap_or(ZERO))
            >= ZERO
    );
    let place = query.after.unwrap_or(Position {
        accepted_at: query.accepted_from.unwrap_or(ZERO),
        request_id: RequestId::generate(ZERO),
    });
    let next = token::encode(&query, place);
    assert_eq!(token::decode(&query, &next), Ok(place));
    let mut other = query.clone();
    other.order = match query.order {
        Order::Ascending => Order::Descending,
        Order::Descending => Order::Ascending,
    };
    assert!(token::decode(&other, &next).is_err());
    // The rest of the input as a token: whatever is taken is what would have been made.
    let text = String::from_utf8_lossy(bytes);
    let given = text.lines().last().unwrap_or_default();
    if let Ok(place) = token::decode(&query, given) {
        assert_eq!(token::encode(&query, place), given);
    }
}

/// FC's longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(3600);
const ZERO: Timestamp = Timestamp::from_millis(0);

/// An invocation is what was sent, within bounds.
pub(crate) fn invoke(bytes: &[u8]) {
    static ROUTES: LazyLock<Router> =
        LazyLock::new(|| routes([INVOCATIONS], async |asked: InvokeRequest| Extension(asked)));
    let Some(request) = parse(bytes) else { return };
    let sent = request.body().clone();
    let Some(InvokeRequest { mode, payload }) = given(&ROUTES, request) else {
        return;
    };
    assert_eq!(payload, sent);
    match mode {
        InvokeMode::Sync(_) => assert!(payload.len() <= MAX_SYNC_PAYLOAD),
        InvokeMode::Async(headers) => is_bounded(&headers, payload.len()),
    }
}

/// A batch is none, or bounded as each invocation alone would be.
pub(crate) fn batch(bytes: &[u8]) {
    static ROUTES: LazyLock<Router> =
        LazyLock::new(|| routes([INVOCATIONS], async |asked: BatchRequest| Extension(asked)));
    let mut request = get("/services/s/functions/f/invocations");
    *request.body_mut() = bytes.to_vec().into();
    let Some(BatchRequest(asked)) = given(&ROUTES, request) else {
        return;
    };
    assert!((1..=MAX_BATCH).contains(&asked.len()));
    for (headers, payload) in asked {
        is_bounded(&headers, payload.len());
    }
}

fn is_bounded(headers: &AsyncHeaders, length: usize) {
    assert!(length <= MAX_ASYNC_PAYLOAD);
    assert!(headers.delay <= LONGEST_DELAY);
    if let Some(id) = &headers.invocation_id {
        assert_eq!(id.as_str().parse().as_ref(), Ok(id));
    }
}

/// What is registered of a function can be read back from the registry, says the same when it is said
/// twice, and knows that its target is a stranger's.
pub(crate) fn manage(bytes: &[u8]) {
    async fn body(body: New<FunctionBody>) -> Response {
        match body.read().await {
            Ok(body) => Extension(body).into_response(),
            Err(problem) => problem.into_response(),
        }
    }
    static ROUTES: LazyLock<Router> = LazyLock::new(|| routes([FUNCTIONS], body));
    let mut request = get("/services/s/functions");
    *request.body_mut() = bytes.to_vec().into();
    let Some(body) = given::<FunctionBody>(&ROUTES, request) else {
        return;
    };
    let Ok((name, made)) = body.create("s", Origin::Stranger) else {
        return;
    };
    let function = &made.function;
    if function.target.is_some() {
        assert_eq!(function.target_origin, Origin::Stranger);
        assert_eq!(function.problems(), []);
    }
    let kept = serde_json::to_string(&made).unwrap();
    let read: Registered = serde_json::from_str(&kept).unwrap();
    assert_eq!(read.function, *function);
    assert_eq!(body.update(&name, &made, Origin::Stranger), Ok(made));
}
