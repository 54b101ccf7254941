//! The query string, parameter by parameter.

use crate::Problem;
use ekiden_domain::Invalid;
use http::Uri;
use percent_encoding::percent_decode_str;
use std::{collections::BTreeMap, str::FromStr};

/// A query's parameters, decoded. One that is empty counts as not given, as SDKs send those they
/// were not given a value for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// The parameters of `uri`.
    ///
    /// # Errors
    /// If a name or value is not UTF-8, or a parameter is given twice.
    pub fn of(uri: &Uri) -> Result<Self, Problem> {
        let mut parameters = BTreeMap::new();
        let pairs = uri.query().unwrap_or_default().split('&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode("a query parameter's name", name)?;
            let value = decode(&name, value)?;
            if value.is_empty() {
                continue;
            }
            if let Some(first) = parameters.insert(name.clone(), value) {
                return Err(Invalid::new(name, &first, "given once").into());
            }
        }
        Ok(Self(parameters))
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All parameters but those of these names, in order.
    pub(crate) fn without(&self, names: &[&str]) -> String {
        let rest = self
            .0
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()));
        serde_json::json!(rest.collect::<Vec<_>>()).to_string()
    }

    /// The value of `name` as a `T`.
    ///
    /// # Errors
    /// If it is none; names the parameter.
    pub fn parse<T: FromStr<Err = Invalid>>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.get(name)
            .map(|text| {
                text.parse()
                    .map_err(|invalid: Invalid| invalid.of_field(name))
            })
            .transpose()
            .map_err(Problem::from)
    }

    /// The value of `name` as a whole number in `range`.
    ///
    /// # Errors
    /// If it is none; names the parameter and the range.
    pub fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>, Problem> {
        self.get(name)
            .map(|text| whole_number(name, text, range))
            .transpose()
            .map_err(Problem::from)
    }

    /// The value of `name` as `true` or `false` in any case: Python's SDKs send `True`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.get(name)
            .map(|text| boolean(name, text))
            .transpose()
            .map_err(Problem::from)
    }
}

/// `text` as a whole number in `range`.
///
/// # Errors
/// If it is none; names `field` and the range.
pub(crate) fn whole_number(
    field: &str,
    text: &str,
    range: std::ops::RangeInclusive<i64>,
) -> Result<i64, Invalid> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            Invalid::new(
                field,
                text,
                format!("a whole number from {least} to {most}"),
            )
        })
}

/// `text` as `true` or `false` in any case.
///
/// # Errors
/// If it is neither; names `field`.
pub(crate) fn boolean(field: &str, text: &str) -> Result<bool, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Invalid::new(field, text, "true or false")),
    }
}

fn decode(field: &str, text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(Invalid::new(field, text, "percent-encoded UTF-8").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query, Problem> {
        Query::of(&format!("/x?{text}").parse().unwrap())
    }

    #[test]
    fn values_are_decoded_and_empty_ones_are_not_given() {
        let query = query("a=b%2Fc+d&empty=&bare&=x&e=%C3%A9").unwrap();
        assert_eq!(query.get("a"), Some("b/c d"));
        assert_eq!(query.get("e"), Some("é"));
        assert_eq!((query.get("empty"), query.get("bare")), (None, None));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (text, name) in [("a=1&a=2", "a '1'"), ("a=%FF", "a '%FF'")] {
            let problem = query(text).unwrap_err();
            assert!(problem.message.starts_with(name), "{}", problem.message);
        }
    }

    #[test]
    fn numbers_and_flags_keep_to_their_range() {
        let query = query("n=7&big=101&neg=-1&plus=%2B5&word=x&t=True&f=false").unwrap();
        assert_eq!(query.number("n", 1..=100), Ok(Some(7)));
        assert_eq!(query.number("absent", 1..=100), Ok(None));
        for name in ["big", "neg", "plus", "word"] {
            let problem = query.number(name, 1..=100).unwrap_err();
            assert!(problem.message.starts_with(name));
            assert!(problem.message.ends_with("a whole number from 1 to 100"));
        }
        assert_eq!(query.flag("t"), Ok(Some(true)));
        assert_eq!(query.flag("f"), Ok(Some(false)));
        assert!(query.flag("word").is_err());
    }
}
