//! Installs the SDKs, each language's once for all tests: from the registries, at pinned versions.

use crate::sdks::{Language, suite};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

const PROGRAMS: &str = "install the packages python3-venv, nodejs and npm (Debian, Ubuntu)";

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
        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../sdk");
        let folder = all.join(self.folder());
        fs::create_dir_all(&all).unwrap();
        // Other tests wait here, and those of other processes.
        let lock = File::create(folder.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        let (wanted, note) = (self.wanted(), folder.join("installed"));
        if fs::read_to_string(&note).is_ok_and(|there| there == wanted) {
            return folder;
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        match self {
            Self::Python => install_python(&folder),
            Self::Node => install_node(&folder),
        }
        fs::write(note, wanted).unwrap();
        folder
    }

    /// What the folder must have been made from.
    fn wanted(self) -> String {
        let (program, pins) = match self {
            Self::Python => ("python3", "python/requirements.txt"),
            Self::Node => ("node", "node/package-lock.json"),
        };
        let version = run(Command::new(program).arg("--version"), PROGRAMS);
        version + &fs::read_to_string(suite().join(pins)).unwrap()
    }
}

fn install_python(folder: &Path) {
    let remedy = "install the package python3-venv (Debian, Ubuntu)";
    let mut venv = Command::new("python3");
    run(venv.args(["-m", "venv"]).arg(folder), remedy);
    let pins = suite().join("python/requirements.txt");
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--requirement"]);
    run(
        pip.arg(pins),
        "can the registry of Python packages be reached?",
    );
}

fn install_node(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for file in ["package.json", "package-lock.json"] {
        fs::copy(suite().join("node").join(file), folder.join(file)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    let remedy =
        format!("can the registry of Node packages be reached? Is npm there? If not, {PROGRAMS}");
    run(npm.current_dir(folder), &remedy);
}

/// What a command prints; a failure tells what to do about it.
fn run(command: &mut Command, remedy: &str) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "{} cannot be run: {error}: {PROGRAMS}",
            command.get_program().display()
        )
    });
    let (out, err) = (&output.stdout, &output.stderr);
    assert!(
        output.status.success(),
        "failed: {command:?}\n{}\n{}\n{remedy}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    );
    String::from_utf8_lossy(out).into_owned()
}
