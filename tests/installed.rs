//! Packages from a registry, installed below `target` once for all runs.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The folder `target/{name}`, which `install` makes unless it was made from what is `wanted` now.
pub(crate) fn folder(name: &str, wanted: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..").join(name);
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    // Other tests wait here, and those of other processes.
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let note = folder.join("installed");
    if fs::read_to_string(&note).is_ok_and(|there| there == wanted) {
        return folder;
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    install(&folder);
    fs::write(note, wanted).unwrap();
    folder
}

/// The folder `target/{name}`, where Python has the packages of the file `pins`.
pub(crate) fn python(name: &str, pins: &Path) -> PathBuf {
    let remedy = "install the package python3-venv (Debian, Ubuntu)";
    let version = run(Command::new("python3").arg("--version"), remedy);
    let wanted = version + &fs::read_to_string(pins).unwrap();
    folder(name, &wanted, |folder| {
        run(
            Command::new("python3").args(["-m", "venv"]).arg(folder),
            remedy,
        );
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--requirement"]);
        run(
            pip.arg(pins),
            "can the registry of Python packages be reached?",
        );
    })
}

/// What a command prints; a failure tells what to do about it.
pub(crate) fn run(command: &mut Command, remedy: &str) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}\n{remedy}"));
    let (out, err) = (&output.stdout, &output.stderr);
    assert!(
        output.status.success(),
        "failed: {command:?}\n{}\n{}\n{remedy}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    );
    String::from_utf8_lossy(out).into_owned()
}
