//! What versions and aliases are of, and the keys that follow from it.

use super::{Entries, Entry, Registered, Registry};
use crate::{FunctionName, Qualifier, name::DEFAULT_SERVICE};
use std::{collections::BTreeSet, fmt};

/// What versions and aliases are of: in FC 2.0 a service with all its functions, in FC 3.0, which
/// has no services, one function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionScope {
    /// All functions of this service, which is not the default one.
    Service(String),
    /// This function of the default service alone.
    Function(FunctionName),
}

impl VersionScope {
    /// The scope that `function` is versioned in.
    #[must_use]
    pub fn of(function: &FunctionName) -> Self {
        if function.service() == DEFAULT_SERVICE {
            Self::Function(function.clone())
        } else {
            Self::Service(function.service().to_owned())
        }
    }

    /// The key of its version or alias `qualifier`.
    #[must_use]
    pub fn key(&self, qualifier: &Qualifier) -> String {
        format!("{self}@{qualifier}")
    }

    /// What the keys of all its versions and aliases begin with.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("{self}@")
    }

    /// What the keys of its functions' snapshots and configs begin with.
    fn prefix_within(&self) -> String {
        match self {
            Self::Service(service) => format!("{service}/"),
            Self::Function(function) => format!("{function}@"),
        }
    }
}

impl fmt::Display for VersionScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => f.write_str(service),
            Self::Function(function) => function.fmt(f),
        }
    }
}

/// The key of what belongs to `function` through `qualifier`: a snapshot or a config.
#[must_use]
pub fn key_of(function: &FunctionName, qualifier: &Qualifier) -> String {
    format!("{function}@{qualifier}")
}

impl Registry {
    /// The heads of the functions that are versioned in `scope`.
    pub fn functions_in(&self, scope: &VersionScope) -> Vec<&Entry<Registered>> {
        match scope {
            VersionScope::Function(name) => self.function(name).into_iter().collect(),
            VersionScope::Service(service) => {
                let functions = self.functions_of(service);
                functions.map(|(_, head)| head).collect()
            }
        }
    }

    /// Every qualifier of `name` that a config was made for, or that its head answers to.
    #[must_use]
    pub fn configured(&self, name: &FunctionName) -> BTreeSet<Qualifier> {
        let prefix = format!("{name}@");
        let made = self.configs.range(prefix.clone()..);
        let made = made.map_while(|(key, _)| key.strip_prefix(&prefix)?.parse().ok());
        let head = self.function(name).map(|head| &head.value.function);
        let given = head.into_iter().flat_map(|head| head.qualifiers.keys());
        let given = given.cloned().chain([Qualifier::latest()]);
        made.chain(given).collect()
    }
}

/// What `entries`, which are snapshots or configs, have for the functions of `scope`.
pub fn within<'a, T>(
    entries: &'a Entries<T>,
    scope: &VersionScope,
) -> impl Iterator<Item = (&'a String, &'a Entry<T>)> {
    let prefix = scope.prefix_within();
    let from_first = entries.range(prefix.clone()..);
    from_first.take_while(move |(key, _)| key.starts_with(&prefix))
}

/// What `entries`, which are snapshots or configs, have for the functions of `scope` through
/// `qualifier`.
pub fn through<'a, T>(
    entries: &'a Entries<T>,
    scope: &VersionScope,
    qualifier: &Qualifier,
) -> impl Iterator<Item = (&'a String, &'a Entry<T>)> {
    let suffix = format!("@{qualifier}");
    within(entries, scope).filter(move |(key, _)| key.ends_with(&suffix))
}

/// What `entries`, which are versions or aliases, have of `scope`, by version or alias.
pub fn of_scope<'a, T>(
    entries: &'a Entries<T>,
    scope: &VersionScope,
) -> impl Iterator<Item = (&'a str, &'a Entry<T>)> {
    let prefix = scope.prefix();
    let from_first = entries.range(prefix.clone()..);
    from_first.map_while(move |(key, entry)| Some((key.strip_prefix(&prefix)?, entry)))
}
