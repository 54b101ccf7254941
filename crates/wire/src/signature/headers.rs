//! The headers that a signature depends on.

use super::AuthError;
use http::{HeaderMap, HeaderValue};

/// The value of `name`; `None` if the request has no such header.
pub(super) fn optional<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> Result<Option<&'a str>, AuthError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(AuthError::malformed(format!(
            "header {name} occurs more than once"
        )));
    }
    text(name, value).map(Some)
}

/// The value of `name`, which the request must have.
pub(super) fn required<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, AuthError> {
    optional(headers, name)?.ok_or_else(|| AuthError::MissingHeader(name.to_owned()))
}

fn text<'a>(name: &str, value: &'a HeaderValue) -> Result<&'a str, AuthError> {
    // Not HeaderValue::to_str, which takes ASCII only: the SDKs sign and send UTF-8.
    std::str::from_utf8(value.as_bytes())
        .map_err(|_| AuthError::malformed(format!("header {name} is not UTF-8")))
}
