//! Who sent a request: FC's signatures, checked with nothing but the request, the key and the time.
//!
//! A request says which access key it belongs to in one of four ways:
//!
//! | scheme | where | who uses it |
//! |---|---|---|
//! | `FC id:signature` | `Authorization` | the SDKs of 2016-08-15, HTTP triggers |
//! | signed URL | `x-fc-signature` and others in the query | `SignURL` of the Go and Java SDKs |
//! | `ACS3-HMAC-SHA256 ...` | `Authorization` | the SDKs of 2021-04-06 and 2023-03-30 |
//! | `Bearer id:secret` | `Authorization` | Ekiden's own: scripts and curl; FC has no such thing |
//!
//! [`claimed`] reads who the request says it is from; the caller looks up that key and calls
//! [`Claim::verify`]. Two checks are then left to the caller, as they need what this module does
//! not have: that the nonce is new ([`Nonces`]), and that the body is the signed one.
//!
//! FC's signatures are only as strong as FC defined them. On an API path the `FC` scheme does not
//! cover the query, and ACS3 covers only the headers that its sender listed (the Node SDKs leave
//! out `x-fc-*`). TLS protects the rest.
//!
//! Where a header that a signature depends on occurs twice, or is not UTF-8, the request is refused
//! rather than guessed at: two parties that read it differently would disagree on what was signed.

mod acs3;
mod bearer;
mod error;
mod fc;
mod headers;
mod mac;
mod nonces;
mod presigned;
mod query;
mod time;

pub use acs3::sign as sign_acs3;
pub use error::{AuthError, SignedText};
pub use nonces::Nonces;
pub use time::SKEW;

use acs3::Acs3;
use bearer::Bearer;
use ekiden_domain::Timestamp;
use fc::Fc;
use http::{header::AUTHORIZATION, request::Parts};
use presigned::Presigned;

/// What a request says about who sent it. Nothing of it is verified yet.
///
/// Its `Debug` shows no signature and no secret.
#[derive(Debug)]
pub struct Claim {
    key_id: String,
    proof: Proof,
}

#[derive(Debug)]
enum Proof {
    Fc(Fc),
    Presigned(Presigned),
    Acs3(Acs3),
    Bearer(Bearer),
}

/// What a verified signature leaves to be checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "an ACS3 request is genuine only with a new nonce and the signed body"]
pub struct Verified {
    /// The SHA-256 that the body must have, where the scheme signs it (ACS3). A body that differs
    /// is refused with [`AuthError::BodyMismatch`].
    pub body_sha256: Option<[u8; 32]>,
    /// The nonce that must not have been used before (ACS3); see [`Nonces`]. One that was is
    /// refused with [`AuthError::Replayed`].
    pub nonce: Option<String>,
}

/// Reads who `parts` says it is from; `None` if it carries no credentials at all.
///
/// # Errors
///
/// [`AuthError::Malformed`] if there are credentials that cannot be read, of an unknown scheme, or
/// both in the header and in the query.
pub fn claimed(parts: &Parts) -> Result<Option<Claim>, AuthError> {
    let authorization = headers::optional(&parts.headers, AUTHORIZATION.as_str())?;
    let presigned = Presigned::parse(parts.uri.query())?;
    let (key_id, proof) = match (authorization, presigned) {
        (None, None) => return Ok(None),
        (None, Some((key_id, presigned))) => (key_id, Proof::Presigned(presigned)),
        (Some(value), None) => from_header(value)?,
        (Some(_), Some(_)) => {
            return Err(AuthError::malformed(
                "the request carries both an Authorization header and a signed URL",
            ));
        }
    };
    Ok(Some(Claim { key_id, proof }))
}

fn from_header(value: &str) -> Result<(String, Proof), AuthError> {
    let (scheme, credentials) = value.trim().split_once(' ').unwrap_or((value, ""));
    let credentials = credentials.trim();
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    if is(fc::SCHEME) {
        Fc::parse(credentials).map(|(id, fc)| (id, Proof::Fc(fc)))
    } else if is(acs3::SCHEME) {
        Acs3::parse(credentials).map(|(id, acs3)| (id, Proof::Acs3(acs3)))
    } else if is(bearer::SCHEME) {
        Bearer::parse(credentials).map(|(id, bearer)| (id, Proof::Bearer(bearer)))
    } else {
        // The scheme is not repeated: a header without one is all secret.
        Err(AuthError::malformed(
            "the scheme of the Authorization header is none of FC, ACS3-HMAC-SHA256 and Bearer",
        ))
    }
}

impl Claim {
    /// The id of the access key whose secret [`verify`](Self::verify) needs. Never empty.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Checks that whoever sent `parts` knows `secret`, and that the request is of `now` (within
    /// [`SKEW`] of it, or a signed URL that has not expired; a Bearer token carries no date).
    ///
    /// `parts` must be the request that [`claimed`] read, untouched: routers and proxies that
    /// rewrite the path or the query break the signature.
    ///
    /// # Errors
    ///
    /// [`AuthError::SignatureMismatch`] and [`AuthError::WrongSecret`] if the secret is another
    /// one or the request was altered; [`AuthError::OutsideWindow`] and [`AuthError::Expired`] by
    /// the date; [`AuthError::MissingHeader`] and [`AuthError::Malformed`] if the request lacks
    /// what its scheme prescribes.
    pub fn verify(
        &self,
        parts: &Parts,
        secret: &str,
        now: Timestamp,
    ) -> Result<Verified, AuthError> {
        match &self.proof {
            Proof::Fc(fc) => fc.verify(parts, secret, now).map(|()| Verified::default()),
            Proof::Presigned(url) => url.verify(parts, secret, now).map(|()| Verified::default()),
            Proof::Acs3(acs3) => acs3.verify(parts, secret, now),
            Proof::Bearer(bearer) => bearer.verify(secret).map(|()| Verified::default()),
        }
    }
}
