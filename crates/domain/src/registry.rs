//! What is registered: services, functions, their published versions and aliases, and how the
//! asynchronous invocations of each are treated.
//!
//! Each of these is a small document with a key of text. A process knows all of them as one
//! [`Registry`], which answers what a function and a qualifier mean.

mod scope;

pub use scope::{VersionScope, key_of, of_scope, through, within};

use crate::{AsyncConfig, Destination, Function, FunctionName, Qualifier, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// The kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A [`Service`], by its name.
    Service,
    /// A [`Registered`] function's head, by its name: what `LATEST` means.
    Function,
    /// A published [`Version`], by `scope@number`.
    Version,
    /// A [`Registered`] function as a version has it, by `service/function@number`.
    Snapshot,
    /// An [`Alias`], by `scope@name`.
    Alias,
    /// An [`AsyncConfig`], by `service/function@qualifier`.
    Config,
    /// A destination that is [`Disabled`], by `service/function@destination`: the function whose
    /// results went there.
    DisabledDestination,
}

impl Kind {
    /// Every kind, in the order of [`Kind::code`].
    pub const ALL: [Self; 7] = [
        Self::Service,
        Self::Function,
        Self::Version,
        Self::Snapshot,
        Self::Alias,
        Self::Config,
        Self::DisabledDestination,
    ];

    /// The number that stands for this kind in the registry's table: its place in [`Kind::ALL`].
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The kind that `code` stands for in the registry's table.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        let index = usize::try_from(code).ok()?;
        Self::ALL.get(index).copied()
    }
}

/// Something that is registered.
pub trait Document: Serialize + DeserializeOwned {
    /// The kinds it is kept as.
    const KINDS: &'static [Kind];
}

/// A service: a name for functions that belong together, and FC's attributes of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// What FC's API said of it; kept and given back, without effect.
    pub attributes: Map<String, Value>,
    /// The newest version published of its functions; 0 before the first.
    pub last_version: u64,
}

/// A function as it is registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// The function.
    pub function: Arc<Function>,
    /// What FC's API said of it, kept and given back; `None` for one of the configuration or the
    /// command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Map<String, Value>>,
    /// The newest version published of it alone, as in FC 3.0; 0 before the first.
    #[serde(default)]
    pub last_version: u64,
    /// That new invocations of it are refused, if they are. The head's to say, for all versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
}

/// That something is not to be used for now: that new invocations of a function are refused, or that
/// no result is handed on to a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Why, in words.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

impl Registered {
    /// A function of the configuration or the command line.
    #[must_use]
    pub fn from_file(function: Function) -> Self {
        Self {
            function: Arc::new(function),
            attributes: None,
            last_version: 0,
            disabled: None,
        }
    }
}

/// A published version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// A person's note.
    pub description: String,
}

/// A name for a version, or for a mix of two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// The version it stands for: `LATEST` or a number.
    pub version: Qualifier,
    /// A person's note.
    pub description: String,
    /// Versions that are taken instead, each with its share of the invocations: 0 to 1.
    #[serde(default)]
    pub additional: BTreeMap<Qualifier, f64>,
}

impl Document for Service {
    const KINDS: &'static [Kind] = &[Kind::Service];
}
impl Document for Registered {
    const KINDS: &'static [Kind] = &[Kind::Function, Kind::Snapshot];
}
impl Document for Version {
    const KINDS: &'static [Kind] = &[Kind::Version];
}
impl Document for Alias {
    const KINDS: &'static [Kind] = &[Kind::Alias];
}
impl Document for Disabled {
    const KINDS: &'static [Kind] = &[Kind::DisabledDestination];
}
impl Document for AsyncConfig {
    const KINDS: &'static [Kind] = &[Kind::Config];
}

/// A document with what the registry knows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<T> {
    /// The document.
    pub value: T,
    /// Grows with each change of it: an `ETag`, and the guard of the next change.
    pub revision: i64,
    /// When it was first registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// Documents of one kind, by key.
pub type Entries<T> = BTreeMap<String, Entry<T>>;

/// Everything that is registered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registry {
    /// The services that were made as such; see [`Registry::has_service`].
    pub services: Entries<Service>,
    /// The functions' heads.
    pub functions: Entries<Registered>,
    /// The published versions.
    pub versions: Entries<Version>,
    /// The functions as versions have them.
    pub snapshots: Entries<Registered>,
    /// The aliases.
    pub aliases: Entries<Alias>,
    /// The configs that were made as such; see [`Registry::resolve`].
    pub configs: Entries<AsyncConfig>,
    /// The destinations that are disabled; see [`Registry::disabled_destination`].
    pub disabled_destinations: Entries<Disabled>,
}

/// What a function and a qualifier mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// What runs.
    pub function: Arc<Function>,
    /// Which version that is: `LATEST` or a number.
    pub version: Qualifier,
    /// How its invocations are treated.
    pub config: AsyncConfig,
    /// That new invocations are refused, if they are.
    pub disabled: Option<Disabled>,
}

/// Why a function and a qualifier mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// There is no such function.
    Function,
    /// The function has no such version or alias.
    Qualifier,
}

impl Registry {
    /// The head of the function of this name.
    #[must_use]
    pub fn function(&self, name: &FunctionName) -> Option<&Entry<Registered>> {
        self.functions.get(name.as_str())
    }

    /// The heads of the functions that belong to `service`, by key.
    pub fn functions_of(
        &self,
        service: &str,
    ) -> impl Iterator<Item = (&String, &Entry<Registered>)> {
        let first = format!("{service}/");
        let from_first = self.functions.range(first.clone()..);
        from_first.take_while(move |(key, _)| key.starts_with(&first))
    }

    /// Whether there is such a service: one that was made, or that a function belongs to.
    #[must_use]
    pub fn has_service(&self, service: &str) -> bool {
        self.services.contains_key(service) || self.functions_of(service).next().is_some()
    }

    /// What invoking `name` through `qualifier` means now; `draw`, from 0 up to 1, decides where an
    /// alias stands for a mix of versions.
    ///
    /// # Errors
    /// If it means nothing.
    pub fn resolve(
        &self,
        name: &FunctionName,
        qualifier: &Qualifier,
        draw: f64,
    ) -> Result<Resolved, Missing> {
        let Registered {
            function: head,
            disabled,
            ..
        } = &self.function(name).ok_or(Missing::Function)?.value;
        let alias = self.aliases.get(&VersionScope::of(name).key(qualifier));
        let version = match alias {
            Some(alias) => alias.value.draw(draw),
            None if qualifier.is_version() => qualifier.clone(),
            // Whatever else the head answers to is itself.
            None if head.config(qualifier).is_some() => Qualifier::latest(),
            None => return Err(Missing::Qualifier),
        };
        let function = self.runnable(name, &version).ok_or(Missing::Qualifier)?;
        let config = self
            .config(name, qualifier)
            .or_else(|| head.config(qualifier))
            .unwrap_or(&function.async_config)
            .clone();
        Ok(Resolved {
            function,
            version,
            config,
            disabled: disabled.clone(),
        })
    }

    /// The config that was made for `name` through `qualifier`, if one was.
    #[must_use]
    pub fn config(&self, name: &FunctionName, qualifier: &Qualifier) -> Option<&AsyncConfig> {
        let entry = self.configs.get(&key_of(name, qualifier))?;
        Some(&entry.value)
    }

    /// That no result of `name` is handed on to `destination`, if that is so: a receiver said that it
    /// is gone, and the owner has not enabled it again.
    #[must_use]
    pub fn disabled_destination(
        &self,
        name: &FunctionName,
        destination: &Destination,
    ) -> Option<&Entry<Disabled>> {
        let key = key_of_destination(name, destination);
        self.disabled_destinations.get(&key)
    }

    /// What runs for `name` in `version`, which is `LATEST` or a number. How many run at once, and
    /// where they wait, is the head's to say: all versions share it.
    #[must_use]
    pub fn runnable(&self, name: &FunctionName, version: &Qualifier) -> Option<Arc<Function>> {
        let head = &self.function(name)?.value.function;
        if !version.is_version() {
            return Some(Arc::clone(head));
        }
        let snapshot = &self.snapshots.get(&key_of(name, version))?.value.function;
        let shared = (head.max_concurrency, &head.lane);
        if (snapshot.max_concurrency, &snapshot.lane) == shared {
            return Some(Arc::clone(snapshot));
        }
        Some(Arc::new(Function {
            max_concurrency: head.max_concurrency,
            lane: head.lane.clone(),
            ..(**snapshot).clone()
        }))
    }

    /// The head of every function.
    pub fn heads(&self) -> impl Iterator<Item = &Arc<Function>> {
        self.functions.values().map(|entry| &entry.value.function)
    }
}

/// The key of what is said of a destination of the results of `name`.
#[must_use]
pub fn key_of_destination(name: &FunctionName, destination: &Destination) -> String {
    format!("{name}@{destination}")
}

impl Alias {
    /// The version that `draw`, from 0 up to 1, falls to.
    fn draw(&self, draw: f64) -> Qualifier {
        let mut passed = 0.0;
        for (version, share) in &self.additional {
            passed += share;
            if draw < passed {
                return version.clone();
            }
        }
        self.version.clone()
    }
}

#[cfg(test)]
mod tests;
