//! Reads nothing after a request that came in chunks.
//!
//! One that has a length as well is read by its chunks, as RFC 9112 has it, and the length is forgotten
//! before anybody here could refuse it. A proxy that goes by the length takes what follows the last
//! chunk for a part of this request; here it would be another request, which the proxy never judged. So
//! the connection is closed, as the RFC demands. Clients that know their length send it alone.

use axum::{extract::Request, response::Response};
use http::{
    HeaderValue,
    header::{CONNECTION, TRANSFER_ENCODING},
};

/// Stands around everything that answers.
pub(super) async fn close_after_chunks(
    request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let mut response = answer(request).await;
    if is_chunked {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}
