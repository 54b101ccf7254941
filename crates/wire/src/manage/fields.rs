//! The JSON object that a request's body is, member by member.

mod notes;
mod types;

pub(super) use types::Type;

use crate::{
    Problem,
    openapi::schema::{anything, flag, text, whole},
};
use ekiden_domain::Invalid;
use notes::Notes;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use types::describe;
use utoipa::openapi::{ObjectBuilder, Schema, schema};

/// The most bytes of a body: room for a code package, which FC's clients send with a function.
pub const MAX_BODY: usize = 64 * 1024 * 1024;
/// How deep a body may nest. What is kept of it is read again from within other JSON, and a reader has
/// a limit of its own.
const MAX_DEPTH: usize = 32;

/// What a request says of a resource.
pub trait FromFields: Sized {
    /// The resource, as its description names it.
    const NAME: &'static str;
    /// The members that it takes to make one.
    const REQUIRED: &'static [&'static str] = &[];

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
    /// Takes down what is asked for, where there is no body but one is to be described.
    notes: Option<Notes>,
}

/// The schema of the bodies that `T` reads: whatever it asks for.
pub(super) fn schema<T: FromFields>() -> ObjectBuilder {
    let notes = Notes::default();
    let fields = Fields {
        notes: Some(notes.clone()),
        ..Fields::default()
    };
    // What it makes of a body without members does not matter.
    drop(T::from_fields(fields));
    notes.schema()
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
        Self {
            path,
            members,
            notes: None,
        }
    }

    fn note<S: Into<Schema>>(&self, name: &str, schema: impl FnOnce() -> S) {
        if let Some(notes) = &self.notes {
            notes.value(name, schema().into());
        }
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
        self.note(name, || {
            text().max_length(Some(max).filter(|max| *max < MAX_BODY))
        });
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
        self.note(name, || whole(range.clone()));
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
        self.note(name, || {
            let number = ObjectBuilder::new().schema_type(schema::Type::Number);
            number.minimum(Some(0)).maximum(Some(1))
        });
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
        self.note(name, flag);
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
        if let Some(notes) = &self.notes {
            return Ok(Some(Self {
                notes: Some(notes.object(name)),
                ..Self::default()
            }));
        }
        match self.take(name) {
            None => Ok(None),
            Some((field, Value::Object(members))) => {
                Ok(Some(Self::new(format!("{field}."), members)))
            }
            Some((field, other)) => Err(wrong(&field, &other, "an object")),
        }
    }

    /// Takes each member that was not taken yet, whatever its name.
    pub(super) fn each(
        mut self,
        mut take: impl FnMut(&mut Self, String) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if self.notes.is_some() {
            // A name that stands for all need not be one that is allowed.
            drop(take(&mut self, notes::ANY.to_owned()));
            return Ok(());
        }
        let names: Vec<String> = self.members.keys().cloned().collect();
        names.into_iter().try_for_each(|name| take(&mut self, name))
    }

    /// Whether every member was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
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
        self.note(notes::ANY, anything);
        for (name, must_be) in types {
            self.note(name, || must_be.schema());
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

/// How many lists and objects there are within each other at most.
fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

/// That `value` is of a wrong type. It is not shown: it may hold a secret.
fn wrong(field: &str, value: &Value, allowed: &str) -> Problem {
    let is = describe(value);
    Problem::invalid_argument(format!("{field} is {is}, but it must be {allowed}"))
}

#[cfg(test)]
mod tests;
