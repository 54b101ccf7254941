//! `Authorization: ACS3-HMAC-SHA256 ...`: the SDKs of 2021-04-06 and 2023-03-30, and Ekiden's client.
//!
//! ```text
//! ACS3-HMAC-SHA256 Credential=<access key id>,SignedHeaders=<a;b;c>,Signature=<hex>
//! ```
//!
//! The signature is HMAC-SHA256 over `ACS3-HMAC-SHA256 \n` and the SHA-256 of the canonical request
//! (FC's documentation; all vectors and SDKs agree):
//!
//! ```text
//! METHOD \n path \n query \n headers \n names of the headers \n SHA-256 of the body
//! ```
//!
//! - path: percent-encoded, exactly as sent;
//! - query: sorted by name, `name=value`, both percent-encoded anew, joined by `&`. (The SDKs leave
//!   names as they are, which is the same for every parameter that FC has. Unencoded, a name could
//!   hold other parameters.) Items of one name stay in the order of the wire;
//! - headers: `name:value\n` for each of `SignedHeaders`, which differs from SDK to SDK, so that it
//!   is always read from the request. Values are trimmed.

use super::{
    AuthError, SignedText, Verified, headers,
    mac::{Signer, from_hex, sha256, to_hex},
    query,
    time::{self, Spelling},
};
use ekiden_domain::Timestamp;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
    request::Parts,
};
use std::fmt;

pub(super) const SCHEME: &str = "ACS3-HMAC-SHA256";
const DATE: &str = "x-acs-date";
const NONCE: &str = "x-acs-signature-nonce";
const BODY: &str = "x-acs-content-sha256";
/// The headers without which a signature would be good for another server, at another time, or
/// twice. All SDKs sign them. The body's hash is signed whether it is listed or not.
const ALWAYS_SIGNED: [&str; 3] = ["host", DATE, NONCE];

pub(super) struct Acs3 {
    /// The signed headers' names as sent: joined by `;`.
    names: String,
    signature: [u8; 32],
}

impl Acs3 {
    pub(super) fn parse(credentials: &str) -> Result<(String, Self), AuthError> {
        let id = parameter(credentials, "Credential")?;
        let names = parameter(credentials, "SignedHeaders")?;
        let signature = parameter(credentials, "Signature")?;
        let signature = from_hex(signature).ok_or_else(|| {
            AuthError::malformed("the ACS3 Signature is not an HMAC-SHA256 in lower-case hex")
        })?;
        if names
            .split(';')
            .any(|name| HeaderName::from_lowercase(name.as_bytes()).is_err())
        {
            return Err(AuthError::malformed(
                "the ACS3 SignedHeaders are not lower-case header names joined by ';'",
            ));
        }
        for needed in ALWAYS_SIGNED {
            if !names.split(';').any(|name| name == needed) {
                return Err(AuthError::malformed(format!(
                    "the ACS3 SignedHeaders must include {needed}"
                )));
            }
        }
        let names = names.to_owned();
        Ok((id.to_owned(), Self { names, signature }))
    }

    pub(super) fn verify(
        &self,
        parts: &Parts,
        secret: &str,
        now: Timestamp,
    ) -> Result<Verified, AuthError> {
        let date = headers::required(&parts.headers, DATE)?;
        time::check(DATE, Spelling::Iso8601, date.trim(), now)?;
        let body = headers::required(&parts.headers, BODY)?.trim();
        let body_sha256 = from_hex(body).ok_or_else(|| {
            AuthError::malformed(format!("header {BODY} is not a SHA-256 in lower-case hex"))
        })?;
        let nonce = headers::required(&parts.headers, NONCE)?.trim();
        if nonce.is_empty() {
            return Err(AuthError::malformed(format!("header {NONCE} is empty")));
        }
        let canonical = canonical(parts, &self.names, body)?;
        if !Signer::new(secret).made(&self.signature, string_to_sign(&canonical).as_bytes()) {
            let text = SignedText::new(canonical.as_bytes());
            return Err(AuthError::SignatureMismatch(text));
        }
        Ok(Verified {
            body_sha256: Some(body_sha256),
            nonce: Some(nonce.to_owned()),
        })
    }
}

impl fmt::Debug for Acs3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acs3")
            .field("signed_headers", &self.names)
            .finish_non_exhaustive()
    }
}

/// The value of `name` in `a=b,c=d`, which must be there, once.
fn parameter<'a>(credentials: &'a str, name: &str) -> Result<&'a str, AuthError> {
    let mut values = credentials
        .split(',')
        .filter_map(|parameter| parameter.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) if !value.is_empty() => Ok(value),
        (Some(_), Some(_)) => Err(AuthError::malformed(format!(
            "the ACS3 Authorization header has more than one {name}"
        ))),
        _ => Err(AuthError::malformed(format!(
            "the ACS3 Authorization header has no {name}"
        ))),
    }
}

fn canonical(parts: &Parts, names: &str, body: &str) -> Result<String, AuthError> {
    let mut text = [parts.method.as_str(), "\n", parts.uri.path(), "\n"].concat();
    push_query(&mut text, parts.uri.query());
    text.push('\n');
    for name in names.split(';') {
        let value = headers::required(&parts.headers, name)?;
        text.extend([name, ":", value.trim(), "\n"]);
    }
    text.extend(["\n", names, "\n", body]);
    Ok(text)
}

fn push_query(text: &mut String, raw: Option<&str>) {
    let mut items = query::items(raw);
    items.sort_by(|a, b| a.key.cmp(&b.key));
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.extend(query::encoded(&item.key));
        text.push('=');
        text.extend(query::encoded(item.value.as_deref().unwrap_or_default()));
    }
}

fn string_to_sign(canonical: &str) -> String {
    [SCHEME, "\n", &to_hex(&sha256(canonical.as_bytes()))].concat()
}

/// Signs a request to be sent: sets `x-acs-date`, `x-acs-signature-nonce`, `x-acs-content-sha256`
/// and `Authorization`, and `Host` from the URI where it is missing. Signed are the method, the
/// path, the query, the body, and all of `Host`, `Content-Type`, `x-acs-*` and `x-fc-*` that the
/// request has by then.
///
/// `body_sha256` is the SHA-256 of the body; `nonce` any text that the key never used before.
///
/// # Errors
///
/// [`AuthError::MissingHeader`] if neither the headers nor the URI name the host;
/// [`AuthError::Malformed`] if a header to be signed cannot be verified (it occurs twice or is not
/// UTF-8), or the nonce or the key's id cannot be part of a header.
pub fn sign(
    parts: &mut Parts,
    key_id: &str,
    secret: &str,
    body_sha256: &[u8; 32],
    nonce: &str,
    now: Timestamp,
) -> Result<(), AuthError> {
    let body = to_hex(body_sha256);
    if !parts.headers.contains_key(HOST) {
        let host = parts.uri.authority().map(|host| host.as_str().to_owned());
        let host = host.ok_or_else(|| AuthError::MissingHeader(HOST.to_string()))?;
        set(&mut parts.headers, HOST, &host)?;
    }
    for (name, value) in [
        (DATE, time::iso8601(now).as_str()),
        (NONCE, nonce),
        (BODY, &body),
    ] {
        set(&mut parts.headers, HeaderName::from_static(name), value)?;
    }
    let names = names(&parts.headers);
    let canonical = canonical(parts, &names, &body)?;
    let signature = to_hex(&Signer::new(secret).sign(string_to_sign(&canonical).as_bytes()));
    let value = format!("{SCHEME} Credential={key_id},SignedHeaders={names},Signature={signature}");
    set(&mut parts.headers, AUTHORIZATION, &value)
}

/// The headers to sign, as `SignedHeaders` lists them.
fn names(headers: &HeaderMap) -> String {
    let mut names: Vec<&str> = headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| {
            name.starts_with("x-acs-")
                || name.starts_with("x-fc-")
                || *name == HOST
                || *name == CONTENT_TYPE
        })
        .collect();
    names.sort_unstable();
    names.join(";")
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), AuthError> {
    let value = HeaderValue::from_str(value)
        .map_err(|_| AuthError::malformed(format!("header {name} cannot have this value")))?;
    headers.insert(name, value);
    Ok(())
}
