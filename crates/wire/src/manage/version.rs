//! A published version.

use super::{Fields, FromFields, MAX_DESCRIPTION, time};
use crate::Problem;
use ekiden_domain::{Entry, registry::Version};
use serde_json::{Value, json};

/// A version as a request to publish it describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionBody {
    /// A person's note.
    pub description: String,
}

impl FromFields for VersionBody {
    fn from_fields(mut fields: Fields) -> Result<Self, Problem> {
        let description = fields.text("description", MAX_DESCRIPTION)?;
        Ok(Self {
            description: description.unwrap_or_default(),
        })
    }
}

/// The JSON of the version that `id` names.
#[must_use]
pub fn json(id: &str, entry: &Entry<Version>) -> Value {
    json!({
        "versionId": id,
        "description": entry.value.description,
        "createdTime": time(entry.created_at),
        "lastModifiedTime": time(entry.changed_at),
    })
}
