//! Services, functions, versions, aliases and configs, as FC's management API speaks of them.
//!
//! Each resource is a file with two halves: what a request says of it, checked ([`FromFields`]),
//! and how an answer tells it. What they share is here: the request's body, the entry's tag, times
//! and id, and lists ([`Listing`]).

pub mod alias;
pub mod concurrency;
pub mod config;
mod fields;
pub mod function;
mod listing;
pub mod restriction;
pub mod service;
mod unread;
pub mod version;

pub use fields::{Fields, FromFields, MAX_BODY};
pub use listing::{Listing, VersionListing};
pub use unread::{New, Unread, Update};

use crate::{
    Problem,
    openapi::{Describe, Operation, Tells, header, json, schema::text},
};
use axum::{
    Json,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use ekiden_domain::{Entry, FunctionName, Invalid, Timestamp};
use http::{
    StatusCode,
    header::{ETAG, IF_MATCH},
    request::Parts,
};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::convert::Infallible;

/// The most bytes of attributes, as JSON, that a service or a function may have: every process
/// holds all of them in memory.
const MAX_ATTRIBUTES: usize = 64 * 1024;
/// The most bytes of a note for people.
const MAX_DESCRIPTION: usize = 1024;

/// A resource as an answer tells it: JSON, with its tag.
#[derive(Debug)]
pub struct Answer<T> {
    tag: String,
    told: T,
}

impl<T> Answer<T> {
    /// What is `told` of `entry`.
    #[must_use]
    pub fn of<E>(entry: &Entry<E>, told: T) -> Self {
        Self {
            tag: tag(entry),
            told,
        }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        ([(ETAG, self.tag)], Json(self.told)).into_response()
    }
}

impl<T: Tells> Describe for Answer<T> {
    fn describe(operation: &mut Operation) {
        let told = json("The resource as it is.", T::schema(operation));
        let tag = header(text(), "What no other state of it has: for `If-Match`.");
        operation.answers(StatusCode::OK, told.header(ETAG.as_str(), tag));
    }
}

/// What no other state of this resource has: one that was made anew begins with revision 1 again,
/// but later.
fn tag<T>(entry: &Entry<T>) -> String {
    let (created, changed) = (entry.created_at.as_millis(), entry.changed_at.as_millis());
    format!("\"{created:x}-{changed:x}-{}\"", entry.revision)
}

/// A request's `If-Match`: the tags of the states in which the resource may be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfMatch(Option<String>);

impl IfMatch {
    /// Whether the resource may be changed in this state; `None` is that it does not exist.
    ///
    /// # Errors
    /// 412 if not.
    pub fn check<T>(&self, entry: Option<&Entry<T>>) -> Result<(), Problem> {
        let Some(tags) = &self.0 else { return Ok(()) };
        let matches = entry.is_some_and(|entry| {
            let tag = tag(entry);
            // Some clients keep a tag without its quotes.
            let is_it =
                |given: &str| given == "*" || given == tag || given == tag.trim_matches('"');
            tags.split(',').any(|given| is_it(given.trim()))
        });
        if matches {
            Ok(())
        } else {
            Err(Problem::precondition_failed())
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let mut tags = Vec::new();
        for value in parts.headers.get_all(IF_MATCH) {
            // One that is no text matches nothing.
            tags.push(value.to_str().unwrap_or_default());
        }
        Ok(Self((!tags.is_empty()).then(|| tags.join(","))))
    }
}

impl Describe for IfMatch {
    fn describe(operation: &mut Operation) {
        let says = "The `ETag` of the only state in which it is to be changed.";
        operation.header(IF_MATCH.as_str(), text(), says);
        operation.refuses(StatusCode::PRECONDITION_FAILED);
        operation.refuses(StatusCode::CONFLICT);
    }
}

/// `at` as FC writes times: `2020-09-10T02:45:02Z`.
fn time(at: Timestamp) -> String {
    let seconds = at.as_millis().div_euclid(1000);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
}

/// An id, written as a UUID, that what was made under this key at this time has as long as it
/// lives, and nothing else.
fn id(kind: &str, key: &str, created_at: Timestamp) -> String {
    let digest = Sha256::digest(format!("{kind} {key} {created_at}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// FC 3.0's name for a function.
fn arn(name: &FunctionName) -> String {
    format!("acs:fc:::functions/{}", name.function())
}

fn check_attributes(attributes: &Map<String, Value>) -> Result<(), Problem> {
    let length = serde_json::to_vec(attributes).map_or(usize::MAX, |json| json.len());
    if length > MAX_ATTRIBUTES {
        return Err(Problem::entity_too_large(MAX_ATTRIBUTES));
    }
    Ok(())
}

/// That a body names another resource than the path.
fn check_name(field: &str, given: Option<&str>, name: &str) -> Result<(), Problem> {
    match given {
        Some(given) if given != name => {
            Err(Invalid::new(field, given, format!("'{name}', as in the path")).into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
