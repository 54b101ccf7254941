//! What a newcomer reads first, and what it promises.

use crate::compose::root;
use regex::Regex;
use serde_json::Value;
use std::{fs, process::Command};

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

#[test]
fn it_is_short() {
    assert!(readme().lines().count() <= 120);
}

#[test]
fn cargo_run_alone_runs_ekiden() {
    assert!(readme().contains("cargo run --release -- demo"));
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args(["metadata", "--no-deps", "--format-version=1", "--offline"]);
    let output = metadata.current_dir(root()).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let default = metadata["workspace_default_members"].as_array().unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let names: Vec<&Value> = packages
        .filter(|package| default.contains(&package["id"]))
        .map(|package| &package["name"])
        .collect();
    assert_eq!(names, ["ekiden"]);
}

#[test]
fn what_it_links_to_is_there() {
    let link = Regex::new(r"\]\(([^):]+)\)").unwrap();
    let readme = readme();
    let links: Vec<&str> = link
        .captures_iter(&readme)
        .map(|found| found.get(1).unwrap().as_str())
        .collect();
    assert!(!links.is_empty());
    for path in links {
        assert!(root().join(path).exists(), "{path}");
    }
}
