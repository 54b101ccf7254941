//! Why a request is not let in.

use crate::Problem;
use ekiden_domain::text::clean;
use http::StatusCode;
use std::fmt;
use thiserror::Error;

/// Why a request is refused. `Display` is the message for the client: it names what is wrong and
/// contains neither secrets nor signatures.
///
/// Codes and messages are those of FC's documentation where it has one; a date outside the window
/// has none there, so it is `AccessDenied` like every other refusal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// A header that the scheme prescribes, or that the request says it signed, is not there.
    #[error("required HTTP header {0} was not specified")]
    MissingHeader(String),
    /// The credentials, or a header that the signature depends on, cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// No key has the id (of it the caller has to find out).
    #[error("invalid access key ID '{}'", clean(.0, 64))]
    UnknownKey(String),
    /// The signature is not the one that the key makes of this request.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your \
         access key and signing method"
    )]
    SignatureMismatch(SignedText),
    /// The secret of a Bearer token is not that of its key.
    #[error("AccessDenied: the bearer token's secret is not that of its access key")]
    WrongSecret,
    /// The request was signed too long before, or after, the server's time.
    #[error(
        "AccessDenied: {header} '{sent}' is not within 15 minutes of the server's time '{server}'"
    )]
    OutsideWindow {
        /// The header that tells when the request was signed.
        header: &'static str,
        /// That date, in the header's format.
        sent: String,
        /// The server's time, in the same format.
        server: String,
    },
    /// A signed URL was used after its time. Both in seconds since the Unix epoch.
    #[error("AccessDenied: the signed URL expired at {expires}; the server's time is {server}")]
    Expired {
        /// The URL's `x-fc-expires`.
        expires: i64,
        /// The server's time.
        server: i64,
    },
    /// The nonce was used before (of it the caller has to find out, with [`Nonces`](super::Nonces)).
    #[error("AccessDenied: the signature nonce was used before")]
    Replayed,
    /// The body is not the signed one (of it the caller has to find out, while reading it).
    #[error("the SHA-256 of the request body is not the one in x-acs-content-sha256")]
    BodyMismatch,
}

impl AuthError {
    pub(super) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }

    /// FC's code for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingHeader(_) => "MissingRequiredHeader",
            Self::Malformed(_) => "InvalidArgument",
            Self::UnknownKey(_) => "InvalidAccessKeyID",
            Self::SignatureMismatch(_) | Self::BodyMismatch => "SignatureNotMatch",
            Self::WrongSecret
            | Self::OutsideWindow { .. }
            | Self::Expired { .. }
            | Self::Replayed => "AccessDenied",
        }
    }

    /// The HTTP status that FC sends with the code.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::MissingHeader(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::UnknownKey(_)
            | Self::SignatureMismatch(_)
            | Self::BodyMismatch
            | Self::WrongSecret
            | Self::OutsideWindow { .. }
            | Self::Expired { .. }
            | Self::Replayed => StatusCode::FORBIDDEN,
        }
    }

    /// What Ekiden computed the signature of, for whoever debugs a client against it.
    #[must_use]
    pub const fn signed_text(&self) -> Option<&SignedText> {
        match self {
            Self::SignatureMismatch(text) => Some(text),
            Self::MissingHeader(_)
            | Self::Malformed(_)
            | Self::UnknownKey(_)
            | Self::WrongSecret
            | Self::OutsideWindow { .. }
            | Self::Expired { .. }
            | Self::Replayed
            | Self::BodyMismatch => None,
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        Self::new(error.status(), error.code(), error.to_string())
    }
}

/// A string to sign (`FC`) or canonical request (ACS3). It holds no key, but it may hold security
/// tokens, so it is shown only to who asks for [`as_str`](Self::as_str).
#[derive(Clone, PartialEq, Eq)]
pub struct SignedText(String);

impl SignedText {
    pub(super) fn new(text: &[u8]) -> Self {
        Self(String::from_utf8_lossy(text).into_owned())
    }

    /// The text; bytes of a path or query that are not UTF-8 are replaced.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SignedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedText({} bytes)", self.0.len())
    }
}
