//! `docker-compose.yml` and what it mounts, kept in step with the binary; no engine is needed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compose;
mod proxy;
mod readme;

use compose::{Compose, root};
use std::{collections::BTreeSet, fs, process::Command};

#[test]
fn every_service_is_there() {
    let compose = Compose::read();
    let names: BTreeSet<&str> = compose.services.keys().map(String::as_str).collect();
    let expected = [
        "enqueue", "function", "list", "migrate", "postgres", "proxy", "rabbitmq", "worker",
    ];
    assert_eq!(names, BTreeSet::from(expected));
}

#[test]
fn ports_are_published_on_loopback_only() {
    for (name, service) in &Compose::read().services {
        for port in &service.ports {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
    }
}

#[test]
fn what_runs_for_long_has_a_health_check_and_comes_back() {
    for (name, service) in &Compose::read().services {
        if name == "migrate" {
            continue;
        }
        let check = service
            .healthcheck
            .as_ref()
            .unwrap_or_else(|| panic!("{name} has none"));
        assert!(!check.disable && !check.test.is_empty(), "{name} has none");
        assert_eq!(service.restart.as_deref(), Some("unless-stopped"), "{name}");
    }
}

#[test]
fn images_are_pinned() {
    for (name, service) in &Compose::read().services {
        let tag = service.image.split_once(':').map(|(_, tag)| tag);
        assert!(
            tag.is_some_and(|tag| tag != "latest"),
            "{name}: {}",
            service.image
        );
    }
}

#[test]
fn secrets_come_from_the_environment_and_are_required() {
    let is_required = |text: &str| text.starts_with("${") && text.contains(":?");
    for (name, service) in &Compose::read().services {
        for (variable, value) in &service.environment {
            let is_secret = ["PASS", "SECRET", "TOKEN", "KEY"]
                .iter()
                .any(|it| variable.contains(it));
            // The password of a URL: behind the user's name, before the host's.
            let user = value
                .split_once("://")
                .and_then(|(_, rest)| rest.rsplit_once('@'));
            let password = user.and_then(|(user, _)| user.split_once(':'));
            let password = password.map(|(_, password)| password);
            for secret in password
                .into_iter()
                .chain(is_secret.then_some(value.as_str()))
            {
                assert!(is_required(secret), "{name} has a secret in {variable}");
            }
        }
    }
}

#[test]
fn the_example_of_the_environment_names_what_is_used_and_no_value() {
    let example = fs::read_to_string(root().join(".env.example")).unwrap();
    let lines = example.lines().filter(|line| !line.starts_with('#'));
    let (names, values): (BTreeSet<&str>, Vec<&str>) =
        lines.filter_map(|line| line.split_once('=')).unzip();
    assert!(values.iter().all(|value| value.is_empty()), "{values:?}");
    let text = compose::text();
    let used = text.split("${").skip(1);
    let used = used.filter_map(|rest| rest.split([':', '}', '-', '?']).next());
    assert_eq!(names, used.collect());
}

#[test]
fn every_file_that_is_mounted_exists() {
    for (name, service) in &Compose::read().services {
        for (file, _) in service.files() {
            assert!(root().join(file).is_file(), "{name} mounts {file}");
        }
    }
}

/// Variables that the binary does not know, files that it refuses, flags that it lacks: all show.
#[test]
fn the_binary_takes_the_settings_of_each_role() {
    let binary = std::env::var("EKIDEN_TEST_BINARY")
        .unwrap_or_else(|_| panic!("EKIDEN_TEST_BINARY is not set: run `cargo xtask test`"));
    let compose = Compose::read();
    let mut roles = BTreeSet::new();
    for (name, service) in &compose.services {
        let flags = match service.command.as_slice() {
            _ if !service.image.starts_with("ekiden:") => continue,
            [command, flags @ ..] if command == "serve" => flags.to_vec(),
            // It reads the same settings and serves nobody.
            _ => vec!["--insecure".to_owned()],
        };
        let checked = Command::new(&binary)
            .args(["serve", "--check"])
            .args(&flags)
            .env_clear()
            .envs(service.substituted())
            .current_dir(tempfile::tempdir().unwrap().path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{name}: {told}");
        assert_eq!(told, "", "{name}");
        roles.extend(flags);
    }
    for role in ["enqueue", "list", "worker"] {
        assert!(roles.contains(role), "no service plays the role {role}");
    }
}

#[test]
fn a_worker_is_given_more_time_to_end_than_its_runs() {
    let worker = &Compose::read().services["worker"];
    let seconds = |text: &str| text.strip_suffix('s').unwrap().parse::<u32>().unwrap();
    let drain = seconds(&worker.environment["EKIDEN__WORKER__DRAIN_GRACE"]);
    // Before the drain, requests under way have 10 s.
    assert!(seconds(worker.stop_grace_period.as_deref().unwrap()) > drain + 10);
}

#[test]
fn docker_compose_itself_takes_it() {
    let compose = |arguments: &[&str]| {
        let mut command = Command::new("docker");
        command.arg("compose").args(arguments).current_dir(root());
        command
    };
    if !compose(&["version"])
        .output()
        .is_ok_and(|told| told.status.success())
    {
        println!("no `docker compose` here: the file was not shown to it");
        return;
    }
    let passwords = [("POSTGRES_PASSWORD", "p"), ("RABBITMQ_PASSWORD", "r")];
    let checked = compose(&["config", "-q"]).envs(passwords).output().unwrap();
    let told = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{told}");
}
