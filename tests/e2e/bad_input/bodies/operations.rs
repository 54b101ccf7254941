//! Whatever takes a body, and its fields.

use super::values;
use crate::{raw, shop::Shop};
use serde_json::{Value, json};

/// What a field must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Flag,
    Object,
    List,
}
use Type::{Flag, List, Number, Object, Text};

/// Fields that a body can have.
pub(super) type Fields = &'static [(&'static str, Type)];

const SERVICE: Fields = &[
    ("serviceName", Text),
    ("description", Text),
    ("role", Text),
    ("internetAccess", Flag),
    ("logConfig", Object),
    ("vpcConfig", Object),
    ("nasConfig", Object),
    ("ossMountConfig", Object),
    ("tracingConfig", Object),
];
const FUNCTION: Fields = &[
    ("functionName", Text),
    ("description", Text),
    ("runtime", Text),
    ("handler", Text),
    ("timeout", Number),
    ("memorySize", Number),
    ("cpu", Number),
    ("diskSize", Number),
    ("gpuMemorySize", Number),
    ("gpuConfig", Object),
    ("initializer", Text),
    ("initializationTimeout", Number),
    ("caPort", Number),
    ("code", Object),
    ("customRuntimeConfig", Object),
    ("customContainerConfig", Object),
    ("customHealthCheckConfig", Object),
    ("customDNS", Object),
    ("environmentVariables", Object),
    ("instanceConcurrency", Number),
    ("instanceSoftConcurrency", Number),
    ("instanceType", Text),
    ("instanceLifecycleConfig", Object),
    ("layers", List),
    ("role", Text),
    ("tags", List),
    ("internetAccess", Flag),
    ("disableOndemand", Flag),
    ("idleTimeout", Number),
    ("logConfig", Object),
    ("vpcConfig", Object),
    ("nasConfig", Object),
    ("ossMountConfig", Object),
    ("tracingConfig", Object),
];
const VERSION: Fields = &[("description", Text)];
const ALIAS: Fields = &[
    ("aliasName", Text),
    ("versionId", Text),
    ("description", Text),
    ("additionalVersionWeight", Object),
    ("resolvePolicy", Text),
    ("routePolicy", Object),
];
const CONFIG: Fields = &[
    ("maxAsyncRetryAttempts", Number),
    ("maxAsyncEventAgeInSeconds", Number),
    ("statefulInvocation", Flag),
    ("asyncTask", Flag),
    ("destinationConfig", Object),
];
const CONCURRENCY: Fields = &[("reservedConcurrency", Number)];
const DISABLE: Fields = &[("reason", Text), ("abortOngoingRequest", Flag)];

/// What takes a body.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) fields: Fields,
    /// Values that its fields cannot have.
    pub(super) values: &'static str,
    /// What the body must have at least.
    pub(super) least: Value,
}

pub(super) fn operations(shop: &Shop<'_>) -> Vec<Operation> {
    let function = json!({ "functionName": "other", "runtime": "custom", "handler": "h" });
    let alias = json!({ "aliasName": "other", "versionId": "1" });
    let prod = format!("{}/prod", shop.aliases());
    let (of_function, of_alias) = ((FUNCTION, values::FUNCTION), (ALIAS, values::ALIAS));
    let mut all = vec![
        ("POST", shop.functions(), of_function, function),
        ("PUT", shop.function(), of_function, json!({})),
        ("POST", shop.versions(), (VERSION, ""), json!({})),
        ("POST", shop.aliases(), of_alias, alias),
        ("PUT", prod, of_alias, json!({})),
        ("PUT", shop.config(), (CONFIG, values::CONFIG), json!({})),
    ];
    if shop.spelling.is_fc3 {
        let concurrency = format!("{}/concurrency", shop.function());
        let disable = format!("{}/invoke/disable", shop.function());
        let least = json!({ "reservedConcurrency": 1 });
        let of_concurrency = (CONCURRENCY, values::CONCURRENCY);
        all.push(("PUT", concurrency, of_concurrency, least));
        all.push(("POST", disable, (DISABLE, values::DISABLE), json!({})));
    } else {
        let least = json!({ "serviceName": "other" });
        let service = format!("{}/shop", shop.services());
        let of_service = (SERVICE, values::SERVICE);
        all.push(("POST", shop.services(), of_service, least));
        all.push(("PUT", service, of_service, json!({})));
    }
    let operation = |(method, path, (fields, values), least)| Operation {
        method,
        path,
        fields,
        values,
        least,
    };
    all.into_iter().map(operation).collect()
}

impl Operation {
    /// A request with the least that it must have, and this.
    pub(super) fn with(&self, field: &str, value: &str) -> Vec<u8> {
        let mut body = self.least.clone();
        body[field] = "@".into();
        let body = body.to_string().replacen(r#""@""#, value, 1);
        self.request(body.as_bytes())
    }

    /// A request with this body.
    pub(super) fn request(&self, body: &[u8]) -> Vec<u8> {
        let length = body.len().to_string();
        let headers = [("content-length", length.as_str())];
        let head = raw::with_headers(self.method, &self.path, &headers);
        [&head, body].concat()
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|(name, _)| *name == field)
    }
}
