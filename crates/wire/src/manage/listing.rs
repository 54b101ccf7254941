//! A list of what is registered, page by page.

use crate::{Problem, Query, token};
use axum::extract::FromRequestParts;
use ekiden_domain::Invalid;
use http::request::Parts;
use serde_json::{Map, Value};

const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: i64 = 100;
/// What may differ from page to page; everything else makes the list.
const OF_THE_PAGE: [&str; 3] = ["limit", "nextToken", "startKey"];

/// A list as a request asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    limit: usize,
    prefix: String,
    /// The name that the page begins with, or after which the first name follows.
    start: Option<String>,
    /// Which list it is: what its tokens are bound to.
    list: String,
    /// The request's query.
    pub query: Query,
}

/// The part of a list that is one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut<T> {
    /// What is on the page, in order.
    pub items: Vec<T>,
    next: Option<String>,
}

impl Listing {
    fn parse(path: &str, query: Query) -> Result<Self, Problem> {
        let limit = query.number("limit", 1..=MAX_LIMIT)?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let list = format!("{path}?{}", query.without(&OF_THE_PAGE));
        let start = match query.get("nextToken") {
            Some(token) => {
                let said = token::open(&list, token)?;
                Some(String::from_utf8(said).map_err(|_| token::refused(token))?)
            }
            None => query.get("startKey").map(str::to_owned),
        };
        Ok(Self {
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            prefix: query.get("prefix").unwrap_or_default().to_owned(),
            start,
            list,
            query,
        })
    }

    /// The page of `items`, which are in the order of their names.
    pub fn cut<T>(&self, items: impl IntoIterator<Item = (String, T)>) -> Cut<T> {
        let start = self.start.as_deref().unwrap_or_default();
        let is_asked_for = |name: &str| name.starts_with(&self.prefix) && name >= start;
        let items = items.into_iter().filter(|(name, _)| is_asked_for(name));
        self.page(items)
    }

    /// The page of `versions`, which are in no order: by number, the newest first unless `direction`
    /// says `FORWARD`.
    ///
    /// # Errors
    /// If `direction` or `startKey` is not allowed.
    pub fn cut_versions<T>(
        &self,
        versions: impl IntoIterator<Item = (u64, T)>,
    ) -> Result<(Cut<T>, &'static str), Problem> {
        let backward = match self.query.get("direction") {
            None => true,
            Some(text) if text.eq_ignore_ascii_case("backward") => true,
            Some(text) if text.eq_ignore_ascii_case("forward") => false,
            Some(text) => {
                return Err(Invalid::new("direction", text, "BACKWARD or FORWARD").into());
            }
        };
        let start: Option<u64> = match &self.start {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| {
                Problem::from(Invalid::new("startKey", text, "a version's number"))
            })?),
        };
        let mut versions: Vec<(u64, T)> = versions.into_iter().collect();
        versions.sort_by_key(|(number, _)| *number);
        if backward {
            versions.reverse();
        }
        let versions = versions.into_iter().skip_while(|(number, _)| match start {
            None => false,
            Some(start) if backward => *number > start,
            Some(start) => *number < start,
        });
        let page = self.page(versions.map(|(number, version)| (number.to_string(), version)));
        Ok((page, if backward { "BACKWARD" } else { "FORWARD" }))
    }

    fn page<T>(&self, mut rest: impl Iterator<Item = (String, T)>) -> Cut<T> {
        let items = rest.by_ref().take(self.limit).map(|(_, item)| item);
        let items = items.collect();
        let next = rest.next();
        Cut {
            items,
            next: next.map(|(name, _)| token::seal(&self.list, name.as_bytes())),
        }
    }
}

impl<T> Cut<T> {
    /// The answer's JSON: the items under `key`, and `nextToken` unless this is the last page.
    pub fn json(&self, key: &str, tell: impl FnMut(&T) -> Value) -> Map<String, Value> {
        let mut answer = Map::new();
        answer.insert(key.to_owned(), self.items.iter().map(tell).collect());
        if let Some(next) = &self.next {
            answer.insert("nextToken".to_owned(), next.clone().into());
        }
        answer
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.path(), Query::of(&parts.uri)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(query: &str) -> Result<Listing, Problem> {
        let uri = format!("/services?{query}").parse().unwrap();
        Listing::parse("/services", Query::of(&uri)?)
    }

    fn names() -> Vec<(String, usize)> {
        let names = ["aa", "ab", "ac", "b", "c"];
        names.into_iter().map(str::to_owned).zip(0..).collect()
    }

    fn token(json: &Map<String, Value>) -> Option<&str> {
        json.get("nextToken").and_then(Value::as_str)
    }

    #[test]
    fn a_list_is_walked_page_by_page_to_its_end() {
        let (mut seen, mut query) = (Vec::new(), "limit=2&prefix=a".to_owned());
        for _ in 0..3 {
            let page = listing(&query).unwrap().cut(names());
            seen.extend(page.items.clone());
            match token(&page.json("services", |_| Value::Null)) {
                Some(token) => query = format!("limit=1&prefix=a&nextToken={token}"),
                None => break,
            }
        }
        assert_eq!(seen, [0, 1, 2]);
        assert_eq!(
            listing("startKey=ac").unwrap().cut(names()).items,
            [2, 3, 4]
        );
    }

    #[test]
    fn a_token_is_of_its_list() {
        let page = listing("limit=1&prefix=a").unwrap().cut(names());
        let json = page.json("services", |_| Value::Null);
        let token = token(&json).unwrap();
        assert!(listing(&format!("prefix=a&nextToken={token}")).is_ok());
        for foreign in [
            format!("nextToken={token}"),
            format!("prefix=b&nextToken={token}"),
            format!("prefix=a&qualifier=1&nextToken={token}"),
            format!("prefix=a&nextToken={}", &token[1..]),
            "nextToken=abc".to_owned(),
        ] {
            let problem = listing(&foreign).unwrap_err();
            assert!(problem.message.contains("this very list"), "{foreign}");
        }
    }

    #[test]
    fn versions_are_in_the_order_of_their_numbers() {
        let versions = || [1, 10, 2, 9].map(|number| (number, number));
        let cut = |query: &str| listing(query).unwrap().cut_versions(versions());
        let (page, direction) = cut("").unwrap();
        assert_eq!((page.items, direction), (vec![10, 9, 2, 1], "BACKWARD"));
        assert_eq!(cut("direction=FORWARD").unwrap().0.items, [1, 2, 9, 10]);
        assert_eq!(cut("startKey=9").unwrap().0.items, [9, 2, 1]);
        let (page, _) = cut("limit=3&direction=forward").unwrap();
        let json = page.json("versions", |_| Value::Null);
        let token = token(&json).unwrap();
        let query = format!("direction=forward&nextToken={token}");
        assert_eq!(cut(&query).unwrap().0.items, [10]);
        for (query, says) in [
            ("direction=up", "BACKWARD or FORWARD"),
            ("startKey=x", "a version's number"),
        ] {
            assert!(cut(query).unwrap_err().message.contains(says));
        }
    }

    #[test]
    fn a_bad_limit_is_named_with_its_range() {
        for query in ["limit=0", "limit=101", "limit=x"] {
            let problem = listing(query).unwrap_err();
            assert!(problem.message.ends_with("a whole number from 1 to 100"));
        }
    }
}
