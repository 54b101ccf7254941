//! A service: FC 2.0's name for functions that belong together.

use super::{
    Fields, FromFields, MAX_DESCRIPTION, check_attributes, check_name, fields::Type, id, time,
};
use crate::{Item, Problem};
use ekiden_domain::{Entry, name::check_service, registry::Service};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

const TYPES: &[(&str, Type)] = &[
    ("role", Type::Text),
    ("internetAccess", Type::Flag),
    ("logConfig", Type::Object),
    ("vpcConfig", Type::Object),
    ("nasConfig", Type::Object),
    ("ossMountConfig", Type::Object),
    ("tracingConfig", Type::Object),
];

/// What is answered and never asked: a client that sends back what it got means nothing by it.
const TOLD: [&str; 3] = ["serviceId", "createdTime", "lastModifiedTime"];

/// A service as a request describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceBody {
    name: Option<String>,
    attributes: Map<String, Value>,
}

impl FromFields for ServiceBody {
    const NAME: &'static str = "Service";
    const REQUIRED: &'static [&'static str] = &["serviceName"];

    fn from_fields(mut fields: Fields) -> Result<Self, Problem> {
        let name = fields.text("serviceName", usize::MAX)?;
        let description = fields.text("description", MAX_DESCRIPTION)?;
        fields.forget(&TOLD);
        let mut attributes = fields.rest(TYPES)?;
        attributes.extend(description.map(|text| ("description".to_owned(), text.into())));
        Ok(Self { name, attributes })
    }
}

impl ServiceBody {
    /// The service that is to be made, and its name.
    ///
    /// # Errors
    /// If it has no name, or more attributes than are kept.
    pub fn create(&self) -> Result<(&str, Service), Problem> {
        let name = self.name.as_deref();
        let name = name.ok_or_else(|| Problem::required("serviceName"))?;
        check_service(name)?;
        Ok((name, self.update(name, &Service::default())?))
    }

    /// The service `name`, which was `old`, as it is to be: what is not given stays.
    ///
    /// # Errors
    /// If another name is given, or it would have more attributes than are kept.
    pub fn update(&self, name: &str, old: &Service) -> Result<Service, Problem> {
        check_name("serviceName", self.name.as_deref(), name)?;
        let mut new = old.clone();
        new.attributes.extend(self.attributes.clone());
        check_attributes(&new.attributes)?;
        Ok(new)
    }
}

/// A service as an answer tells it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Service)]
pub struct Told {
    service_name: String,
    service_id: String,
    #[schema(value_type = String)]
    description: Value,
    #[schema(value_type = String)]
    role: Value,
    #[schema(value_type = bool)]
    internet_access: Value,
    created_time: String,
    last_modified_time: String,
    /// Whatever else it was given.
    #[serde(flatten)]
    attributes: Map<String, Value>,
}

impl Told {
    /// The service `name`.
    #[must_use]
    pub fn of(name: &str, entry: &Entry<Service>) -> Self {
        let mut attributes = entry.value.attributes.clone();
        let mut take = |name, default| attributes.remove(name).unwrap_or(default);
        Self {
            service_name: name.to_owned(),
            service_id: id("service", name, entry.created_at),
            description: take("description", "".into()),
            role: take("role", "".into()),
            internet_access: take("internetAccess", true.into()),
            created_time: time(entry.created_at),
            last_modified_time: time(entry.changed_at),
            attributes,
        }
    }
}

impl Item for Told {
    const LIST: &'static str = "services";
}
