//! Who may do what: access keys, their scopes, and the functions they are for.

use crate::{FunctionName, Invalid};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// What an access key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Enqueue and stop invocations.
    Invoke,
    /// See invocations and functions.
    Read,
    /// Register, change and delete functions.
    Manage,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Invoke, Self::Read, Self::Manage];

    /// The scope as users spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Read => "read",
            Self::Manage => "manage",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| Invalid::new("scope", text, "invoke, read or manage"))
    }
}

/// Some functions: `service/function`, or the beginning of such a name and a `*`, which stands for
/// anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FunctionPattern(String);

impl FunctionPattern {
    /// Whether `function` is one of them.
    #[must_use]
    pub fn matches(&self, function: &FunctionName) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => function.as_str().starts_with(start),
            None => function.as_str() == self.0,
        }
    }
}

impl FromStr for FunctionPattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // It is the beginning of a name if some name continues it.
        let sample = match text.strip_suffix('*') {
            Some("") => "x/x".to_owned(),
            Some(start) if start.contains('/') => format!("{start}x"),
            Some(start) => format!("{start}/x"),
            None => text.to_owned(),
        };
        if sample.parse::<FunctionName>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        let allowed = "SERVICE/FUNCTION, where a '*' at the end stands for anything";
        Err(Invalid::new("functions", text, allowed))
    }
}

impl TryFrom<String> for FunctionPattern {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<FunctionPattern> for String {
    fn from(pattern: FunctionPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for FunctionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An access key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its public name: see [`AccessKey::parse_id`].
    pub id: String,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// The functions it may be used for; `None` is all, and everything that is no function's.
    pub functions: Option<Vec<FunctionPattern>>,
}

impl AccessKey {
    /// A key's public name: 1 to 128 letters, digits, '.', '_' or '-'.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse_id(text: &str) -> Result<String, Invalid> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if (1..=128).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(text.to_owned());
        }
        let allowed = "1 to 128 letters, digits, '.', '_' or '-'";
        Err(Invalid::new("id", text, allowed))
    }

    /// Whether it may be used for `scope` on `function`; `None` is what concerns all functions.
    #[must_use]
    pub fn may(&self, scope: Scope, function: Option<&FunctionName>) -> bool {
        let covers = match (&self.functions, function) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(patterns), Some(function)) => patterns.iter().any(|p| p.matches(function)),
        };
        covers && self.scopes.contains(&scope)
    }
}

/// Text that no message, log line or debug output shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret that `text` is.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Result<FunctionPattern, Invalid> {
        text.parse()
    }

    #[test]
    fn a_pattern_is_a_name_or_its_beginning() {
        let thumb: FunctionName = "media/thumb".parse().unwrap();
        for (text, matches) in [
            ("*", true),
            ("media/*", true),
            ("med*", true),
            ("media/thumb", true),
            ("media/th*", true),
            ("media/thumbs", false),
            ("mail/*", false),
        ] {
            assert_eq!(pattern(text).unwrap().matches(&thumb), matches, "{text}");
        }
        for bad in ["", "media", "*/x", "me*dia/x", "1*", "media/x/*"] {
            assert!(pattern(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_may_what_its_scopes_and_functions_say() {
        let mut key = AccessKey {
            id: "k".to_owned(),
            scopes: BTreeSet::from([Scope::Read]),
            functions: Some(vec![pattern("media/*").unwrap()]),
        };
        let (media, mail) = ("media/f".parse().unwrap(), "mail/f".parse().unwrap());
        assert!(key.may(Scope::Read, Some(&media)));
        assert!(!key.may(Scope::Invoke, Some(&media)));
        assert!(!key.may(Scope::Read, Some(&mail)));
        assert!(!key.may(Scope::Read, None));
        key.functions = None;
        assert!(key.may(Scope::Read, Some(&mail)));
        assert!(key.may(Scope::Read, None));
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("hidden")), "Secret");
    }
}
