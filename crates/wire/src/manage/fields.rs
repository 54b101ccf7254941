//! The JSON object that a request's body is, member by member.

use crate::Problem;
use ekiden_domain::Invalid;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// The most bytes of a body: room for a code package, which FC's clients send with a function.
pub const MAX_BODY: usize = 64 * 1024 * 1024;
/// How deep a body may nest. What is kept of it is read again from within other JSON, and a reader has
/// a limit of its own.
const MAX_DEPTH: usize = 32;

/// What a request says of a resource.
pub trait FromFields: Sized {
    /// Reads and checks it.
    ///
    /// # Errors
    /// If something is not allowed; names it.
    fn from_fields(fields: Fields) -> Result<Self, Problem>;
}

/// A JSON object whose members are taken one by one. One that is null counts as not given, as SDKs
/// send those they were not given a value for.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// What stands before a member's name where one is named: nothing, or `outer.`.
    path: String,
    members: Map<String, Value>,
}

/// What a member must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Whole,
    Number,
    Flag,
    Object,
    List,
}

impl Fields {
    /// The members of the object that `bytes` are; none if there are no bytes.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let refused = |what: String| {
            Problem::invalid_argument(format!("the body must be a JSON object, but {what}"))
        };
        match serde_json::from_slice(bytes) {
            Ok(body) if depth(&body) > MAX_DEPTH => {
                Err(refused(format!("it nests more than {MAX_DEPTH} deep")))
            }
            Ok(Value::Object(members)) => Ok(Self::new(String::new(), members)),
            Ok(other) => Err(refused(format!("it is {}", describe(&other)))),
            // Syntax errors quote nothing of what was sent.
            Err(error) => Err(refused(format!("it is not JSON: {error}"))),
        }
    }

    fn new(path: String, mut members: Map<String, Value>) -> Self {
        members.retain(|_, value| !value.is_null());
        Self { path, members }
    }

    fn take(&mut self, name: &str) -> Option<(String, Value)> {
        let value = self.members.remove(name)?;
        Some((format!("{}{name}", self.path), value))
    }

    /// The text `name`, of at most `max` bytes.
    ///
    /// # Errors
    /// If it is none.
    pub fn text(&mut self, name: &str, max: usize) -> Result<Option<String>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some((_, Value::String(text))) if text.len() <= max => Ok(Some(text)),
            Some((field, Value::String(text))) => {
                Err(Invalid::new(field, &text, format!("at most {max} bytes long")).into())
            }
            Some((field, other)) => Err(wrong(&field, &other, "a string")),
        }
    }

    /// The whole number `name` in `range`.
    ///
    /// # Errors
    /// If it is none.
    pub fn whole(
        &mut self,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Problem> {
        let Some((field, value)) = self.take(name) else {
            return Ok(None);
        };
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        let Value::Number(number) = &value else {
            return Err(wrong(&field, &value, &allowed));
        };
        match number.as_u64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(Invalid::new(field, &number.to_string(), allowed).into()),
        }
    }

    /// The number `name` from 0 to 1.
    pub(super) fn share(&mut self, name: &str) -> Result<Option<f64>, Problem> {
        const ALLOWED: &str = "a number from 0 to 1";
        let Some((field, value)) = self.take(name) else {
            return Ok(None);
        };
        let Value::Number(number) = &value else {
            return Err(wrong(&field, &value, ALLOWED));
        };
        match number.as_f64().filter(|share| (0.0..=1.0).contains(share)) {
            Some(share) => Ok(Some(share)),
            None => Err(Invalid::new(field, &number.to_string(), ALLOWED).into()),
        }
    }

    /// Whether `name` is true.
    ///
    /// # Errors
    /// If it is neither true nor false.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some((_, Value::Bool(flag))) => Ok(Some(flag)),
            Some((field, other)) => Err(wrong(&field, &other, "true or false")),
        }
    }

    /// The object `name`.
    ///
    /// # Errors
    /// If it is none.
    pub fn object(&mut self, name: &str) -> Result<Option<Self>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some((field, Value::Object(members))) => {
                Ok(Some(Self::new(format!("{field}."), members)))
            }
            Some((field, other)) => Err(wrong(&field, &other, "an object")),
        }
    }

    /// The names of the members that were not taken yet.
    pub(super) fn names(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    /// Gives the member `old` the name `new`, unless there is one of that name.
    pub(super) fn rename(&mut self, old: &str, new: &str) {
        if let Some(value) = self.members.remove(old) {
            self.members.entry(new).or_insert(value);
        }
    }

    /// Forgets the members of these names.
    pub(super) fn forget(&mut self, names: &[&str]) {
        self.members
            .retain(|name, _| !names.contains(&name.as_str()));
    }

    /// Whatever was not taken, if those of `types` are what they must be.
    pub(super) fn rest(self, types: &[(&str, Type)]) -> Result<Map<String, Value>, Problem> {
        for (name, must_be) in types {
            if let Some(value) = self.members.get(*name)
                && !must_be.fits(value)
            {
                let field = format!("{}{name}", self.path);
                return Err(wrong(&field, value, must_be.describe()));
            }
        }
        Ok(self.members)
    }
}

impl Type {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Whole => value.is_u64() || value.is_i64(),
            Self::Number => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::List => value.is_array(),
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Flag => "true or false",
            Self::Object => "an object",
            Self::List => "a list",
        }
    }
}

/// That `value` is of a wrong type. It is not shown: it may hold a secret.
fn wrong(field: &str, value: &Value, allowed: &str) -> Problem {
    let is = describe(value);
    Problem::invalid_argument(format!("{field} is {is}, but it must be {allowed}"))
}

const fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// How many lists and objects there are within each other at most.
fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

#[cfg(test)]
mod tests;
