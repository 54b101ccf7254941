//! Reads a request's body, bounded.

use crate::{Problem, signature::AuthError};
use axum::{
    body::{Body, HttpBody},
    extract::Request,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

/// How much more of a body that is too large is read and forgotten, so that its sender reads the
/// answer instead of a broken connection.
const MAX_DISCARDED: usize = 32 * 1024 * 1024;

/// The body of `request`, byte for byte, whatever its content type.
///
/// # Errors
/// If it has more than `max` bytes, is not the one that was signed, or breaks off.
pub async fn read(request: Request, max: usize) -> Result<Bytes, Problem> {
    let body = request.into_body();
    let declared = body.size_hint().lower();
    let declared = usize::try_from(declared).unwrap_or(usize::MAX);
    if declared > max.saturating_add(MAX_DISCARDED) {
        return Err(Problem::entity_too_large(max));
    }
    collect(body, max, declared).await
}

async fn collect(body: Body, max: usize, declared: usize) -> Result<Bytes, Problem> {
    let mut collected = BytesMut::with_capacity(declared.min(max));
    let mut length: usize = 0;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(broken)?;
        length += chunk.len();
        if length <= max {
            collected.extend_from_slice(&chunk);
        } else if length > max + MAX_DISCARDED {
            break;
        }
    }
    if length > max {
        return Err(Problem::entity_too_large(max));
    }
    Ok(collected.freeze())
}

/// A body that is not the signed one says so in its last chunk; one that breaks off otherwise has a
/// sender who will hardly read this answer.
fn broken(error: axum::Error) -> Problem {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<AuthError>() {
            return refused.clone().into();
        }
        cause = error.source();
    }
    Problem::invalid_argument("the body is incomplete")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(body: Body) -> Result<Bytes, Problem> {
        read(Request::new(body), 1000).await
    }

    #[tokio::test]
    async fn a_body_is_kept_to_the_last_byte_and_not_one_more() {
        for length in [0, 1, 1000] {
            let bytes = vec![0xff; length];
            assert_eq!(sent(Body::from(bytes.clone())).await, Ok(bytes.into()));
        }
        for length in [1001, 1_000_000, 2 * MAX_DISCARDED] {
            let problem = sent(Body::from(vec![0; length])).await.unwrap_err();
            assert_eq!(problem, Problem::entity_too_large(1000));
        }
    }

    #[tokio::test]
    async fn a_body_without_a_length_is_bounded_as_well() {
        let chunks = |count| {
            let chunks = (0..count).map(|_| Ok::<_, std::io::Error>(vec![1; 100]));
            Body::from_stream(futures::stream::iter(chunks))
        };
        assert_eq!(sent(chunks(10)).await.unwrap().len(), 1000);
        assert!(sent(chunks(11)).await.is_err());
    }

    #[tokio::test]
    async fn a_body_that_is_not_the_signed_one_says_so() {
        let other =
            futures::stream::iter([Ok(Bytes::from_static(b"x")), Err(AuthError::BodyMismatch)]);
        let problem = sent(Body::from_stream(other)).await.unwrap_err();
        assert_eq!(problem.code, "SignatureNotMatch");
        let cut = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))]);
        let problem = sent(Body::from_stream(cut)).await.unwrap_err();
        assert_eq!(problem.message, "the body is incomplete");
    }
}
