//! `docker-compose.yml` as data.

use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

#[derive(Debug, Deserialize)]
pub(crate) struct Compose {
    pub(crate) services: BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Service {
    pub(crate) image: String,
    #[serde(default)]
    pub(crate) command: Vec<String>,
    pub(crate) restart: Option<String>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) ports: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    pub(crate) healthcheck: Option<HealthCheck>,
    pub(crate) stop_grace_period: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct HealthCheck {
    #[serde(default)]
    pub(crate) test: Vec<String>,
    #[serde(default)]
    pub(crate) disable: bool,
}

impl Compose {
    pub(crate) fn read() -> Self {
        serde_saphyr::from_str(&text()).unwrap()
    }
}

impl Service {
    /// The files of the repository that are mounted, each with its place in the container.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let volumes = self.volumes.iter();
        let mounted = volumes.filter_map(|volume| volume.strip_prefix("./")?.split_once(':'));
        mounted.map(|(file, place)| (file, place.trim_end_matches(":ro")))
    }

    /// The environment as a container would have it, with the repository's files for mounted ones
    /// and a word for each `${VARIABLE...}`.
    pub(crate) fn substituted(&self) -> BTreeMap<&str, String> {
        let value = |text: &str| match self.files().find(|(_, place)| *place == text) {
            Some((file, _)) => root().join(file).display().to_string(),
            None => substitute(text),
        };
        let environment = self.environment.iter();
        environment
            .map(|(name, text)| (name.as_str(), value(text)))
            .collect()
    }
}

fn substitute(text: &str) -> String {
    let mut parts = text.split("${");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once('}').unwrap();
        result.push_str("word");
        result.push_str(rest);
    }
    result
}

pub(crate) fn text() -> String {
    fs::read_to_string(root().join("docker-compose.yml")).unwrap()
}

pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}
