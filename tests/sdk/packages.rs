//! Installs the SDKs, each language's once for all tests: from the registries, at pinned versions.

use crate::{
    installed,
    sdks::{Language, suite},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

impl Language {
    /// The program that runs a script which uses its SDKs.
    pub(crate) async fn run(self, script: PathBuf) -> Command {
        let installed = tokio::task::spawn_blocking(move || self.installed());
        let packages = installed.await.unwrap();
        let mut command = match self {
            Self::Python => Command::new(packages.join("bin/python")),
            Self::Node => Command::new("node"),
        };
        command
            .arg(script)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NODE_PATH", packages.join("node_modules"));
        command
    }

    /// The folder that its SDKs are in, once they are.
    fn installed(self) -> PathBuf {
        let folder = format!("sdk/{}", self.folder());
        match self {
            Self::Python => installed::python(&folder, &suite().join("python/requirements.txt")),
            Self::Node => node(&folder),
        }
    }
}

fn node(folder: &str) -> PathBuf {
    let remedy = "install the packages nodejs and npm (Debian, Ubuntu)";
    let version = installed::run(Command::new("node").arg("--version"), remedy);
    let pins = fs::read_to_string(suite().join("node/package-lock.json")).unwrap();
    installed::folder(folder, &(version + &pins), install_node)
}

fn install_node(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for file in ["package.json", "package-lock.json"] {
        fs::copy(suite().join("node").join(file), folder.join(file)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    installed::run(
        npm.current_dir(folder),
        "can the registry of Node packages be reached? Is npm there?",
    );
}
