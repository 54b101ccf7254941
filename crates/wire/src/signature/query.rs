//! The query string as signatures see it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use std::borrow::Cow;

/// What [`encoded`] leaves as it is besides letters and digits: RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// One item of a query, decoded. Bytes, not text: replacing what is not UTF-8 would make different
/// queries look alike.
pub(super) struct Item<'a> {
    pub(super) key: Cow<'a, [u8]>,
    /// `None` if the item has no `=`.
    pub(super) value: Option<Cow<'a, [u8]>>,
}

/// The items in the order of the wire; `+` is a space, as all the SDKs' servers and clients have it.
pub(super) fn items(query: Option<&str>) -> Vec<Item<'_>> {
    let query = query.unwrap_or_default();
    if query.is_empty() {
        return Vec::new();
    }
    query
        .split('&')
        .map(|item| match item.split_once('=') {
            Some((key, value)) => Item {
                key: decoded(key),
                value: Some(decoded(value)),
            },
            None => Item {
                key: decoded(item),
                value: None,
            },
        })
        .collect()
}

impl Item<'_> {
    /// `key=value`, or `key` alone, decoded.
    pub(super) fn plain(&self) -> Vec<u8> {
        let mut text = self.key.to_vec();
        if let Some(value) = &self.value {
            text.push(b'=');
            text.extend_from_slice(value);
        }
        text
    }
}

/// `bytes` percent-encoded, all but RFC 3986's unreserved characters.
pub(super) fn encoded(bytes: &[u8]) -> impl Iterator<Item = &str> {
    percent_encode(bytes, RESERVED)
}

fn decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('+') {
        return percent_decode(text.as_bytes()).into();
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode(spaced.as_bytes()).collect())
}
