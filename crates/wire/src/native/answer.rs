//! Answers that are not JSON, or not 200.

use super::Delivery;
use crate::{
    invoke::INVOCATION_ID,
    openapi::{
        Describe, OCTETS, Operation, TEXT, Tells, header, json,
        schema::{octets, text},
    },
};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use ekiden_domain::InvocationId;
use http::{StatusCode, header::CONTENT_TYPE};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{Content, ResponseBuilder},
};

/// What an attempt gave, byte for byte.
#[derive(Clone, Debug)]
pub struct Output(pub Bytes);

/// The end of what an attempt logged.
#[derive(Clone, Debug)]
pub struct Log(pub Bytes);

/// That a result is handed on once more: the delivery as it is now.
#[derive(Clone, Debug)]
pub struct Resent(pub Delivery);

/// That an invocation is run once more, as another.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rerun {
    /// The id of the new one, which is its request id as well.
    invocation_id: String,
}

impl Rerun {
    /// It is run as this one.
    #[must_use]
    pub fn as_one(id: &InvocationId) -> Self {
        Self {
            invocation_id: id.to_string(),
        }
    }
}

impl IntoResponse for Output {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, OCTETS)], self.0).into_response()
    }
}

impl IntoResponse for Log {
    fn into_response(self) -> Response {
        let kind = format!("{TEXT}; charset=utf-8");
        ([(CONTENT_TYPE, kind)], self.0).into_response()
    }
}

impl IntoResponse for Resent {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self.0)).into_response()
    }
}

impl IntoResponse for Rerun {
    fn into_response(self) -> Response {
        let id = [(INVOCATION_ID, self.invocation_id.clone())];
        (StatusCode::ACCEPTED, id, Json(self)).into_response()
    }
}

impl Describe for Output {
    fn describe(operation: &mut Operation) {
        let output = ResponseBuilder::new()
            .description("The result, byte for byte.")
            .content(OCTETS, Content::new(Some(octets())));
        operation.answers(StatusCode::OK, output);
    }
}

impl Describe for Log {
    fn describe(operation: &mut Operation) {
        let log = ResponseBuilder::new()
            .description("The end of the log; empty if there is none.")
            .content(TEXT, Content::new(Some(text())));
        operation.answers(StatusCode::OK, log);
    }
}

impl Describe for Resent {
    fn describe(operation: &mut Operation) {
        let delivery = json("It is handed on soon.", Delivery::schema(operation));
        operation.answers(StatusCode::ACCEPTED, delivery);
    }
}

impl Describe for Rerun {
    fn describe(operation: &mut Operation) {
        let rerun = json("It is durable, and is run later.", Self::schema(operation));
        let id = header(text(), "Its id.");
        operation.answers(
            StatusCode::ACCEPTED,
            rerun.header(INVOCATION_ID.as_str(), id),
        );
    }
}
