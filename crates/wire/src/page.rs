//! One page of a list, as it is answered.

use crate::openapi::schema::text;
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, Ref, RefOr, Schema},
};

/// What there are lists of.
pub trait Item: Serialize + ToSchema {
    /// The key that a list has its items under.
    const LIST: &'static str;
}

/// `{"<items>": [...]}`, with `nextToken` unless this is the last page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paged<T> {
    items: Vec<T>,
    next_token: Option<String>,
}

impl<T> Paged<T> {
    /// The page that has these items.
    pub fn new(items: impl IntoIterator<Item = T>, next_token: Option<String>) -> Self {
        Self {
            items: items.into_iter().collect(),
            next_token,
        }
    }
}

impl<T: Item> Serialize for Paged<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(T::LIST, &self.items)?;
        if let Some(next) = &self.next_token {
            map.serialize_entry("nextToken", next)?;
        }
        map.end()
    }
}

impl<T: Item> PartialSchema for Paged<T> {
    fn schema() -> RefOr<Schema> {
        let token = "Leads to the next page; the last has none.";
        ObjectBuilder::new()
            .property(T::LIST, Ref::from_schema_name(T::name()).to_array_builder())
            .required(T::LIST)
            .property("nextToken", text().description(Some(token)))
            .into()
    }
}

impl<T: Item> ToSchema for Paged<T> {
    fn name() -> Cow<'static, str> {
        format!("{}List", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}
