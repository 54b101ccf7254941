//! A list of what is registered, page by page.

mod versions;

pub use versions::VersionListing;

use crate::{
    Paged, Problem, Query,
    openapi::{
        Describe, Operation,
        schema::{text, whole},
    },
    token,
};
use axum::extract::FromRequestParts;
use http::request::Parts;

const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: i64 = 100;

const LIMIT: &str = "limit";
const NEXT_TOKEN: &str = "nextToken";
const START_KEY: &str = "startKey";
const PREFIX: &str = "prefix";
/// What may differ from page to page; everything else makes the list.
const OF_THE_PAGE: [&str; 3] = [LIMIT, NEXT_TOKEN, START_KEY];

/// A list as a request asks for it, in the order of names. `LEAST` is the least limit that it takes; 0
/// counts as not given, as FC allows it for one list and does not say what it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<const LEAST: i64 = 1> {
    prefix: String,
    window: Window,
}

/// Which part of a list a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    limit: usize,
    /// The name that the page begins with, or after which the first name follows.
    start: Option<String>,
    /// Which list it is: what its tokens are bound to.
    list: String,
}

impl Window {
    fn parse(path: &str, query: &Query, least: i64) -> Result<Self, Problem> {
        let limit = query.number(LIMIT, least..=MAX_LIMIT)?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.filter(|limit| *limit > 0);
        let list = format!("{path}?{}", query.without(&OF_THE_PAGE));
        let start = match query.get(NEXT_TOKEN) {
            Some(token) => {
                let said = token::open(&list, token)?;
                Some(String::from_utf8(said).map_err(|_| token::refused(token))?)
            }
            None => query.get(START_KEY).map(str::to_owned),
        };
        Ok(Self {
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            start,
            list,
        })
    }

    /// As much of `rest`, which begins with the page, as belongs to it, told by `tell`; and the next
    /// page's token.
    fn page<T, U>(
        &self,
        mut rest: impl Iterator<Item = (String, T)>,
        mut tell: impl FnMut(T) -> U,
    ) -> (Vec<U>, Option<String>) {
        let items = rest.by_ref().take(self.limit);
        let items = items.map(|(_, item)| tell(item)).collect();
        let next = rest.next();
        let next = next.map(|(name, _)| token::seal(&self.list, name.as_bytes()));
        (items, next)
    }

    fn describe(operation: &mut Operation, start_key: &str, least: i64) {
        let limit = whole(least..=MAX_LIMIT).default(Some(DEFAULT_LIMIT.into()));
        operation.query(LIMIT, limit, "How many on a page at most.");
        operation.query(NEXT_TOKEN, text(), "The `nextToken` of the page before.");
        operation.query(START_KEY, text(), start_key);
    }
}

impl<const LEAST: i64> Listing<LEAST> {
    fn parse(path: &str, query: &Query) -> Result<Self, Problem> {
        Ok(Self {
            prefix: query.get(PREFIX).unwrap_or_default().to_owned(),
            window: Window::parse(path, query, LEAST)?,
        })
    }

    /// The page of `items`, which are in the order of their names, told by `tell`.
    pub fn page<T, U>(
        &self,
        items: impl IntoIterator<Item = (String, T)>,
        tell: impl FnMut(T) -> U,
    ) -> Paged<U> {
        let start = self.window.start.as_deref().unwrap_or_default();
        let is_asked_for = |name: &str| name.starts_with(&self.prefix) && name >= start;
        let items = items.into_iter().filter(|(name, _)| is_asked_for(name));
        let (items, next) = self.window.page(items, tell);
        Paged::new(items, next)
    }
}

impl<S: Send + Sync, const LEAST: i64> FromRequestParts<S> for Listing<LEAST> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.path(), &Query::of(&parts.uri)?)
    }
}

impl<const LEAST: i64> Describe for Listing<LEAST> {
    fn describe(operation: &mut Operation) {
        let start_key = "The name that the page begins with or after.";
        Window::describe(operation, start_key, LEAST);
        operation.query(PREFIX, text(), "Only names that begin so.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ekiden_domain::{Entry, Timestamp, registry};
    use serde_json::{Value, json};

    fn listing(query: &str) -> Result<Listing, Problem> {
        at_least(query)
    }

    fn at_least<const LEAST: i64>(query: &str) -> Result<Listing<LEAST>, Problem> {
        let uri = format!("/services?{query}").parse().unwrap();
        Listing::parse("/services", &Query::of(&uri)?)
    }

    /// The page of the aliases `aa` to `c`, as JSON.
    fn page(query: &str) -> Value {
        let alias = Entry {
            value: registry::Alias {
                version: "1".parse().unwrap(),
                description: String::new(),
                additional: Default::default(),
            },
            revision: 1,
            created_at: Timestamp::from_millis(0),
            changed_at: Timestamp::from_millis(0),
        };
        let names = ["aa", "ab", "ac", "b", "c"].map(str::to_owned);
        let names = names.into_iter().map(|name| (name.clone(), name));
        let tell = |name: String| crate::manage::alias::Told::of(&name, &alias);
        serde_json::to_value(listing(query).unwrap().page(names, tell)).unwrap()
    }

    fn names(page: &Value) -> Vec<&str> {
        let items = page["aliases"].as_array().unwrap().iter();
        items
            .map(|item| item["aliasName"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn a_list_is_walked_page_by_page_to_its_end() {
        let first = page("limit=2&prefix=a");
        assert_eq!(names(&first), ["aa", "ab"]);
        let token = first["nextToken"].as_str().unwrap();
        let last = page(&format!("limit=1&prefix=a&nextToken={token}"));
        assert_eq!(names(&last), ["ac"]);
        assert_eq!(last.get("nextToken"), None);
        assert_eq!(names(&page("startKey=ac")), ["ac", "b", "c"]);
        assert_eq!(page("prefix=x"), json!({ "aliases": [] }));
    }

    #[test]
    fn a_token_is_of_its_list() {
        let page = page("limit=1&prefix=a");
        let token = page["nextToken"].as_str().unwrap();
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
    fn a_bad_limit_is_named_with_its_range() {
        for query in ["limit=0", "limit=101", "limit=x"] {
            let problem = listing(query).unwrap_err();
            assert!(problem.message.ends_with("a whole number from 1 to 100"));
        }
    }

    #[test]
    fn where_a_limit_may_be_0_it_counts_as_not_given() {
        let zero = at_least::<0>("limit=0").unwrap();
        assert_eq!(zero.window.limit, DEFAULT_LIMIT);
        let problem = at_least::<0>("limit=-1").unwrap_err();
        assert!(problem.message.ends_with("a whole number from 0 to 100"));
    }
}
