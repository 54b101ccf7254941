//! `Authorization: FC <access key id>:<signature>`: the SDKs of 2016-08-15 and HTTP triggers.
//!
//! The signature is the Base64 of HMAC-SHA256 over
//!
//! ```text
//! METHOD \n Content-MD5 \n Content-Type \n Date \n x-fc-headers resource
//! ```
//!
//! where each header whose name begins with `x-fc-` adds `name:value\n`, sorted by name, and the
//! resource is the decoded path. On paths that call a function's HTTP trigger it is the path, `\n`
//! and the decoded items of the query, joined by `\n` (FC's documentation; all vectors of the
//! Python and Node SDKs agree). Content-MD5 is text like any other: each SDK computes another thing.
//!
//! The senders of HTTP trigger requests do not agree on the query, so these variants are tried:
//! - items sorted (FC's documentation, aliyun-fc2, @alicloud/fc2), or in the order of the wire
//!   (alibabacloud-gateway-fc-util);
//! - Content-Type as sent, or empty (alibabacloud-gateway-fc-util, whose look-up of it minds case);
//! - without a query, the path with or without the `\n` (aliyun-fc2 does either).
//!
//! None of them leaves out a part of the query. Refused are an encoded line feed in the path or the
//! signed query, and an encoded `=` in a parameter's name: each would have the signature of another
//! request too.

use super::{
    AuthError, SignedText, headers,
    mac::{Signer, from_base64},
    query::{self, Item as QueryItem},
    time::{self, Spelling},
};
use crate::Dialect;
use ekiden_domain::Timestamp;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use std::{borrow::Cow, fmt};

pub(super) const SCHEME: &str = "FC";
const PREFIX: &str = "x-fc-";
/// What lies below these is FC's API, all but `/proxy/`.
const VERSIONS: [&str; 3] = [
    Dialect::V2016.prefix(),
    Dialect::V2021.prefix(),
    Dialect::V2023.prefix(),
];

pub(super) struct Fc {
    signature: [u8; 32],
}

impl Fc {
    pub(super) fn parse(credentials: &str) -> Result<(String, Self), AuthError> {
        let (id, signature) = credentials
            .split_once(':')
            .filter(|(id, _)| !id.is_empty())
            .ok_or_else(|| {
                AuthError::malformed(
                    "the Authorization header is not FC <access key id>:<signature>",
                )
            })?;
        let signature = from_base64(signature).ok_or_else(|| {
            AuthError::malformed("the FC signature is not the Base64 of an HMAC-SHA256")
        })?;
        Ok((id.to_owned(), Self { signature }))
    }

    pub(super) fn verify(
        &self,
        parts: &Parts,
        secret: &str,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let date = headers::required(&parts.headers, "date")?;
        time::check("Date", Spelling::Rfc1123, date, now)?;
        let message = Message::of(parts, date)?;
        let path = path(parts)?;
        if is_api(&path) {
            let text = message.text(message.content_type, &path);
            return message.check(secret, &self.signature, vec![text]);
        }
        let mut texts = Vec::new();
        for resource in resources(&path, &query::items(parts.uri.query()))? {
            texts.push(message.text(message.content_type, &resource));
            if !message.content_type.is_empty() {
                texts.push(message.text("", &resource));
            }
        }
        message.check(secret, &self.signature, texts)
    }
}

impl fmt::Debug for Fc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fc(..)")
    }
}

/// What is signed besides the resource.
pub(super) struct Message<'a> {
    method: &'a str,
    content_md5: &'a str,
    pub(super) content_type: &'a str,
    /// The Date header, or when a signed URL expires.
    date: &'a str,
    fc_headers: String,
}

impl<'a> Message<'a> {
    pub(super) fn of(parts: &'a Parts, date: &'a str) -> Result<Self, AuthError> {
        let text = |name| headers::optional(&parts.headers, name).map(Option::unwrap_or_default);
        Ok(Self {
            method: parts.method.as_str(),
            content_md5: text("content-md5")?,
            content_type: text("content-type")?,
            date,
            fc_headers: fc_headers(parts)?,
        })
    }

    pub(super) fn text(&self, content_type: &str, resource: &[u8]) -> Vec<u8> {
        let head = [
            self.method,
            "\n",
            self.content_md5,
            "\n",
            content_type,
            "\n",
            self.date,
            "\n",
            &self.fc_headers,
        ];
        let mut text = head.concat().into_bytes();
        text.extend_from_slice(resource);
        text
    }

    /// Checks that `signature` is of one of `texts`, the first of which is the documented one.
    pub(super) fn check(
        &self,
        secret: &str,
        signature: &[u8; 32],
        texts: Vec<Vec<u8>>,
    ) -> Result<(), AuthError> {
        let signer = Signer::new(secret);
        if texts.iter().any(|text| signer.made(signature, text)) {
            return Ok(());
        }
        let documented = texts.first().map(Vec::as_slice).unwrap_or_default();
        Err(AuthError::SignatureMismatch(SignedText::new(documented)))
    }
}

fn fc_headers(parts: &Parts) -> Result<String, AuthError> {
    let mut names: Vec<&str> = parts
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| name.starts_with(PREFIX))
        .collect();
    names.sort_unstable();
    let mut lines = String::new();
    for name in names {
        let value = headers::required(&parts.headers, name)?;
        lines.extend([name, ":", value, "\n"]);
    }
    Ok(lines)
}

/// The decoded path.
pub(super) fn path(parts: &Parts) -> Result<Cow<'_, [u8]>, AuthError> {
    let path: Cow<'_, [u8]> = percent_decode_str(parts.uri.path()).into();
    if path.contains(&b'\n') {
        return Err(AuthError::malformed("the path contains a line feed"));
    }
    Ok(path)
}

/// Whether the query of `path` is left out. Of the decoded path, as that is what is signed: two
/// spellings of one path must not be told apart here.
fn is_api(path: &[u8]) -> bool {
    let below = |prefix: &str| {
        path.strip_prefix(prefix.as_bytes())
            .filter(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    let versioned = VERSIONS.into_iter().find_map(below);
    versioned.map_or(below("/services").is_some(), |rest| {
        rest != b"/proxy" && !rest.starts_with(b"/proxy/")
    })
}

/// The resources that a request to an HTTP trigger may have been signed with.
fn resources(path: &[u8], items: &[QueryItem<'_>]) -> Result<Vec<Vec<u8>>, AuthError> {
    let wire = plain(items)?;
    let mut sorted = wire.clone();
    sorted.sort_unstable();
    let mut resources = vec![with_items(path, &sorted)];
    if wire.is_empty() {
        resources.push(path.to_vec());
    } else if wire != sorted {
        resources.push(with_items(path, &wire));
    }
    Ok(resources)
}

/// The items as they are signed.
pub(super) fn plain<'a>(
    items: impl IntoIterator<Item = &'a QueryItem<'a>>,
) -> Result<Vec<Vec<u8>>, AuthError> {
    let plain = |item: &QueryItem<'_>| {
        let text = item.plain();
        if text.contains(&b'\n') || item.key.contains(&b'=') {
            return Err(AuthError::malformed(
                "the signed query has an encoded line feed, or an encoded '=' in a name",
            ));
        }
        Ok(text)
    };
    items.into_iter().map(plain).collect()
}

/// The resource of an HTTP trigger.
pub(super) fn with_items(path: &[u8], items: &[Vec<u8>]) -> Vec<u8> {
    [path, b"\n", &items.join(&b'\n')].concat()
}
