//! The benchmark, on few tasks: that it measures everything, and leaves nothing.

use crate::world::{Said, World, run_sql};
use nix::{sys::signal, unistd::Pid};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};

both_stacks! {
    the_benchmark_measures_and_leaves_nothing,
    an_interrupted_benchmark_leaves_nothing,
}

const FEW: [&str; 11] = [
    "bench",
    "-n",
    "200",
    "--follow",
    "5",
    "--slots",
    "100",
    "--rows",
    "200",
    "--backlog",
    "300",
];

/// Asserts that the place of the benchmark is gone; then it can be made by somebody else.
async fn is_gone(world: &World) {
    if world.broker.is_some() {
        run_sql(&world.database_url, "CREATE SCHEMA ekiden_bench").await;
        run_sql(&world.database_url, "DROP SCHEMA ekiden_bench").await;
    } else {
        let left = std::fs::read_dir(world.path().join("data")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        let is_ours = |name: &std::ffi::OsString| name.to_str().unwrap().contains("bench");
        assert!(!left.iter().any(is_ours), "{left:?}");
    }
}

async fn the_benchmark_measures_and_leaves_nothing(world: &World) {
    let said = world.run(&FEW).await;
    assert_eq!(said.code, 0, "{said:?}");
    let line = said.json();
    for positive in [
        "enqueue_per_s",
        "drain_per_s",
        "enqueue_32_per_s",
        "batch_enqueue_per_s",
        "batch_both_per_s",
        "both_per_s",
        "enqueue_p99_ms",
        "loaded_p99_ms",
        "p50_ms",
        "p99_ms",
        "in_vain_drain_per_s",
        "rss_mb",
        "list_p99_ms",
        "list_deep_p99_ms",
        "list_slowest_p99_ms",
        "list_draining_p99_ms",
        "backlog_drain_per_s",
    ] {
        assert!(line[positive].as_f64().unwrap() > 0.0, "{positive}: {line}");
    }
    assert_eq!(
        (&line["tasks"], &line["slots"]),
        (&200.into(), &100.into()),
        "{line}"
    );
    is_gone(world).await;
    if world.broker.is_none() {
        let said = world.run(&["bench", "--workers", "2"]).await;
        assert_eq!(said.code, 2, "{said:?}");
        return;
    }
    assert!(line["wal_bytes_per_task"].as_f64().unwrap() > 0.0, "{line}");
    // What somebody else made under this name is not touched.
    run_sql(
        &world.database_url,
        "CREATE SCHEMA ekiden_bench; CREATE TABLE ekiden_bench.mine ()",
    )
    .await;
    let said = world.run(&FEW).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("left alone"), "{said:?}");
    run_sql(&world.database_url, "DROP SCHEMA ekiden_bench CASCADE").await;
    let several = [&FEW[..], &["--workers", "2", "--apis", "2"]].concat();
    let said = world.run(&several).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.json()["workers"], 2);
    is_gone(world).await;
}

async fn an_interrupted_benchmark_leaves_nothing(world: &World) {
    let mut command = tokio::process::Command::from(world.ekiden(&["bench", "-n", "1000000"]));
    let mut bench = command
        .kill_on_drop(true)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(bench.stderr.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.starts_with("enqueue") {
            break;
        }
    }
    // Another one at the same time is refused, and harms nothing.
    let said = world.run(&FEW).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("another process uses"), "{said:?}");
    let id = i32::try_from(bench.id().unwrap()).unwrap();
    signal::kill(Pid::from_raw(id), signal::Signal::SIGINT).unwrap();
    while lines.next_line().await.unwrap().is_some() {}
    assert_eq!(bench.wait().await.unwrap().code(), Some(1));
    is_gone(world).await;
    let said: Said = world.run(&FEW).await;
    assert_eq!(said.code, 0, "{said:?}");
}
