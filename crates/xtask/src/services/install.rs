//! Installs the servers where that can be done: on Debian or Ubuntu, as root.

use super::{is_root, shell};
use anyhow::{Context, bail};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

const HOW: &str = "install the packages postgresql and rabbitmq-server (Debian, Ubuntu), or start \
                   Docker, or set EKIDEN_TEST_DATABASE_URL and EKIDEN_TEST_AMQP_URL";

pub(super) fn packages() -> anyhow::Result<()> {
    if !is_root() || !Path::new("/usr/bin/apt-get").exists() {
        bail!("no PostgreSQL or no RabbitMQ found: {HOW}");
    }
    println!("installing the packages postgresql and rabbitmq-server");
    // The packages would start servers of their own; a policy that says no keeps them down.
    let policy = Path::new("/usr/sbin/policy-rc.d");
    let is_ours = !policy.exists();
    if is_ours {
        fs::write(policy, "#!/bin/sh\nexit 101\n")?;
        fs::set_permissions(policy, fs::Permissions::from_mode(0o755))?;
    }
    let installed = shell(
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
         apt-get install -y -qq postgresql rabbitmq-server >/dev/null",
    );
    if is_ours {
        fs::remove_file(policy)?;
    }
    installed.context(HOW)
}
