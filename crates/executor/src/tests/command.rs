use super::*;
use crate::command::{LAST_WORDS, LOG_TAIL, PATH};
use ekiden_domain::FaultKind;
use std::{path::PathBuf, process::Stdio};

mod ending;

/// The example that is built beside these tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples/command");
    assert!(program.exists(), "cargo builds it with all tests");
    program
}

fn executor(kill_grace: Duration) -> Executor {
    let config = ExecutorConfig {
        guard: vec![program().into(), "guard".into()],
        kill_grace,
        ..ExecutorConfig::default()
    };
    Executor::new(Handlers::new(), config)
}

fn command(argv: &[&str]) -> Attempt {
    attempt(&json!({"command": argv}), &json!({}))
}

fn sh(script: &str) -> Attempt {
    command(&["sh", "-c", script])
}

async fn run(attempt: Attempt) -> Execution {
    execute(&executor(MINUTE), attempt).await
}

#[tokio::test]
async fn the_payload_is_the_input_and_the_output_the_result() {
    let payload: Bytes = (0..1024 * 1024)
        .map(|n: u32| n.to_be_bytes()[3] ^ n.to_be_bytes()[2])
        .collect();
    let mut cat = attempt(
        &json!({"command": ["cat"]}),
        &json!({"max_output": 1024 * 1024}),
    );
    cat.payload = payload.clone();
    assert_eq!(output(run(cat).await), payload);

    let mut indifferent = sh("echo done");
    indifferent.payload = payload;
    assert_eq!(output(run(indifferent).await), "done\n");
}

#[tokio::test]
async fn a_status_other_than_0_is_a_function_error_with_the_end_of_the_log() {
    let flood = "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 3";
    let cases = [
        ("exit 127".to_owned(), "exit status 127".to_owned()),
        ("kill -9 $$".to_owned(), "killed by signal 9".to_owned()),
        (
            "kill -64 $$".to_owned(),
            "killed by a real-time signal".to_owned(),
        ),
        (
            flood.to_owned(),
            format!("exit status 3: {}the end", "x".repeat(LAST_WORDS - 8)),
        ),
        (
            "printf '\\377' >&2; exit 1".to_owned(),
            "exit status 1: \u{fffd}".to_owned(),
        ),
    ];
    for (script, message) in cases {
        let wanted = Fault::function("UnhandledInvocationError", &message);
        assert_eq!(fault(run(sh(&script)).await), wanted);
    }
}

#[tokio::test]
async fn what_cannot_be_started_is_the_platform_s_fault() {
    let missing = fault(run(command(&["/no/such/program"])).await);
    let not_executable = fault(run(command(&["/etc/passwd"])).await);
    for fault in [missing, not_executable] {
        assert_eq!(
            (fault.kind, fault.error.as_str()),
            (FaultKind::System, "CommandNotFound")
        );
        assert!(
            fault.message.starts_with("cannot start '/"),
            "{}",
            fault.message
        );
    }

    let nowhere = json!({"working_directory": "/no/such/directory"});
    let nowhere = fault(run(attempt(&json!({"command": ["true"]}), &nowhere)).await);
    let message = "the working directory '/no/such/directory' does not exist";
    assert_eq!(nowhere, Fault::system("CommandNotStarted", message));

    for (guard, error, message) in [
        ([].as_slice(), "GuardMissing", "this worker has no guard"),
        (
            &["/no/such/guard"],
            "CommandNotStarted",
            "cannot start the guard",
        ),
        (
            &["/bin/sh", "-c", "echo usage >&2; exit 2"],
            "GuardLost",
            "lost: usage",
        ),
    ] {
        let config = ExecutorConfig {
            guard: guard.iter().map(Into::into).collect(),
            ..ExecutorConfig::default()
        };
        let executor = Executor::new(Handlers::new(), config);
        let fault = fault(execute(&executor, sh("true")).await);
        assert_eq!(
            (fault.kind, fault.error.as_str()),
            (FaultKind::System, error)
        );
        assert!(fault.message.contains(message), "{}", fault.message);
    }
}

#[tokio::test]
async fn a_command_sees_its_own_environment_only() {
    let settings = json!({"environment": {"A": "b c", "FC_QUALIFIER": "mine"}});
    let mut attempt = attempt(&json!({"command": ["env"]}), &settings);
    attempt.invocation_id = "task-1".parse().unwrap();
    let request_id = attempt.request_id;
    let output = output(run(attempt).await);
    let mut lines: Vec<&str> = std::str::from_utf8(&output).unwrap().lines().collect();
    lines.sort_unstable();
    let wanted = [
        "A=b c",
        "EKIDEN_ATTEMPT=3",
        "EKIDEN_INVOCATION_ID=task-1",
        "EKIDEN_LEASE=7",
        "FC_FUNCTION_NAME=f",
        "FC_QUALIFIER=mine",
        &format!("FC_REQUEST_ID={request_id}"),
        "FC_RETRY_COUNT=2",
        "FC_SERVICE_NAME=s",
        &format!("PATH={PATH}"),
        &format!("TRACEPARENT={PARENT}"),
        &format!("TRACESTATE={STATE}"),
    ];
    assert_eq!(lines, wanted);
}

#[tokio::test]
async fn no_shell_reads_the_arguments() {
    let words = ["$HOME", "a  b", "; exit 1", "*", "`id`", "\"'\\", ""];
    let argv = [&["printf", "[%s]"][..], &words].concat();
    let told: String = words.map(|word| format!("[{word}]")).concat();
    assert_eq!(output(run(command(&argv)).await), told);
}

#[tokio::test]
async fn a_command_leads_a_process_group_of_its_own() {
    let told = output(run(sh("echo $$; cut -d' ' -f5 /proc/$$/stat")).await);
    let ids: Vec<_> = std::str::from_utf8(&told).unwrap().lines().collect();
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_command_that_writes_too_much_is_ended() {
    assert_eq!(fault(run(command(&["yes"])).await), too_large(1024 * 1024));
}

#[test]
fn a_guard_without_a_worker_says_so() {
    let guard = std::process::Command::new(program())
        .args(["guard", "0", "true"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(guard.status.code(), Some(2));
    assert!(
        String::from_utf8(guard.stderr)
            .unwrap()
            .contains("by an Ekiden worker only")
    );
}

#[tokio::test]
async fn what_it_wrote_is_kept_however_it_ended() {
    let flood = "echo out; head -c 10000 /dev/zero | tr '\\0' x >&2; echo the end >&2";
    for end in ["exit 0", "exit 1", "kill -9 $$"] {
        let ran = run(sh(&format!("{flood}; {end}"))).await;
        assert_eq!(ran.output, "out\n", "{end}");
        assert_eq!(ran.log.len(), LOG_TAIL, "{end}");
        assert!(ran.log.ends_with(b"xthe end\n"), "{end}");
    }
    let mut slow = sh("echo out; echo log >&2; sleep 60");
    slow.timeout = Duration::from_secs(3);
    let ran = run(slow).await;
    assert!(matches!(ran.outcome, Outcome::Failed(_)));
    assert_eq!(
        (ran.output.as_ref(), ran.log.as_ref()),
        (&b"out\n"[..], &b"log\n"[..])
    );
}
