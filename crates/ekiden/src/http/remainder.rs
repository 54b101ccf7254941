//! Reads what a handler left of a request's body before its answer is sent.
//!
//! A connection whose request was not read to its end is closed, but the client is not told and may
//! use it for its next request, which then fails. So a request that is refused early is read all the
//! same, as far as that takes neither long nor much; else the answer says that the connection closes.

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    response::Response,
};
use http::{HeaderValue, header};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::oneshot;

/// The most bytes that are read and forgotten.
const MOST: usize = 1024 * 1024;
/// How long they are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Stands around an `answer` that may come before the body was read.
pub(super) async fn read_remainder(
    request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    if request.body().is_end_stream() {
        return answer(request).await;
    }
    let (give_back, given_back) = oneshot::channel();
    let lend = |body| Lent {
        body,
        give_back: Some(give_back),
    };
    let mut response = answer(request.map(|body| Body::new(lend(body)))).await;
    let is_read = async { discard(given_back.await.unwrap_or_default()).await };
    if !tokio::time::timeout(PATIENCE, is_read)
        .await
        .unwrap_or(false)
    {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// Whether the body ended before it became too much.
async fn discard(mut body: Body) -> bool {
    let mut read = 0;
    while read <= MOST {
        match body.frame().await {
            None => return true,
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) => return false,
        }
    }
    false
}

/// A body that is given back, as far as it was not read, when it is dropped.
struct Lent {
    body: Body,
    give_back: Option<oneshot::Sender<Body>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(give_back) = self.give_back.take() {
            // Nobody takes it where the client has gone.
            drop(give_back.send(mem::take(&mut self.body)));
        }
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use futures::{StreamExt, stream};
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    async fn refuse(_: Request) -> Response {
        "no".into_response()
    }

    async fn read(request: Request) -> Response {
        let body = request.into_body().collect().await.unwrap();
        body.to_bytes().len().to_string().into_response()
    }

    /// An answer to a body of so many chunks, of which it counts those that are read.
    async fn answered(
        answer: impl AsyncFnOnce(Request) -> Response,
        chunks: usize,
    ) -> (Response, usize) {
        let read = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&read);
        let body = stream::repeat(Bytes::from_static(&[0; 1000])).take(chunks);
        let body = body.map(move |chunk| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(chunk)
        });
        let request = Request::new(Body::from_stream(body));
        let response = read_remainder(request, answer).await;
        (response, read.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_request_is_read_to_its_end_whoever_reads_it() {
        for chunks in [1, 100] {
            for (response, read) in [answered(refuse, chunks).await, answered(read, chunks).await] {
                assert_eq!(read, chunks, "{response:?}");
                assert!(!response.headers().contains_key(header::CONNECTION));
            }
        }
        let (response, _) = answered(read, 100).await;
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes(), "100000");
    }

    #[tokio::test]
    async fn what_is_too_much_closes_the_connection() {
        let (response, read) = answered(refuse, 1_000_000).await;
        assert!((MOST / 1000..MOST / 1000 + 3).contains(&read), "{read}");
        assert_eq!(response.headers()[header::CONNECTION], "close");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_closes_the_connection() {
        let never = stream::pending::<Result<Bytes, std::io::Error>>();
        let request = Request::new(Body::from_stream(never));
        let response = read_remainder(request, refuse).await;
        assert_eq!(response.headers()[header::CONNECTION], "close");
    }
}
