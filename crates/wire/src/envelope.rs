//! What every answer has: the request's id, and for an error its body.

use crate::Problem;
use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use ekiden_domain::{Clock, RequestId};
use http::{HeaderName, HeaderValue, header};

/// The header that names a request: on every answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-fc-request-id");

/// Gives a request an id, which handlers find as an extension of type [`RequestId`], has `answer`
/// answer it, and puts the id on that; turns a [`Problem`] into its envelope. Outermost of all that
/// stands before a route.
pub async fn envelope(
    clock: &dyn Clock,
    mut request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let request_id = RequestId::generate(clock.now());
    request.extensions_mut().insert(request_id);
    let mut response = answer(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = with_body(response, &problem, request_id);
    }
    if let Ok(value) = HeaderValue::from_str(&request_id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn with_body(bare: Response, problem: &Problem, request_id: RequestId) -> Response {
    let mut response = (problem.status, Json(problem.body(request_id))).into_response();
    // Whatever layers added on the way out stays.
    for (name, value) in bare.headers() {
        if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    if let Some(after) = problem.retry_after {
        let seconds = HeaderValue::from(after.as_secs().max(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use ekiden_domain::Timestamp;
    use http::StatusCode;

    #[derive(Debug)]
    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_700_000_000_000)
        }
    }

    async fn answered(with: impl IntoResponse) -> Response {
        let answer = async |request: Request| {
            assert!(request.extensions().get::<RequestId>().is_some());
            with.into_response()
        };
        envelope(&Noon, Request::new(Body::empty()), answer).await
    }

    #[tokio::test]
    async fn every_answer_has_an_id_and_an_empty_one_no_content_type() {
        let response = answered(StatusCode::NO_CONTENT).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert!(response.headers().contains_key(REQUEST_ID));
        assert!(!response.headers().contains_key(header::CONTENT_TYPE));
    }

    #[tokio::test]
    async fn a_problem_is_told_in_every_sdk_s_words() {
        let response = answered(Problem::unavailable("no database")).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        let id = response.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "RequestId": id,
                "Code": "ServiceUnavailable", "ErrorCode": "ServiceUnavailable",
                "Message": "no database", "ErrorMessage": "no database",
            })
        );
    }
}
