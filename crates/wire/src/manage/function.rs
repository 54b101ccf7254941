//! A function: what FC says of one, and what Ekiden makes of it.

mod code;
mod filter;
mod target;
mod told;

pub use filter::FunctionFilter;
pub use target::TARGET_VARIABLE;
pub use told::{Fc2, Fc3, Told, tell};

use super::{Fields, FromFields, MAX_DESCRIPTION, check_attributes, check_name, fields::Type};
use crate::Problem;
use ekiden_domain::{AsyncConfig, Function, FunctionName, Origin, Registered};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};

/// FC's longest time for one attempt, in seconds.
const MAX_TIMEOUT: u64 = 86_400;
/// FC's time for one attempt where none is given.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_RUNTIME: usize = 64;
/// What every generation requires, though nothing here is run by it.
const NEEDED: [&str; 2] = ["handler", "runtime"];

const ENVIRONMENT: &str = "environmentVariables";

const TYPES: &[(&str, Type)] = &[
    ("handler", Type::Text),
    ("memorySize", Type::Whole),
    ("cpu", Type::Number),
    ("diskSize", Type::Whole),
    ("gpuMemorySize", Type::Whole),
    ("gpuConfig", Type::Object),
    ("initializer", Type::Text),
    ("initializationTimeout", Type::Whole),
    ("caPort", Type::Whole),
    ("customRuntimeConfig", Type::Object),
    ("customContainerConfig", Type::Object),
    ("customHealthCheckConfig", Type::Object),
    ("customDNS", Type::Object),
    ("instanceConcurrency", Type::Whole),
    ("instanceSoftConcurrency", Type::Whole),
    ("instanceType", Type::Text),
    ("instanceLifecycleConfig", Type::Object),
    ("layers", Type::List),
    ("role", Type::Text),
    ("tags", Type::List),
    ("internetAccess", Type::Flag),
    ("disableOndemand", Type::Flag),
    ("idleTimeout", Type::Whole),
    ("logConfig", Type::Object),
    ("vpcConfig", Type::Object),
    ("nasConfig", Type::Object),
    ("ossMountConfig", Type::Object),
    ("tracingConfig", Type::Object),
];

/// What is answered and never asked: a client that sends back what it got means nothing by it.
const TOLD: [&str; 14] = [
    "functionArn",
    "functionId",
    "codeSize",
    "codeChecksum",
    "createdTime",
    "lastModifiedTime",
    "invocationRestriction",
    "layersArnV2",
    "state",
    "stateReason",
    "stateReasonCode",
    "lastUpdateStatus",
    "lastUpdateStatusReason",
    "lastUpdateStatusReasonCode",
];

/// A function as a request describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionBody {
    name: Option<String>,
    description: Option<String>,
    timeout: Option<Duration>,
    /// What is kept and given back, the environment included.
    attributes: Map<String, Value>,
}

impl FromFields for FunctionBody {
    const NAME: &'static str = "Function";
    const REQUIRED: &'static [&'static str] = &["functionName", "handler", "runtime"];

    fn from_fields(mut fields: Fields) -> Result<Self, Problem> {
        // As one generation of SDKs spells it in an update.
        fields.rename("InstanceConcurrency", "instanceConcurrency");
        let name = fields.text("functionName", usize::MAX)?;
        let description = fields.text("description", MAX_DESCRIPTION)?;
        let timeout = fields.whole("timeout", 1..=MAX_TIMEOUT)?;
        let runtime = fields.text("runtime", MAX_RUNTIME)?;
        let environment = target::environment(&mut fields)?;
        let code = code::take(&mut fields)?;
        fields.forget(&TOLD);
        let mut attributes = fields.rest(TYPES)?;
        attributes.extend(runtime.map(|it| ("runtime".to_owned(), it.into())));
        for name in NEEDED {
            if attributes.get(name).is_some_and(|it| it == "") {
                return Err(Problem::required(name));
            }
        }
        attributes.extend(environment.map(|it| (ENVIRONMENT.to_owned(), it.into())));
        attributes.extend(code.unwrap_or_default());
        Ok(Self {
            name,
            description,
            timeout: timeout.map(Duration::from_secs),
            attributes,
        })
    }
}

impl FunctionBody {
    /// The function that is to be made in `service`, and its name; `origin` is who asks for it. Its
    /// invocations are no tasks until its config says so.
    ///
    /// # Errors
    /// If it lacks what it must have, or has more attributes than are kept.
    pub fn create(
        &self,
        service: &str,
        origin: Origin,
    ) -> Result<(FunctionName, Registered), Problem> {
        let name = self.name.as_deref();
        let name = FunctionName::new(
            service,
            name.ok_or_else(|| Problem::required("functionName"))?,
        )?;
        for name in NEEDED {
            if !self.attributes.contains_key(name) {
                return Err(Problem::required(name));
            }
        }
        let function = Function {
            timeout: DEFAULT_TIMEOUT,
            async_config: AsyncConfig {
                stateful: false,
                ..AsyncConfig::default()
            },
            ..Function::named(&name)
        };
        let blank = Registered {
            attributes: Some(Map::new()),
            ..Registered::from_file(function)
        };
        let made = self.update(&name, &blank, origin)?;
        Ok((name, made))
    }

    /// The function `name`, which was `old`, as it is to be: what is not given stays. `origin` is who
    /// asks for it.
    ///
    /// # Errors
    /// If another name is given, or it would have more attributes than are kept.
    pub fn update(
        &self,
        name: &FunctionName,
        old: &Registered,
        origin: Origin,
    ) -> Result<Registered, Problem> {
        check_name("functionName", self.name.as_deref(), name.function())?;
        let mut function = (*old.function).clone();
        if let Some(description) = &self.description {
            function.description.clone_from(description);
        }
        function.timeout = self.timeout.unwrap_or(function.timeout);
        let mut attributes = old.attributes.clone().unwrap_or_default();
        if let Some(environment) = self.attributes.get(ENVIRONMENT) {
            let old = attributes.get(ENVIRONMENT);
            target::follow(&mut function, origin, old, environment)?;
        }
        attributes.extend(self.attributes.clone());
        check_attributes(&attributes)?;
        Ok(Registered {
            function: Arc::new(function),
            attributes: Some(attributes),
            ..old.clone()
        })
    }
}
