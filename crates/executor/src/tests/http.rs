use super::*;
use ::http::{HeaderMap, StatusCode, Uri};
use axum::{Router, body::Body, response::IntoResponse, routing::post};
use ekiden_domain::FaultKind;
use std::{convert::Infallible, sync::Mutex};
use tokio::net::TcpListener;

mod connection;

fn executor() -> Executor {
    Executor::new(Handlers::new(), ExecutorConfig::default())
}

fn call(url: &str) -> Attempt {
    attempt(&json!({"http": url}), &json!({"max_output": 1000}))
}

/// Serves the router and gives its base URL.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// Serves this one answer to every call.
async fn answer<R>(response: R) -> String
where
    R: IntoResponse + Clone + Send + Sync + 'static,
{
    serve(Router::new().route("/invoke", post(async move || response))).await
}

async fn failed(url: &str) -> Fault {
    fault(execute(&executor(), call(url)).await)
}

#[tokio::test]
async fn a_response_s_bytes_are_the_result() {
    for status in [200, 204, 302] {
        let status = StatusCode::from_u16(status).unwrap();
        let bytes: &[u8] = if status == 204 { b"" } else { b"\xff\0\xfe" };
        let url = answer((status, [("x-fc-status", "200")], bytes)).await;
        let output = output(execute(&executor(), call(&url)).await);
        assert_eq!(output, bytes);
    }
}

#[tokio::test]
async fn the_target_gets_the_payload_and_is_told_what_it_is() {
    let seen = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&seen);
    let router = Router::new().fallback(async move |uri: Uri, headers: HeaderMap, body: Bytes| {
        *keep.lock().unwrap() = Some((uri, headers, body));
    });
    let url = serve(router).await;
    let cases = [
        ("", "LATEST", "/invoke", "LATEST"),
        ("/", "42", "/invoke", "42"),
        ("/base/?a=b", "prod", "/base/invoke?a=b", "7"),
    ];
    for (path, qualifier, path_seen, version) in cases {
        let mut attempt = call(&format!("{url}{path}"));
        attempt.qualifier = qualifier.parse().unwrap();
        attempt.version = version.parse().unwrap();
        attempt.timeout = Duration::from_millis(90_700);
        let (request, invocation) = (attempt.request_id.to_string(), "task-1");
        attempt.invocation_id = invocation.parse().unwrap();
        output(execute(&executor(), attempt).await);
        let (uri, headers, body) = seen.lock().unwrap().take().unwrap();
        assert_eq!(
            (uri.to_string().as_str(), &body[..]),
            (path_seen, &b"in"[..])
        );
        let wanted = [
            ("content-type", "application/octet-stream"),
            ("content-length", "2"),
            ("x-fc-control-path", "/invoke"),
            ("x-fc-request-id", &request),
            ("x-fc-service-name", "s"),
            ("x-fc-function-name", "f"),
            ("x-fc-function-timeout", "90"),
            ("x-fc-qualifier", qualifier),
            ("x-fc-version-id", version),
            ("x-fc-retry-count", "2"),
            ("x-fc-async-task-id", invocation),
            ("x-fc-stateful-async-invocation-id", invocation),
            ("x-ekiden-lease", "7"),
            ("x-ekiden-attempt", "3"),
            ("traceparent", PARENT),
            ("tracestate", STATE),
        ];
        for (name, value) in wanted {
            assert_eq!(headers[name], value, "{name}");
        }
    }
}

const JSON: &str = r#"{"errorMessage":"no such file","errorType":"IOError","stackTrace":[]}"#;
const HANDLED: &str = "HandledInvocationError";
const UNHANDLED: &str = "UnhandledInvocationError";

/// HTTP status, `x-fc-status`, body; the fault's error and message.
const FAILURES: [(u16, &str, &str, &str, &str); 12] = [
    (200, "404", JSON, HANDLED, "IOError: no such file"),
    (
        200,
        "500",
        "",
        HANDLED,
        "x-fc-status 500, HTTP status 200 OK",
    ),
    (503, "404", JSON, HANDLED, "IOError: no such file"),
    (404, "", JSON, HANDLED, "IOError: no such file"),
    (404, "", "", HANDLED, "HTTP status 404 Not Found"),
    (400, "", r#"{"errorMessage":"bad"}"#, HANDLED, "bad"),
    (
        400,
        "",
        "no such thing\n",
        UNHANDLED,
        "HTTP status 400 Bad Request: no such thing",
    ),
    (500, "", JSON, UNHANDLED, "IOError: no such file"),
    (504, "", "", UNHANDLED, "HTTP status 504 Gateway Timeout"),
    (
        429,
        "",
        JSON,
        "TargetThrottled",
        "HTTP status 429 Too Many Requests",
    ),
    (
        502,
        "",
        "",
        "TargetUnavailable",
        "HTTP status 502 Bad Gateway",
    ),
    (
        503,
        "",
        "",
        "TargetUnavailable",
        "HTTP status 503 Service Unavailable",
    ),
];

#[tokio::test]
async fn the_target_s_answer_tells_whose_fault_it_is() {
    for (status, fc_status, body, error, message) in FAILURES {
        let mut headers = HeaderMap::new();
        if !fc_status.is_empty() {
            headers.insert("x-fc-status", fc_status.parse().unwrap());
        }
        let code = StatusCode::from_u16(status).unwrap();
        let url = answer((code, headers, body)).await;
        let execution = execute(&executor(), call(&url)).await;
        let kind = if error.starts_with("Target") {
            FaultKind::System
        } else {
            FaultKind::Function
        };
        let fault = Fault::new(kind, error, message).with_http_status(status);
        let is_told = kind == FaultKind::Function && body.contains("errorMessage");
        let told: &[u8] = if is_told { body.as_bytes() } else { b"" };
        assert_eq!(execution.outcome, Outcome::Failed(fault));
        assert_eq!(
            execution.output, told,
            "the error in the function's own words"
        );
    }
}

#[tokio::test]
async fn output_is_bounded_whether_its_length_is_announced_or_not() {
    let fits = answer(vec![b'x'; 1000]).await;
    assert_eq!(output(execute(&executor(), call(&fits)).await).len(), 1000);

    let announced = answer(vec![b'x'; 1001]).await;
    let chunks = || futures::stream::repeat_with(|| Ok::<_, Infallible>([b'x'; 700].to_vec()));
    let endless = post(async move || Body::from_stream(chunks()));
    let endless = serve(Router::new().route("/invoke", endless)).await;
    for url in [announced, endless] {
        assert_eq!(failed(&url).await, too_large(1000));
    }
}
