//! A service: FC 2.0's name for functions that belong together.

use super::{
    Fields, FromFields, MAX_DESCRIPTION, check_attributes, check_name, fields::Type, id, object,
    time,
};
use crate::Problem;
use ekiden_domain::{Entry, name::check_service, registry::Service};
use serde_json::{Map, Value, json};

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

/// The service's JSON.
#[must_use]
pub fn json(name: &str, entry: &Entry<Service>) -> Value {
    let mut json = object(json!({ "description": "", "role": "", "internetAccess": true }));
    json.extend(entry.value.attributes.clone());
    json.extend(object(json!({
        "serviceName": name,
        "serviceId": id("service", name, entry.created_at),
        "createdTime": time(entry.created_at),
        "lastModifiedTime": time(entry.changed_at),
    })));
    json.into()
}
