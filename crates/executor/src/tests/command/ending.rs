//! How commands end that do not do so by themselves, and what they leave behind.

use super::*;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{fs, path::Path};
use tempfile::TempDir;

/// The attempt in a directory of its own.
fn in_directory(script: &str) -> (TempDir, Attempt) {
    let directory = TempDir::new().unwrap();
    let settings = json!({"working_directory": directory.path()});
    let argv = json!({"command": ["sh", "-c", script]});
    let attempt = attempt(&argv, &settings);
    (directory, attempt)
}

async fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(value) = ready() {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(MINUTE, wait).await.expect(what)
}

/// The process whose id is in this file.
fn written(file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(file).ok()?;
    text.strip_suffix('\n')?.parse().ok().map(Pid::from_raw)
}

/// Whether it runs: a zombie does not.
fn runs(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(") ")
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[tokio::test]
async fn what_a_command_leaves_behind_does_not_outlive_it() {
    for detach in ["", "setsid"] {
        let (directory, attempt) = in_directory(&format!(
            "trap '' TERM; {detach} sh -c 'echo $$ > id; sleep 1000' &
            until test -s id; do sleep 0.01; done; echo done"
        ));
        assert_eq!(output(run(attempt).await), "done\n");
        let left = written(&directory.path().join("id")).unwrap();
        assert!(!runs(left), "{detach}");
    }
}

#[tokio::test]
async fn a_cancelled_command_may_tidy_up_and_is_gone_then() {
    let (directory, attempt) = in_directory(
        "trap 'yes | head -c 100000; echo tidy > tidied; exit 0' TERM
        echo $$ > id; while :; do sleep 0.01; done",
    );
    let id = directory.path().join("id");
    let cancel = CancellationToken::new();
    let executor = executor(MINUTE);
    let (end, ()) = futures::join!(executor.run(attempt, cancel.clone()), async {
        until("it starts", || written(&id)).await;
        cancel.cancel();
    });
    assert_eq!(
        end,
        End::Cancelled,
        "its exit status 0 is not its own doing"
    );
    assert!(!runs(written(&id).unwrap()));
    assert_eq!(
        fs::read_to_string(directory.path().join("tidied")).unwrap(),
        "tidy\n"
    );
}

#[tokio::test]
async fn a_command_that_does_not_listen_is_killed_after_the_grace() {
    let (directory, attempt) = in_directory(
        "trap '' TERM; sh -c 'echo $$ > child; sleep 1000' & echo $$ > id; wait; sleep 1000",
    );
    let (id, child) = (directory.path().join("id"), directory.path().join("child"));
    let cancel = CancellationToken::new();
    let executor = executor(Duration::from_millis(50));
    let (end, ()) = futures::join!(executor.run(attempt, cancel.clone()), async {
        until("both start", || written(&id).and(written(&child))).await;
        cancel.cancel();
    });
    assert_eq!(end, End::Cancelled);
    assert!(!runs(written(&id).unwrap()));
    assert!(!runs(written(&child).unwrap()));
}

#[tokio::test]
async fn a_command_that_runs_too_long_is_ended() {
    let (directory, mut attempt) = in_directory("echo $$ > id; sleep 1000");
    // It takes none of its payload either.
    attempt.payload = vec![0; 1024 * 1024].into();
    attempt.timeout = Duration::from_millis(300);
    let timed_out = Fault::timed_out(attempt.timeout);
    assert_eq!(fault(run(attempt).await), timed_out);
    // On a machine that is slow enough it never began.
    let id = written(&directory.path().join("id"));
    assert!(!id.is_some_and(runs));
}

#[tokio::test]
async fn a_command_whose_worker_is_killed_is_ended() {
    let (directory, _) = in_directory("");
    let id = directory.path().join("id");
    let mut worker = std::process::Command::new(program())
        .args(["run", "sh", "-c", "echo $$ > \"$0\"; sleep 1000"])
        .arg(&id)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let command = until("it starts", || written(&id)).await;
    assert!(runs(command));
    worker.kill().unwrap();
    worker.wait().unwrap();
    until("it ends", || (!runs(command)).then_some(())).await;
}

#[tokio::test]
async fn a_command_that_kills_its_guard_is_killed_too() {
    let (directory, attempt) =
        in_directory("cat > payload; echo $$ > id; kill -9 $PPID; sleep 1000");
    let fault = fault(run(attempt).await);
    assert_eq!(
        (fault.kind, fault.error.as_str()),
        (FaultKind::Function, "GuardLost")
    );
    let command = written(&directory.path().join("id")).unwrap();
    until("it ends", || (!runs(command)).then_some(())).await;
}

#[tokio::test]
async fn a_guard_outlives_the_signals_that_a_terminal_or_a_supervisor_sends() {
    let (directory, attempt) = in_directory(
        "cat > payload; echo $PPID > guard; until test -e go; do sleep 0.01; done; echo done",
    );
    let path = directory.path();
    let executor = executor(MINUTE);
    let (execution, ()) = futures::join!(execute(&executor, attempt), async {
        // It passes the payload on only when it is proof against signals.
        let guard = until("it starts", || written(&path.join("guard"))).await;
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            kill(guard, signal).unwrap();
        }
        fs::write(path.join("go"), "").unwrap();
    });
    assert_eq!(output(execution), "done\n");
}
