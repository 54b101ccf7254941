//! A function as it is registered: what to run, and how its invocations are treated.

use crate::{Destination, FunctionName, Invalid, Lane, Origin, Qualifier, name::check_service};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use url::Url;

/// What runs when a function is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Any HTTP server that speaks FC's custom-runtime contract, by its base URL; `/invoke` is
    /// added to it.
    Http(String),
    /// A program and its arguments; the payload is its standard input, its standard output the
    /// result. No shell unless it is named here.
    Command(Vec<String>),
    /// A Rust function that a program which embeds the worker registered under this name.
    Handler(String),
}

/// How a function's asynchronous invocations are treated. Copied into each at acceptance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AsyncConfig {
    /// Whether every invocation is a task that get, list and stop show.
    pub stateful: bool,
    /// How often a function error is retried: 0 to 8, default 3 (FC's `maxAsyncRetryAttempts`).
    pub max_retries: u8,
    /// How old an invocation may grow before an attempt starts: 1 s to 7 days in whole seconds,
    /// default one day (FC's `maxAsyncEventAgeInSeconds`).
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
    /// The wait before the first retry, doubled before each further one: 1 ms to 1 h, default 1 s.
    #[serde(with = "humantime_serde")]
    pub retry_base: Duration,
    /// The longest wait between two retries: `retry_base` to 24 h, default 60 s.
    #[serde(with = "humantime_serde")]
    pub retry_max: Duration,
    /// Where the result of one that Succeeded goes; nowhere by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<Destination>,
    /// Where it is told that one Failed, Expired or became Invalid; nowhere by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<Destination>,
}

impl Default for AsyncConfig {
    fn default() -> Self {
        Self {
            stateful: true,
            max_retries: 3,
            max_age: Duration::from_secs(86_400),
            retry_base: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            on_success: None,
            on_failure: None,
        }
    }
}

/// A registered function. Its TOML form is a `[[function]]` entry of `ekiden.toml`; its JSON form
/// is what the registry stores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// The service it belongs to.
    pub service: String,
    /// Its name within the service.
    pub name: String,
    /// A person's note.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What runs. `None`: nothing Ekiden can reach, as FC's API may register a function that runs
    /// elsewhere; its invocations become Invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Who gave it its target. No entry can say so: whoever registers it does.
    #[serde(default, skip_serializing_if = "Origin::is_owner")]
    pub target_origin: Origin,
    /// How long one attempt may take: 1 ms to 24 h, default 60 s. Read at each claim.
    #[serde(with = "humantime_serde", default = "default_timeout")]
    pub timeout: Duration,
    /// How many may run at once in one worker process; `None` bounds it by the worker's slots
    /// alone. A function with a bound has a lane of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// The queue its invocations wait in; default `default`, or its own with `max_concurrency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// The command's whole environment; nothing else is passed on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The command's working directory; default the worker's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// The most bytes of output one attempt may give: 1 B to 32 MiB, default 1 MiB. More is a
    /// function error.
    #[serde(default = "default_max_output")]
    pub max_output: usize,
    /// How invocations through `LATEST` are treated.
    #[serde(default, rename = "async")]
    pub async_config: AsyncConfig,
    /// Further qualifiers the function can be invoked through, each with its own treatment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub qualifiers: BTreeMap<Qualifier, AsyncConfig>,
}

const fn default_timeout() -> Duration {
    Duration::from_secs(60)
}

const fn default_max_output() -> usize {
    1024 * 1024
}

const DAY: Duration = Duration::from_secs(86_400);

/// Checks that `url` is where a function's server can be: an http:// or https:// URL with a host.
///
/// # Errors
/// Names `field` if it is none. Of the URL only the scheme is shown: what follows may hold a password.
pub fn check_target_url(field: &str, url: &str) -> Result<(), Invalid> {
    let is_http = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if url.parse().as_ref().is_ok_and(is_http) {
        return Ok(());
    }
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let allowed = "a URL that begins with http:// or https://, with a host and, if any, a port up to \
                   65535";
    Err(Invalid::new(field, scheme, allowed))
}

impl Function {
    /// A function of this name, with nothing to run and everything else as if left out.
    #[must_use]
    pub fn named(name: &FunctionName) -> Self {
        Self {
            service: name.service().to_owned(),
            name: name.function().to_owned(),
            description: String::new(),
            target: None,
            target_origin: Origin::Owner,
            timeout: default_timeout(),
            max_concurrency: None,
            lane: None,
            environment: BTreeMap::new(),
            working_directory: None,
            max_output: default_max_output(),
            async_config: AsyncConfig::default(),
            qualifiers: BTreeMap::new(),
        }
    }

    /// Its full name, checked.
    ///
    /// # Errors
    /// If `service` or `name` is not a name.
    pub fn full_name(&self) -> Result<FunctionName, Invalid> {
        FunctionName::new(&self.service, &self.name)
    }

    /// The queue its invocations wait in.
    #[must_use]
    pub fn effective_lane(&self, name: &FunctionName) -> Lane {
        match (&self.lane, self.max_concurrency) {
            (_, Some(_)) => Lane::own(name),
            (Some(lane), None) => lane.clone(),
            (None, None) => Lane::shared(),
        }
    }

    /// How invocations through `qualifier` are treated; `None` if there is no such qualifier.
    #[must_use]
    pub fn config(&self, qualifier: &Qualifier) -> Option<&AsyncConfig> {
        if *qualifier == Qualifier::latest() {
            return Some(&self.async_config);
        }
        self.qualifiers.get(qualifier)
    }

    /// Everything that is wrong with it; empty if it can be registered.
    #[must_use]
    pub fn problems(&self) -> Vec<Invalid> {
        let mut problems = Vec::new();
        // Each by itself: the full name tells of one mistake only.
        problems.extend(check_service(&self.service).err());
        problems.extend(FunctionName::new("s", &self.name).err());
        problems.extend(self.target_problems());
        if !(Duration::from_millis(1)..=DAY).contains(&self.timeout) {
            problems.push(Invalid::new(
                "timeout",
                &show(self.timeout),
                "from 1ms to 24h",
            ));
        }
        if self.max_concurrency == Some(0) {
            problems.push(Invalid::new("max_concurrency", "0", "1 or more"));
        }
        if self.max_concurrency.is_some() && self.lane.is_some() {
            let lane = self.lane.as_ref().map_or("", Lane::as_str);
            let allowed = "left out: a function with max_concurrency has a lane of its own";
            problems.push(Invalid::new("lane", lane, allowed));
        }
        if !(1..=32 * 1024 * 1024).contains(&self.max_output) {
            let allowed = "from 1 to 33554432 bytes";
            problems.push(Invalid::new(
                "max_output",
                &self.max_output.to_string(),
                allowed,
            ));
        }
        if self.qualifiers.contains_key(&Qualifier::latest()) {
            let allowed = "another name: LATEST is configured by [function.async]";
            problems.push(Invalid::new("qualifiers", "LATEST", allowed));
        }
        problems.extend(self.async_config.problems("async"));
        for (qualifier, config) in &self.qualifiers {
            problems.extend(config.problems(&format!("qualifiers.{qualifier}")));
        }
        problems
    }

    fn target_problems(&self) -> Vec<Invalid> {
        let mut problems = Vec::new();
        let mut argv: &[String] = &[];
        let Some(target) = &self.target else {
            let allowed = "{ http = URL }, { command = [PROGRAM, ARGUMENT, ...] } or \
                           { handler = NAME }";
            return vec![Invalid::new("target", "", allowed)];
        };
        match target {
            Target::Http(url) => problems.extend(check_target_url("target.http", url).err()),
            Target::Command(words) if words.first().is_none_or(String::is_empty) => {
                let allowed = "a program and its arguments";
                problems.push(Invalid::new("target.command", "", allowed));
            }
            Target::Handler(name) if name.is_empty() => {
                let allowed = "the name of a registered handler";
                problems.push(Invalid::new("target.handler", "", allowed));
            }
            Target::Command(words) => argv = words,
            Target::Handler(_) => {}
        }
        if !matches!(target, Target::Command(_)) {
            let allowed = "left out: only a command target has it";
            if !self.environment.is_empty() {
                problems.push(Invalid::new("environment", "", allowed));
            }
            if let Some(directory) = &self.working_directory {
                problems.push(Invalid::new("working_directory", directory, allowed));
            }
        }
        // No operating system could start a process with these.
        let has_nul = |text: &String| text.contains('\0');
        if argv.iter().any(has_nul) {
            problems.push(Invalid::new("target.command", "", "free of NUL"));
        }
        if self.working_directory.as_ref().is_some_and(has_nul) {
            problems.push(Invalid::new("working_directory", "", "free of NUL"));
        }
        let unfit = |(name, value): (&String, &String)| {
            name.is_empty() || name.contains('=') || has_nul(name) || has_nul(value)
        };
        if self.environment.iter().any(unfit) {
            let allowed = "names that are not empty and have no '=', and no NUL anywhere";
            problems.push(Invalid::new("environment", "", allowed));
        }
        problems
    }
}

impl AsyncConfig {
    /// Everything that is wrong with it; each field's name begins with `prefix`.
    #[must_use]
    pub fn problems(&self, prefix: &str) -> Vec<Invalid> {
        let mut problems = Vec::new();
        if self.max_retries > 8 {
            let value = self.max_retries.to_string();
            problems.push(Invalid::new(
                format!("{prefix}.max_retries"),
                &value,
                "0 to 8",
            ));
        }
        let whole = self.max_age.subsec_nanos() == 0;
        if !whole || !(1..=604_800).contains(&self.max_age.as_secs()) {
            let allowed = "1s to 7d in whole seconds";
            problems.push(Invalid::new(
                format!("{prefix}.max_age"),
                &show(self.max_age),
                allowed,
            ));
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(3600)).contains(&self.retry_base) {
            let value = show(self.retry_base);
            problems.push(Invalid::new(
                format!("{prefix}.retry_base"),
                &value,
                "1ms to 1h",
            ));
        }
        if self.retry_max < self.retry_base || self.retry_max > DAY {
            let value = show(self.retry_max);
            problems.push(Invalid::new(
                format!("{prefix}.retry_max"),
                &value,
                "retry_base to 24h",
            ));
        }
        problems
    }
}

fn show(span: Duration) -> String {
    format!("{span:?}")
}

#[cfg(test)]
mod tests;
