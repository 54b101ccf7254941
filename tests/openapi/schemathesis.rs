//! Runs schemathesis.

use crate::installed;
use std::{
    path::Path,
    process::{Command, Output},
};

/// Tries the API at `endpoint`; keeps what it writes in `directory`.
pub(crate) fn run(endpoint: &str, directory: &Path) -> Output {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi");
    let folder = installed::python("schemathesis", &suite.join("requirements.txt"));
    Command::new(folder.join("bin/schemathesis"))
        .arg("--config-file")
        .arg(suite.join("schemathesis.toml"))
        .args(["run", "--no-color"])
        .arg(format!("{endpoint}/ekiden/v1/openapi.json"))
        .current_dir(directory)
        .env("SCHEMATHESIS_HOOKS", suite.join("hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "*")
        .output()
        .unwrap()
}
