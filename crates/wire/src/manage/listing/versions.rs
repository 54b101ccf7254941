//! A list of versions, in the order of their numbers.

use super::Window;
use crate::{
    Problem, Query,
    manage::version::{Page, Told},
    openapi::{Describe, Operation, schema::one_of},
};
use axum::extract::FromRequestParts;
use ekiden_domain::Invalid;
use http::request::Parts;

const DIRECTION: &str = "direction";
const BACKWARD: &str = "BACKWARD";
const FORWARD: &str = "FORWARD";

/// A list of versions as a request asks for it: the newest first unless it says `FORWARD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionListing {
    backward: bool,
    start: Option<u64>,
    window: Window,
}

impl VersionListing {
    fn parse(path: &str, query: &Query) -> Result<Self, Problem> {
        let window = Window::parse(path, query, 1)?;
        let backward = match query.get(DIRECTION) {
            None => true,
            Some(text) if text.eq_ignore_ascii_case(BACKWARD) => true,
            Some(text) if text.eq_ignore_ascii_case(FORWARD) => false,
            Some(text) => {
                let allowed = format!("{BACKWARD} or {FORWARD}");
                return Err(Invalid::new(DIRECTION, text, allowed).into());
            }
        };
        let start = window.start.as_ref().map(|text| {
            text.parse()
                .map_err(|_| Invalid::new(super::START_KEY, text, "a version's number"))
        });
        Ok(Self {
            backward,
            start: start.transpose()?,
            window,
        })
    }

    /// The page of `versions`, which are in no order, told by `tell`.
    pub fn page<T>(
        &self,
        versions: impl IntoIterator<Item = (u64, T)>,
        tell: impl FnMut(T) -> Told,
    ) -> Page {
        let mut versions: Vec<(u64, T)> = versions.into_iter().collect();
        versions.sort_by_key(|(number, _)| *number);
        if self.backward {
            versions.reverse();
        }
        let versions = versions
            .into_iter()
            .skip_while(|(number, _)| match self.start {
                None => false,
                Some(start) if self.backward => *number > start,
                Some(start) => *number < start,
            });
        let versions = versions.map(|(number, version)| (number.to_string(), version));
        let (versions, next_token) = self.window.page(versions, tell);
        Page {
            versions,
            next_token,
            direction: if self.backward { BACKWARD } else { FORWARD },
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for VersionListing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.path(), &Query::of(&parts.uri)?)
    }
}

impl Describe for VersionListing {
    fn describe(operation: &mut Operation) {
        let start_key = "The number that the page begins with or after.";
        Window::describe(operation, start_key, 1);
        let direction = one_of([BACKWARD, FORWARD]).default(Some(BACKWARD.into()));
        operation.query(DIRECTION, direction, "Which way over the numbers.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ekiden_domain::{Entry, Timestamp, registry::Version};

    fn page(query: &str) -> Result<Page, Problem> {
        let version = Entry {
            value: Version {
                description: String::new(),
            },
            revision: 1,
            created_at: Timestamp::from_millis(0),
            changed_at: Timestamp::from_millis(0),
        };
        let uri = format!("/versions?{query}").parse().unwrap();
        let listing = VersionListing::parse("/versions", &Query::of(&uri)?)?;
        let versions = [1, 10, 2, 9].map(|number| (number, number.to_string()));
        Ok(listing.page(versions, |number| Told::of(&number, &version)))
    }

    fn numbers(query: &str) -> Vec<String> {
        let versions = serde_json::to_value(page(query).unwrap().versions).unwrap();
        let versions = versions.as_array().unwrap().iter();
        versions
            .map(|version| version["versionId"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn versions_are_in_the_order_of_their_numbers() {
        assert_eq!(numbers(""), ["10", "9", "2", "1"]);
        assert_eq!(page("").unwrap().direction, "BACKWARD");
        assert_eq!(numbers("direction=FORWARD"), ["1", "2", "9", "10"]);
        assert_eq!(numbers("startKey=9"), ["9", "2", "1"]);
        let query = "limit=3&direction=forward";
        assert_eq!(numbers(query), ["1", "2", "9"]);
        let token = page(query).unwrap().next_token.unwrap();
        let rest = format!("direction=forward&nextToken={token}");
        assert_eq!(numbers(&rest), ["10"]);
        assert_eq!(page(&rest).unwrap().next_token, None);
    }

    #[test]
    fn what_is_no_direction_and_no_number_is_refused() {
        for (query, says) in [
            ("direction=up", "BACKWARD or FORWARD"),
            ("startKey=x", "a version's number"),
        ] {
            assert!(page(query).unwrap_err().message.contains(says));
        }
    }
}
