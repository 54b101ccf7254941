use super::*;
use axum::body::Body;
use http::HeaderValue;

fn mode(pairs: &[(&'static str, &'static str)]) -> Result<InvokeMode, Problem> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_static(value));
    }
    InvokeMode::of(&headers)
}

const ASYNC: (&str, &str) = ("x-fc-invocation-type", "Async");

#[test]
fn an_invocation_is_synchronous_unless_it_says_otherwise() {
    let sync = |log_tail| Ok(InvokeMode::Sync(SyncHeaders { log_tail }));
    assert_eq!(mode(&[]), sync(false));
    assert_eq!(mode(&[("x-fc-invocation-type", "sync")]), sync(false));
    assert_eq!(mode(&[("x-fc-log-type", "Tail")]), sync(true));
    let plain = InvokeMode::Async(AsyncHeaders::default());
    assert_eq!(mode(&[ASYNC]), Ok(plain));
}

#[test]
fn both_generations_headers_are_read() {
    for name in ["x-fc-stateful-async-invocation-id", "x-fc-async-task-id"] {
        let asked = mode(&[
            ASYNC,
            (name, "job-1"),
            ("x-fc-async-delay", "3600"),
            ("x-fc-stateful-async-invocation-enable", "True"),
        ]);
        let expected = AsyncHeaders {
            invocation_id: Some("job-1".parse().unwrap()),
            delay: Duration::from_secs(3600),
            stateful: true,
        };
        assert_eq!(asked, Ok(InvokeMode::Async(expected)));
    }
}

#[test]
fn a_bad_header_is_named_with_its_value_and_what_is_allowed() {
    let long: &'static str = "a".repeat(129).leak();
    let cases = [
        ("x-fc-invocation-type", "Later", "Sync or Async"),
        ("x-fc-async-delay", "3601", "from 0 to 3600"),
        ("x-fc-async-delay", "-1", "from 0 to 3600"),
        (
            "x-fc-async-task-id",
            "1job",
            "beginning with a letter or '_'",
        ),
        ("x-fc-stateful-async-invocation-id", long, "1 to 128"),
        (
            "x-fc-stateful-async-invocation-enable",
            "yes",
            "true or false",
        ),
    ];
    for (name, value, allowed) in cases {
        let headers = if name == ASYNC.0 {
            vec![(name, value)]
        } else {
            vec![ASYNC, (name, value)]
        };
        let message = mode(&headers).unwrap_err().message;
        assert!(message.starts_with(name), "{message}");
        assert!(message.contains(allowed), "{message}");
    }
    let twice = mode(&[ASYNC, ("x-fc-async-delay", "1"), ("x-fc-async-delay", "2")]);
    assert!(twice.unwrap_err().message.contains("given once"));
    let two_ids = mode(&[
        ASYNC,
        ("x-fc-async-task-id", "a"),
        ("x-fc-stateful-async-invocation-id", "b"),
    ]);
    assert!(two_ids.unwrap_err().message.contains("'b', as in"));
}

#[tokio::test]
async fn each_mode_has_its_limit() {
    let ask = async |mode: Option<&str>, length| {
        let mut request = Request::new(Body::from(vec![0xff; length]));
        if let Some(mode) = mode {
            let mode = HeaderValue::from_str(mode).unwrap();
            request.headers_mut().insert(INVOCATION_TYPE, mode);
        }
        let asked = InvokeRequest::from_request(request, &()).await;
        asked.map(|asked| asked.payload.len())
    };
    for (mode, max) in [(Some("Async"), 131_072), (None, 33_554_432)] {
        assert_eq!(ask(mode, max).await, Ok(max));
        let problem = ask(mode, max + 1).await.unwrap_err();
        assert_eq!(problem, Problem::entity_too_large(max));
    }
}
