//! Installs what tests need where that can be done: on Debian or Ubuntu, as root.

use crate::services::shell;
use anyhow::{Context, bail};
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

const SERVERS: &str = "postgresql rabbitmq-server";
const LANGUAGES: &str = "python3-venv nodejs npm";
const BROWSER: &str = "chromium chromium-driver";
const HOW: &str = "install the packages postgresql and rabbitmq-server (Debian, Ubuntu), or start \
                   Docker, or set EKIDEN_TEST_DATABASE_URL and EKIDEN_TEST_AMQP_URL";

/// Installs PostgreSQL and RabbitMQ.
pub(crate) fn servers() -> anyhow::Result<()> {
    if !is_possible() {
        bail!("no PostgreSQL or no RabbitMQ found: {HOW}");
    }
    packages(SERVERS).context(HOW)
}

/// Installs the languages of the SDKs and of schemathesis if one is missing. Where that cannot be done, the tests that
/// need it say so.
pub(crate) fn languages() -> anyhow::Result<()> {
    let has_all = "{ python3 -c 'import ensurepip, venv' && node --version && npm --version; } \
                   >/dev/null 2>&1";
    if shell(has_all).is_ok() || !is_possible() {
        return Ok(());
    }
    packages(LANGUAGES).with_context(|| format!("install the packages {LANGUAGES}"))
}

/// Installs the browser that opens the dashboard if it is missing. Where that cannot be done, the
/// tests that need it say so.
pub(crate) fn browser() -> anyhow::Result<()> {
    let has_all = "{ chromium --version && chromedriver --version; } >/dev/null 2>&1";
    if shell(has_all).is_ok() || !is_possible() {
        return Ok(());
    }
    packages(BROWSER).with_context(|| format!("install the packages {BROWSER}"))
}

fn is_possible() -> bool {
    is_root() && Path::new("/usr/bin/apt-get").exists()
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn packages(names: &str) -> anyhow::Result<()> {
    println!("installing the packages {names}");
    // Those with servers would start them; a policy that says no keeps them down.
    let policy = Path::new("/usr/sbin/policy-rc.d");
    let is_ours = !policy.exists();
    if is_ours {
        fs::write(policy, "#!/bin/sh\nexit 101\n")?;
        fs::set_permissions(policy, fs::Permissions::from_mode(0o755))?;
    }
    let installed = shell(&format!(
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
         apt-get install -y -qq {names} >/dev/null"
    ));
    if is_ours {
        fs::remove_file(policy)?;
    }
    installed
}
