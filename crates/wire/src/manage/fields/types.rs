//! What members are, and must be.

use crate::openapi::schema::anything;
use serde_json::Value;
use utoipa::openapi::{
    ObjectBuilder, Schema,
    schema::{self, ArrayBuilder},
};

/// What a member must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::manage) enum Type {
    Text,
    Whole,
    Number,
    Flag,
    Object,
    List,
}

impl Type {
    pub(super) fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Whole => value.is_u64() || value.is_i64(),
            Self::Number => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::List => value.is_array(),
        }
    }

    pub(super) fn schema(self) -> Schema {
        let schema_type = match self {
            Self::Text => schema::Type::String,
            Self::Whole => schema::Type::Integer,
            Self::Number => schema::Type::Number,
            Self::Flag => schema::Type::Boolean,
            Self::Object => schema::Type::Object,
            Self::List => return ArrayBuilder::new().items(anything()).into(),
        };
        ObjectBuilder::new().schema_type(schema_type).into()
    }

    pub(super) const fn describe(self) -> &'static str {
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

/// What `value` is.
pub(super) const fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
