//! A published version.

use super::{Fields, FromFields, MAX_DESCRIPTION, time};
use crate::Problem;
use ekiden_domain::{Entry, registry::Version};
use serde::Serialize;
use utoipa::ToSchema;

/// A version as a request to publish it describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionBody {
    /// A person's note.
    pub description: String,
}

impl FromFields for VersionBody {
    const NAME: &'static str = "Version";

    fn from_fields(mut fields: Fields) -> Result<Self, Problem> {
        let description = fields.text("description", MAX_DESCRIPTION)?;
        Ok(Self {
            description: description.unwrap_or_default(),
        })
    }
}

/// A version as an answer tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Version)]
pub struct Told {
    /// Its number.
    version_id: String,
    description: String,
    created_time: String,
    last_modified_time: String,
}

impl Told {
    /// The version that `id` names.
    #[must_use]
    pub fn of(id: &str, entry: &Entry<Version>) -> Self {
        Self {
            version_id: id.to_owned(),
            description: entry.value.description.clone(),
            created_time: time(entry.created_at),
            last_modified_time: time(entry.changed_at),
        }
    }
}

/// A page of versions as an answer tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = VersionList)]
pub struct Page {
    pub(super) versions: Vec<Told>,
    /// Leads to the next page; the last has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) next_token: Option<String>,
    /// Which way the list runs over the numbers.
    pub(super) direction: &'static str,
}
