//! `cargo xtask arrows`: holds the crates to what they may depend on and may do.

use crate::output_of_cargo;
use anyhow::Context;
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Every crate, and those of ours it may depend on: below it, never beside it.
const ARROWS: [(&str, &[&str]); 15] = [
    ("ekiden-domain", &[]),
    ("ekiden-store", &["ekiden-domain"]),
    ("ekiden-broker", &["ekiden-domain"]),
    ("ekiden-trace", &["ekiden-domain"]),
    ("ekiden-reach", &["ekiden-domain"]),
    (
        "ekiden-executor",
        &["ekiden-domain", "ekiden-reach", "ekiden-trace"],
    ),
    ("ekiden-wire", &["ekiden-domain"]),
    (
        "ekiden-enqueue",
        &[
            "ekiden-domain",
            "ekiden-store",
            "ekiden-executor",
            "ekiden-wire",
        ],
    ),
    (
        "ekiden-list",
        &["ekiden-domain", "ekiden-store", "ekiden-wire"],
    ),
    (
        "ekiden-dispatch",
        &[
            "ekiden-domain",
            "ekiden-store",
            "ekiden-broker",
            "ekiden-trace",
        ],
    ),
    (
        "ekiden-worker",
        &[
            "ekiden-domain",
            "ekiden-store",
            "ekiden-broker",
            "ekiden-executor",
            "ekiden-reach",
            "ekiden-trace",
        ],
    ),
    (
        "ekiden",
        &[
            "ekiden-domain",
            "ekiden-store",
            "ekiden-broker",
            "ekiden-executor",
            "ekiden-reach",
            "ekiden-trace",
            "ekiden-wire",
            "ekiden-enqueue",
            "ekiden-list",
            "ekiden-dispatch",
            "ekiden-worker",
        ],
    ),
    ("ekiden-limit", &[]),
    ("ekiden-tests", &[]),
    ("xtask", &[]),
];

/// Crates of others that one of ours keeps to itself.
const KEPT: [(&str, &str); 2] = [("sqlx", "ekiden-store"), ("lapin", "ekiden-broker")];

/// What does I/O, and so never comes into the domain.
const NOT_PURE: [&str; 4] = ["tokio", "axum", "hyper", "reqwest"];

/// The crates that may read the environment, by their folders.
const READS_ENVIRONMENT: [&str; 2] = ["ekiden", "xtask"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    /// Where it is, if it is one of ours.
    path: Option<PathBuf>,
}

/// Prints what is wrong, and says whether anything is.
pub(crate) fn arrows() -> anyhow::Result<ExitCode> {
    let metadata = output_of_cargo(&["metadata", "--no-deps", "--format-version=1"])?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("cargo metadata")?;
    let mut problems: Vec<String> = metadata.packages.iter().flat_map(of_package).collect();
    problems.extend(of_sources(&metadata.workspace_root)?);
    for problem in &problems {
        println!("{problem}");
    }
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn of_package(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        return vec![format!(
            "{name} has no place among the arrows: give it one in crates/xtask/src/arrows.rs"
        )];
    };
    let is_used = |dependency: &&Dependency| dependency.kind.as_deref() != Some("dev");
    let used = package.dependencies.iter().filter(is_used);
    used.filter_map(|dependency| {
        let on = dependency.name.as_str();
        if dependency.path.is_some() && !allowed.contains(&on) {
            return Some(format!("{name} must not depend on {on}"));
        }
        if let Some((_, keeper)) = KEPT.iter().find(|(kept, _)| *kept == on)
            && *keeper != name
        {
            return Some(format!(
                "{name} must not depend on {on}: only {keeper} does"
            ));
        }
        let is_impure = name == "ekiden-domain" && NOT_PURE.contains(&on);
        is_impure.then(|| format!("{name} must not depend on {on}: it does no I/O"))
    })
    .collect()
}

/// What is wrong with the sources of the crates that must not read the environment.
fn of_sources(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for folder in entries(&root.join("crates"))? {
        let is_exempt = READS_ENVIRONMENT.iter().any(|name| folder.ends_with(name));
        if is_exempt || !folder.join("src").is_dir() {
            continue;
        }
        for file in rust_files(folder.join("src"))? {
            let text = fs::read_to_string(&file)?;
            let shown = file.strip_prefix(root).unwrap_or(&file).display();
            problems.extend(reads(&text).map(|line| {
                format!("{shown}:{line}: reads the environment: only crates/ekiden does")
            }));
        }
    }
    Ok(problems)
}

/// The lines, from 1, that read the environment.
fn reads(text: &str) -> impl Iterator<Item = usize> {
    let is_read = |line: &str| line.contains("env::var") && !line.trim_start().starts_with("//");
    let lines = text.lines().enumerate();
    lines.filter_map(move |(index, line)| is_read(line).then_some(index + 1))
}

fn rust_files(folder: PathBuf) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = vec![folder];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in entries(&folder)? {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = read
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
            path: name.starts_with("ekiden").then(PathBuf::new),
        };
        Package {
            name: name.to_owned(),
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    #[test]
    fn arrows_point_down_and_only_down() {
        let down = package("ekiden-list", &[("ekiden-store", None), ("axum", None)]);
        assert_eq!(of_package(&down), Vec::<String>::new());
        let dev = package("ekiden-store", &[("ekiden-broker", Some("dev"))]);
        assert_eq!(of_package(&dev), Vec::<String>::new());
        for (name, on) in [
            ("ekiden-domain", "ekiden-store"),
            ("ekiden-list", "ekiden-enqueue"),
            ("ekiden-worker", "ekiden"),
        ] {
            for kind in [None, Some("build")] {
                let problems = of_package(&package(name, &[(on, kind)]));
                assert_eq!(problems, [format!("{name} must not depend on {on}")]);
            }
        }
    }

    #[test]
    fn what_one_crate_keeps_to_itself_no_other_may_have() {
        for (name, on, is_allowed) in [
            ("ekiden-store", "sqlx", true),
            ("ekiden", "sqlx", false),
            ("ekiden-broker", "lapin", true),
            ("ekiden-worker", "lapin", false),
            ("ekiden-worker", "tokio", true),
            ("ekiden-domain", "tokio", false),
        ] {
            let problems = of_package(&package(name, &[(on, None)]));
            assert_eq!(
                problems.is_empty(),
                is_allowed,
                "{name} on {on}: {problems:?}"
            );
        }
    }

    #[test]
    fn a_crate_that_nobody_placed_is_told() {
        let problems = of_package(&package("ekiden-new", &[]));
        assert!(problems[0].contains("has no place"), "{problems:?}");
    }

    #[test]
    fn reading_the_environment_is_seen_by_its_line() {
        let text = "use std::env;\n// env::var is not for us\nlet x = env::var_os(\"X\");\n";
        assert_eq!(reads(text).collect::<Vec<_>>(), [3]);
    }
}
