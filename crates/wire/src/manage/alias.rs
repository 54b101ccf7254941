//! An alias: a name for a version, or for a mix of several.

use super::{Fields, FromFields, MAX_DESCRIPTION, check_name, time};
use crate::{Item, Problem};
use ekiden_domain::{Entry, Invalid, Qualifier, registry::Alias};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

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
    const NAME: &'static str = "Alias";
    const REQUIRED: &'static [&'static str] = &["aliasName", "versionId"];

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

fn weights(fields: Fields) -> Result<BTreeMap<Qualifier, f64>, Problem> {
    let mut weights = BTreeMap::new();
    fields.each(|fields, name| {
        let share = fields.share(&name)?;
        let version = version_of(WEIGHTS, &name)?;
        weights.extend(share.map(|share| (version, share)));
        Ok(())
    })?;
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
        Some(policy) if !policy.is_empty() => Err(Problem::invalid_argument(
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

/// An alias as an answer tells it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Alias)]
pub struct Told {
    alias_name: String,
    /// The version that it stands for: `LATEST` or a number.
    version_id: String,
    description: String,
    /// Other versions, each with its share of the invocations, from 0 to 1.
    #[schema(value_type = BTreeMap<String, f64>)]
    additional_version_weight: BTreeMap<Qualifier, f64>,
    created_time: String,
    last_modified_time: String,
}

impl Told {
    /// The alias `name`.
    #[must_use]
    pub fn of(name: &str, entry: &Entry<Alias>) -> Self {
        let alias = &entry.value;
        Self {
            alias_name: name.to_owned(),
            version_id: alias.version.to_string(),
            description: alias.description.clone(),
            additional_version_weight: alias.additional.clone(),
            created_time: time(entry.created_at),
            last_modified_time: time(entry.changed_at),
        }
    }
}

impl Item for Told {
    const LIST: &'static str = "aliases";
}
