//! `Authorization: Bearer <access key id>:<secret>`, in plain text.
//!
//! Ekiden's own, for scripts and curl. The secret itself travels, so it belongs on TLS or loopback
//! only; unlike a signature, it protects nothing of the request.

use super::{AuthError, mac::sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;

pub(super) const SCHEME: &str = "Bearer";

pub(super) struct Bearer {
    secret: String,
}

impl Bearer {
    pub(super) fn parse(credentials: &str) -> Result<(String, Self), AuthError> {
        match credentials.split_once(':') {
            Some((id, secret)) if !id.is_empty() && !secret.is_empty() => Ok((
                id.to_owned(),
                Self {
                    secret: secret.to_owned(),
                },
            )),
            _ => Err(AuthError::malformed(
                "the bearer token is not <access key id>:<secret>",
            )),
        }
    }

    pub(super) fn verify(&self, secret: &str) -> Result<(), AuthError> {
        // Of hashes, so that not even the length of the secret shows in the time it takes.
        let equal = sha256(self.secret.as_bytes()).ct_eq(&sha256(secret.as_bytes()));
        if equal.into() {
            Ok(())
        } else {
            Err(AuthError::WrongSecret)
        }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(..)")
    }
}
