//! Names given by users, parsed once at the edge. They are shared, not copied: every step of an
//! invocation has them.

use crate::Invalid;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// FC's longest name of a service.
pub const MAX_SERVICE: usize = 128;
/// FC's longest name of a function.
pub const MAX_FUNCTION: usize = 64;
/// FC's longest name of an alias, and longest id that a client gives an invocation.
pub const MAX_ID: usize = 128;
/// The most digits of a version's number.
const MAX_DIGITS: usize = 19;

/// Whether `text` is 1 to `max` of `[A-Za-z0-9_-]` and begins with a letter or `_`: FC's rule for
/// the names of services, functions, aliases and tasks.
fn is_word(text: &str, max: usize) -> bool {
    let mut bytes = text.bytes();
    text.len() <= max
        && bytes
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The regular expression, without anchors, of names of up to `max` characters, for those who
/// describe them.
#[must_use]
pub fn word_pattern(max: usize) -> String {
    format!("[A-Za-z_][A-Za-z0-9_-]{{0,{}}}", max.saturating_sub(1))
}

macro_rules! string_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }
    };
}

string_name! {
    /// A function within its service, written `service/function`. FC: a service has 1 to 128, a
    /// function 1 to 64 of `[A-Za-z0-9_-]`, beginning with a letter or `_`.
    FunctionName
}

/// The service in which functions live that were addressed the FC 3.0 way, which has no services.
pub const DEFAULT_SERVICE: &str = "default";

const WORD: &str = "letters, digits, '_' or '-', beginning with a letter or '_'";

/// Checks that `text` is the name of a service. FC: 1 to 128 of `[A-Za-z0-9_-]`, beginning with a
/// letter or `_`.
///
/// # Errors
/// Names `serviceName` if it is none.
pub fn check_service(text: &str) -> Result<(), Invalid> {
    if is_word(text, MAX_SERVICE) {
        return Ok(());
    }
    Err(Invalid::new(
        "serviceName",
        text,
        format!("1 to {MAX_SERVICE} {WORD}"),
    ))
}

impl FunctionName {
    /// The function `function` of the service `service`.
    ///
    /// # Errors
    /// Names `serviceName` or `functionName`, whichever is not a name.
    pub fn new(service: &str, function: &str) -> Result<Self, Invalid> {
        check_service(service)?;
        if !is_word(function, MAX_FUNCTION) {
            let allowed = format!("1 to {MAX_FUNCTION} {WORD}");
            return Err(Invalid::new("functionName", function, allowed));
        }
        Ok(Self(format!("{service}/{function}").into()))
    }

    /// The service's name.
    #[must_use]
    pub fn service(&self) -> &str {
        self.0.split_once('/').map_or("", |(service, _)| service)
    }

    /// The function's name within its service.
    #[must_use]
    pub fn function(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, function)| function)
    }
}

impl FromStr for FunctionName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (service, function) = text
            .split_once('/')
            .ok_or_else(|| Invalid::new("function", text, "written SERVICE/FUNCTION"))?;
        Self::new(service, function)
    }
}

string_name! {
    /// A caller's name for an invocation (FC's task id): given by the client, or else the text of
    /// the request id. Unique within its function.
    InvocationId
}

impl From<crate::RequestId> for InvocationId {
    fn from(id: crate::RequestId) -> Self {
        Self(id.to_string().into())
    }
}

impl InvocationId {
    /// The id as it stands in a path or a store: one a client gave, or a request id.
    ///
    /// # Errors
    /// If it could be neither: then no invocation has it.
    pub fn lookup(text: &str) -> Result<Self, Invalid> {
        match text.parse::<Self>() {
            Ok(id) => Ok(id),
            Err(error) => text
                .parse::<crate::RequestId>()
                .map(Self::from)
                .map_err(|_| error),
        }
    }
}

impl FromStr for InvocationId {
    type Err = Invalid;

    /// An id that a client gives. FC: 1 to 128 of `[A-Za-z0-9_-]`, beginning with a letter or `_`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if is_word(text, MAX_ID) {
            return Ok(Self(text.into()));
        }
        let allowed = format!("1 to {MAX_ID} {WORD}");
        Err(Invalid::new("invocationId", text, allowed))
    }
}

string_name! {
    /// Which state of a function is meant: `LATEST`, a version's number, or an alias.
    Qualifier
}

impl Qualifier {
    /// The unpublished head of a function: what is meant where no qualifier is given.
    #[must_use]
    pub fn latest() -> Self {
        Self("LATEST".into())
    }

    /// The published version of this number.
    #[must_use]
    pub fn version(number: u64) -> Self {
        Self(number.to_string().into())
    }

    /// The regular expression, without anchors, of all that parses, for those who describe it.
    #[must_use]
    pub fn pattern() -> String {
        format!("([0-9]{{1,{MAX_DIGITS}}}|{})", word_pattern(MAX_ID))
    }

    /// Whether it is a version's number.
    #[must_use]
    pub fn is_version(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_digit())
    }
}

impl FromStr for Qualifier {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let is_version = (1..=MAX_DIGITS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_version || is_word(text, MAX_ID) {
            return Ok(Self(text.into()));
        }
        Err(Invalid::new(
            "qualifier",
            text,
            "LATEST, a version's number, or an alias of 1 to 128 letters, digits, '_' or '-' \
             beginning with a letter or '_'",
        ))
    }
}

string_name! {
    /// A dispatch queue's name: functions of one lane wait in one line.
    Lane
}

impl Lane {
    /// The lane of every function that names no other and has no `max_concurrency`.
    #[must_use]
    pub fn shared() -> Self {
        Self("default".into())
    }

    /// The lane that a function with a `max_concurrency` has for itself.
    #[must_use]
    pub fn own(function: &FunctionName) -> Self {
        Self(format!("fn.{}.{}", function.service(), function.function()).into())
    }
}

impl FromStr for Lane {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fits = (1..=200).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if fits {
            return Ok(Self(text.into()));
        }
        Err(Invalid::new(
            "lane",
            text,
            "1 to 200 letters, digits, '.', '_' or '-'",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(pattern: &str) -> regex::Regex {
        regex::Regex::new(&format!("^{pattern}$")).unwrap()
    }

    proptest! {
        #[test]
        fn the_pattern_of_words_says_what_is_one(text in "[A-Za-z0-9_é.\n-]{0,9}", max in 1..9_usize) {
            let pattern = whole(&word_pattern(max));
            prop_assert_eq!(pattern.is_match(&text), is_word(&text, max));
        }

        #[test]
        fn the_pattern_of_qualifiers_says_what_is_one(text in "[0-9]{0,21}|[A-Za-z0-9_.-]{0,9}") {
            let pattern = whole(&Qualifier::pattern());
            prop_assert_eq!(pattern.is_match(&text), text.parse::<Qualifier>().is_ok());
        }
    }

    #[test]
    fn a_function_name_has_two_words() {
        let name: FunctionName = "media/thumb-nail_2".parse().unwrap();
        assert_eq!((name.service(), name.function()), ("media", "thumb-nail_2"));
        for bad in [
            "", "media", "/f", "s/", "1s/f", "s/-f", "s/f/g", "s/f\0", "s/é",
        ] {
            assert!(bad.parse::<FunctionName>().is_err(), "{bad:?}");
        }
        assert!(FunctionName::new(&"s".repeat(128), &"f".repeat(64)).is_ok());
        assert_eq!(
            FunctionName::new(&"s".repeat(129), "f").unwrap_err().field,
            "serviceName"
        );
        assert_eq!(
            FunctionName::new("s", &"f".repeat(65)).unwrap_err().field,
            "functionName"
        );
    }

    #[test]
    fn only_a_client_s_id_must_not_begin_with_a_digit() {
        assert!(
            "0190d0b4-0000-7000-8000-000000000000"
                .parse::<InvocationId>()
                .is_err()
        );
        assert!(InvocationId::lookup("0190d0b4-0000-7000-8000-000000000000").is_ok());
        assert!("a".repeat(128).parse::<InvocationId>().is_ok());
        assert!("a".repeat(129).parse::<InvocationId>().is_err());
    }

    #[test]
    fn a_qualifier_is_a_word_or_a_version() {
        for good in ["LATEST", "1", "42", "prod", "_x-1"] {
            assert!(good.parse::<Qualifier>().is_ok(), "{good}");
        }
        for bad in ["", "1a", "-x", "a b", "12345678901234567890"] {
            assert!(bad.parse::<Qualifier>().is_err(), "{bad}");
        }
    }
}
