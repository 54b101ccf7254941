//! An alias: a name for a version, or for a mix of several.

use super::{Fields, FromFields, MAX_DESCRIPTION, check_name, time};
use crate::Problem;
use ekiden_domain::{Entry, Invalid, Qualifier, registry::Alias};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const WEIGHTS: &str = "additionalVersionWeight";
const VERSION: &str = "LATEST or a version's number";

/// An alias as a request describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct AliasBody {
    name: Option<String>,
    version: Option<Qualifier>,
    description: Option<String>,
    additional: Option<BTreeMap<Qualifier, f64>>,
}

impl FromFields for AliasBody {
    fn from_fields(mut fields: Fields) -> Result<Self, Problem> {
        let version = fields.text("versionId", usize::MAX)?;
        let body = Self {
            name: fields.text("aliasName", usize::MAX)?,
            version: version
                .map(|text| version_of("versionId", &text))
                .transpose()?,
            description: fields.text("description", MAX_DESCRIPTION)?,
            additional: fields.object(WEIGHTS)?.map(weights).transpose()?,
        };
        refuse_routing(&mut fields)?;
        Ok(body)
    }
}

fn version_of(field: &str, text: &str) -> Result<Qualifier, Problem> {
    let version = text.parse().ok();
    let version = version.filter(|it: &Qualifier| it.is_version() || *it == Qualifier::latest());
    version.ok_or_else(|| Invalid::new(field, text, VERSION).into())
}

fn weights(mut fields: Fields) -> Result<BTreeMap<Qualifier, f64>, Problem> {
    let mut weights = BTreeMap::new();
    for name in fields.names() {
        let version = version_of(WEIGHTS, &name)?;
        weights.extend(fields.share(&name)?.map(|share| (version, share)));
    }
    let sum: f64 = weights.values().sum();
    if sum > 1.0 {
        let allowed = "shares that are 1 or less together";
        return Err(Invalid::new(WEIGHTS, &sum.to_string(), allowed).into());
    }
    Ok(weights)
}

/// Invocations are shared out at random, by weight, and not by what they say.
fn refuse_routing(fields: &mut Fields) -> Result<(), Problem> {
    if let Some(policy) = fields.text("resolvePolicy", usize::MAX)?
        && !policy.eq_ignore_ascii_case("random")
    {
        return Err(Invalid::new("resolvePolicy", &policy, "Random or left out").into());
    }
    match fields.object("routePolicy")? {
        Some(policy) if !policy.names().is_empty() => Err(Problem::invalid_argument(
            "routePolicy is not available: aliases share invocations out by weight",
        )),
        _ => Ok(()),
    }
}

impl AliasBody {
    /// The alias that is to be made, and its name.
    ///
    /// # Errors
    /// If it lacks a name or a version.
    pub fn create(&self) -> Result<(Qualifier, Alias), Problem> {
        let name = self.name.as_deref();
        let name = name.ok_or_else(|| Problem::required("aliasName"))?;
        let parsed = name.parse().ok().filter(|name: &Qualifier| {
            // Both mean something already.
            !name.is_version() && *name != Qualifier::latest()
        });
        let parsed = parsed.ok_or_else(|| {
            let allowed = "1 to 128 letters, digits, '_' or '-', beginning with a letter or '_', \
                           and not LATEST";
            Invalid::new("aliasName", name, allowed)
        })?;
        let version = self.version.clone();
        let blank = Alias {
            version: version.ok_or_else(|| Problem::required("versionId"))?,
            description: String::new(),
            additional: BTreeMap::new(),
        };
        let alias = self.update(name, &blank)?;
        Ok((parsed, alias))
    }

    /// The alias `name`, which was `old`, as it is to be: what is not given stays.
    ///
    /// # Errors
    /// If another name is given, or one version twice.
    pub fn update(&self, name: &str, old: &Alias) -> Result<Alias, Problem> {
        check_name("aliasName", self.name.as_deref(), name)?;
        let new = Alias {
            version: self.version.as_ref().unwrap_or(&old.version).clone(),
            description: self
                .description
                .as_ref()
                .unwrap_or(&old.description)
                .clone(),
            additional: self.additional.as_ref().unwrap_or(&old.additional).clone(),
        };
        if new.additional.contains_key(&new.version) {
            let allowed = "another version than versionId";
            return Err(Invalid::new(WEIGHTS, new.version.as_str(), allowed).into());
        }
        Ok(new)
    }
}

/// The JSON of the alias `name`.
#[must_use]
pub fn json(name: &str, entry: &Entry<Alias>) -> Value {
    let alias = &entry.value;
    json!({
        "aliasName": name,
        "versionId": alias.version.as_str(),
        "description": alias.description,
        WEIGHTS: alias.additional,
        "createdTime": time(entry.created_at),
        "lastModifiedTime": time(entry.changed_at),
    })
}
