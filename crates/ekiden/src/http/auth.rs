//! Lets in who holds an access key: signatures of both families, signed URLs and Bearer tokens.

use axum::{
    body::{Body, Bytes},
    extract::Request,
};
use ekiden_domain::{AccessKey, Clock, Secret};
use ekiden_store::{KeptKey, Store, StoreError};
use ekiden_wire::{
    Caller, Problem,
    signature::{AuthError, Nonces, claimed},
};
use futures::{Stream, StreamExt, stream};
use http::{StatusCode, request::Parts};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Once, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How many nonces are remembered, to refuse a request that is sent again.
const NONCES: usize = 200_000;
/// How long a key that was created or revoked may go unnoticed.
const LAG: Duration = Duration::from_secs(1);

/// The access keys, and what is needed to check a request against them. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Auth {
    configured: Arc<Keys>,
    /// Whether anyone is let in while there is no key.
    is_open_without: bool,
    /// Has told that nobody is.
    closed: Arc<Once>,
    stored: Arc<RwLock<Stored>>,
    /// Held by the one request that reads the stored keys; the others wait for what it finds.
    refresh: Arc<Mutex<()>>,
    nonces: Arc<Nonces>,
    store: Store,
    clock: Arc<dyn Clock>,
}

/// By id; one without a secret is kept so that nobody can read it.
type Keys = HashMap<String, (Arc<AccessKey>, Option<Secret>)>;

#[derive(Debug, Default)]
struct Stored {
    keys: Arc<Keys>,
    checked: Option<Instant>,
}

impl Auth {
    /// Checks requests against these keys and those that `store` keeps. While there is none, it lets
    /// in anyone if it `is_open_without`, and else nobody.
    pub(crate) fn new(
        configured: impl IntoIterator<Item = (AccessKey, Secret)>,
        is_open_without: bool,
        store: Store,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            configured: Arc::new(by_id(
                configured
                    .into_iter()
                    .map(|(key, secret)| (key, Some(secret))),
            )),
            is_open_without,
            closed: Arc::new(Once::new()),
            stored: Arc::default(),
            refresh: Arc::default(),
            nonces: Arc::new(Nonces::new(NONCES)),
            store,
            clock,
        }
    }

    /// Who sent the request, and the SHA-256 its body must have, where that was signed.
    async fn check(&self, parts: &Parts) -> Result<(Caller, Option<[u8; 32]>), Problem> {
        let stored = self.stored().await.map_err(unavailable)?;
        if self.configured.is_empty() && stored.is_empty() {
            return self.anyone().map(|caller| (caller, None));
        }
        let Some(claim) = claimed(parts)? else {
            let message = "AccessDenied: the request carries no credentials";
            return Err(Problem::new(StatusCode::FORBIDDEN, "AccessDenied", message));
        };
        let id = claim.key_id();
        let known = self.configured.get(id).or_else(|| stored.get(id));
        let Some((key, Some(secret))) = known else {
            return Err(AuthError::UnknownKey(id.to_owned()).into());
        };
        let now = self.clock.now();
        let verified = claim.verify(parts, secret.expose(), now);
        if let Some(text) = verified.as_ref().err().and_then(AuthError::signed_text) {
            tracing::debug!(
                key_id = id,
                signed = text.as_str(),
                "a signature does not match"
            );
        }
        let verified = verified?;
        if let Some(nonce) = &verified.nonce
            && !self.nonces.is_fresh(id, nonce, now)
        {
            return Err(AuthError::Replayed.into());
        }
        Ok((Caller::holder_of(Arc::clone(key)), verified.body_sha256))
    }

    /// Who anyone is where there is no key. The last one may have been revoked since the start, and
    /// what others reach must not stand open for it.
    fn anyone(&self) -> Result<Caller, Problem> {
        if self.is_open_without {
            return Ok(Caller::anyone());
        }
        self.closed.call_once(|| {
            tracing::warn!(
                "there is no access key any more, and others can reach this address: nobody is \
                 served until `ekiden key create` makes one"
            );
        });
        let message = "AccessDenied: there is no access key any more, and without one nobody is served \
                       at an address that others reach: create one with `ekiden key create`";
        Err(Problem::new(StatusCode::FORBIDDEN, "AccessDenied", message))
    }

    /// The stored keys, not older than [`LAG`]; or older ones while the store does not answer.
    async fn stored(&self) -> Result<Arc<Keys>, StoreError> {
        if let Some(keys) = self.known(LAG) {
            return Ok(keys);
        }
        let _alone = self.refresh.lock().await;
        if let Some(keys) = self.known(LAG) {
            return Ok(keys);
        }
        let checked = Instant::now();
        match self.store.access_keys().await {
            Ok(keys) => {
                let of = |KeptKey { key, secret, .. }| (key, secret);
                let keys = Arc::new(by_id(keys.into_iter().map(of)));
                let mut stored = self.stored.write().unwrap_or_else(PoisonError::into_inner);
                tell_of_lost(&stored.keys, &keys);
                *stored = Stored {
                    keys: Arc::clone(&keys),
                    checked: Some(checked),
                };
                Ok(keys)
            }
            Err(error) => self.known(Duration::MAX).ok_or(error),
        }
    }

    fn known(&self, age: Duration) -> Option<Arc<Keys>> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        (stored.checked?.elapsed() <= age).then(|| Arc::clone(&stored.keys))
    }
}

fn by_id(keys: impl Iterator<Item = (AccessKey, Option<Secret>)>) -> Keys {
    keys.map(|(key, secret)| (key.id.clone(), (Arc::new(key), secret)))
        .collect()
}

/// Tells of each key, once, whose secret cannot be read: its holder is refused.
fn tell_of_lost(before: &Keys, now: &Keys) {
    let is_lost = |keys: &Keys, id| matches!(keys.get(id), Some((_, None)));
    for id in now.keys() {
        if is_lost(now, id) && !is_lost(before, id) {
            tracing::warn!(
                key_id = id.as_str(),
                "the secret of this access key is sealed with a key that is not at hand \
                 (auth.seal_keys, or the file beside the SQLite database): whoever holds it is refused"
            );
        }
    }
}

fn unavailable(error: StoreError) -> Problem {
    tracing::warn!(
        error = error.with_causes(),
        "the access keys cannot be read"
    );
    Problem::unavailable("the database is not available; nothing was changed")
}

impl Auth {
    /// The request, if its sender holds an access key, with who that is for the handlers.
    pub(super) async fn admit(&self, request: Request) -> Result<Request, Problem> {
        let (mut parts, body) = request.into_parts();
        let checked = self.check(&parts).await;
        let (caller, signed) = checked.inspect_err(|problem| {
            let code = problem.code;
            metrics::counter!("ekiden_auth_refusals_total", "code" => code).increment(1);
        })?;
        parts.extensions.insert(caller);
        let body = match signed {
            Some(sha256) => Body::from_stream(hashed(body, sha256)),
            None => body,
        };
        Ok(Request::from_parts(parts, body))
    }
}

/// The body, hashed as it passes; it ends in an error if it is not the one that was signed.
fn hashed(
    body: Body,
    sha256: [u8; 32],
) -> impl Stream<Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>> {
    let chunks = body.into_data_stream();
    stream::unfold(Some((chunks, Sha256::new())), move |state| async move {
        let (mut chunks, mut digest) = state?;
        match chunks.next().await {
            Some(Ok(chunk)) => {
                digest.update(&chunk);
                Some((Ok(chunk), Some((chunks, digest))))
            }
            Some(Err(error)) => Some((Err(error.into()), None)),
            None if digest.finalize().as_slice() == sha256 => None,
            None => Some((Err(AuthError::BodyMismatch.into()), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    #[tokio::test]
    async fn a_body_passes_if_it_is_the_signed_one() {
        let signed: [u8; 32] = Sha256::digest(b"signed").into();
        let body = Body::from_stream(hashed(Body::from("signed"), signed));
        assert_eq!(to_bytes(body, 100).await.unwrap(), "signed");
        for other in ["", "signee", "signed "] {
            let body = Body::from_stream(hashed(Body::from(other), signed));
            assert!(to_bytes(body, 100).await.is_err(), "{other:?}");
        }
    }
}
