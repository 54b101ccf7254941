//! Signed URLs: `SignURL` of the Go and Java SDKs, for HTTP triggers.
//!
//! The query holds `x-fc-access-key-id`, `x-fc-expires` (seconds since the Unix epoch),
//! `x-fc-signature` (Base64) and, for temporary keys, `x-fc-security-token`. The signature is the
//! one of the `FC` scheme, with the value of `x-fc-expires` in place of the date. Its resource is
//! the path, `\n`, and the items of the whole query but `x-fc-signature`, decoded, sorted, and
//! joined by `\n`.
//!
//! Verified against the URLs that the unit tests of both SDKs expect, and the string that the Go
//! SDK's signs. The Java SDK signs `Content-Type: application/json` where it is not told another,
//! so that the header must then be sent. Not known is how FC treats a URL that it did not sign
//! for an HTTP trigger: here the same rule holds on every path, as it covers the whole query.

use super::{
    AuthError,
    fc::{self, Message},
    mac::from_base64,
    query::{self, Item},
};
use ekiden_domain::Timestamp;
use http::request::Parts;
use std::fmt;

const KEY_ID: &str = "x-fc-access-key-id";
const EXPIRES: &str = "x-fc-expires";
const SIGNATURE: &str = "x-fc-signature";

pub(super) struct Presigned {
    signature: [u8; 32],
    /// As the URL spells it: that is what is signed.
    expires: String,
    /// The same, in seconds since the Unix epoch.
    expires_at: i64,
}

impl Presigned {
    /// `None` if the query has no `x-fc-signature`.
    pub(super) fn parse(query: Option<&str>) -> Result<Option<(String, Self)>, AuthError> {
        let items = query::items(query);
        let Some(signature) = single(&items, SIGNATURE)? else {
            return Ok(None);
        };
        let signature = from_base64(&signature).ok_or_else(|| {
            AuthError::malformed(format!(
                "query parameter {SIGNATURE} is not the Base64 of an HMAC-SHA256"
            ))
        })?;
        let required = |name| {
            single(&items, name)?
                .filter(|value| !value.is_empty())
                .ok_or_else(|| {
                    AuthError::malformed(format!("a signed URL needs the query parameter {name}"))
                })
        };
        let key_id = required(KEY_ID)?;
        let expires = required(EXPIRES)?;
        let expires_at = expires.parse().map_err(|_| {
            AuthError::malformed(format!(
                "query parameter {EXPIRES} is not a number of seconds since the Unix epoch"
            ))
        })?;
        Ok(Some((
            key_id,
            Self {
                signature,
                expires,
                expires_at,
            },
        )))
    }

    pub(super) fn verify(
        &self,
        parts: &Parts,
        secret: &str,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        if now.as_millis() > self.expires_at.saturating_mul(1000) {
            return Err(AuthError::Expired {
                expires: self.expires_at,
                server: now.as_millis().div_euclid(1000),
            });
        }
        let message = Message::of(parts, &self.expires)?;
        let items = query::items(parts.uri.query());
        let mut signed = fc::plain(
            items
                .iter()
                .filter(|item| *item.key != *SIGNATURE.as_bytes()),
        )?;
        signed.sort_unstable();
        let resource = fc::with_items(&fc::path(parts)?, &signed);
        let text = message.text(message.content_type, &resource);
        message.check(secret, &self.signature, vec![text])
    }
}

impl fmt::Debug for Presigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigned")
            .field("expires", &self.expires_at)
            .finish_non_exhaustive()
    }
}

fn single(items: &[Item<'_>], name: &str) -> Result<Option<String>, AuthError> {
    let mut found = items
        .iter()
        .filter(|item| *item.key == *name.as_bytes())
        .map(|item| item.value.as_deref().unwrap_or_default());
    let Some(value) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() {
        return Err(AuthError::malformed(format!(
            "query parameter {name} occurs more than once"
        )));
    }
    match std::str::from_utf8(value) {
        Ok(value) => Ok(Some(value.to_owned())),
        Err(_) => Err(AuthError::malformed(format!(
            "query parameter {name} is not UTF-8"
        ))),
    }
}
