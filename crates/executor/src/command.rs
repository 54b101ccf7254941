//! Functions that are commands, from the worker's side; [`crate::guard`] is the other one.

mod pipes;
mod running;

use crate::{Attempt, Execution};
use ekiden_domain::{Fault, Outcome, TraceContext};
use running::Running;
use std::{ffi::OsString, path::Path, sync::Arc, time::Duration};
use tokio::{process::Command, time::sleep};
use tokio_util::sync::CancellationToken;

#[cfg(test)]
pub(crate) use pipes::{LAST_WORDS, LOG_TAIL};

/// Where programs are looked for, unless the function's environment says.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The longest grace between SIGTERM and SIGKILL.
const LONGEST_GRACE: Duration = Duration::from_secs(86_400);

/// Runs commands under a guard.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    guard: Arc<[OsString]>,
    kill_grace: Duration,
}

impl Commands {
    pub(crate) fn new(guard: Vec<OsString>, kill_grace: Duration) -> Self {
        Self {
            guard: guard.into(),
            kill_grace: kill_grace.min(LONGEST_GRACE),
        }
    }

    /// How the command ended; `None` if it was cancelled. Nothing of it runs
    /// any more then.
    pub(crate) async fn run(
        &self,
        argv: &[String],
        attempt: &Attempt,
        cancel: &CancellationToken,
    ) -> Option<Execution> {
        let out_of_time = sleep(attempt.timeout);
        let mut running = match self.start(argv, attempt) {
            Ok(running) => running,
            Err(fault) => return Some(Execution::failed(fault)),
        };
        let interruption = tokio::select! {
            // A result that is there already is the truth, whatever was asked meanwhile.
            biased;
            ended = running.ended(&attempt.payload) => match ended {
                Ok(report) => return Some(running.result(report, argv).await),
                Err(fault) => Some(fault),
            },
            () = cancel.cancelled() => None,
            () = out_of_time => Some(Fault::timed_out(attempt.timeout)),
        };
        // Whatever the command makes of its SIGTERM, it did not end by itself.
        let (output, log) = running.end(self.kill_grace).await;
        interruption.map(|fault| Execution {
            outcome: Outcome::Failed(fault),
            output,
            log,
        })
    }

    fn start(&self, argv: &[String], attempt: &Attempt) -> Result<Running, Fault> {
        let Some((program, arguments)) = self.guard.split_first() else {
            let message = "this worker has no guard and cannot run commands";
            return Err(Fault::system("GuardMissing", message));
        };
        let function = &attempt.function;
        let mut guard = Command::new(program);
        guard
            .args(arguments)
            .arg(self.kill_grace.as_millis().to_string())
            .args(argv)
            .env_clear()
            .envs(variables(attempt))
            .envs(trace(attempt))
            .envs(&function.environment)
            // A terminal's Ctrl-C is for the worker, which ends its commands as it drains.
            .process_group(0);
        if let Some(directory) = &function.working_directory {
            guard.current_dir(directory);
        }
        Running::start(guard, function.max_output).map_err(|error| {
            let directory = function.working_directory.as_ref();
            if let Some(directory) = directory.filter(|path| !Path::new(path).is_dir()) {
                let message = format!("the working directory '{directory}' does not exist");
                return Fault::system("CommandNotStarted", &message);
            }
            Fault::system(
                "CommandNotStarted",
                &format!("cannot start the guard: {error}"),
            )
        })
    }
}

/// The trace, in the variables that tracing tools read.
fn trace(attempt: &Attempt) -> impl Iterator<Item = (String, &str)> {
    let fields = attempt.trace.iter().flat_map(TraceContext::fields);
    fields.map(|(name, value)| (name.to_ascii_uppercase(), value))
}

fn variables(attempt: &Attempt) -> [(&'static str, String); 9] {
    [
        ("PATH", PATH.to_owned()),
        ("FC_REQUEST_ID", attempt.request_id.to_string()),
        ("FC_SERVICE_NAME", attempt.name.service().to_owned()),
        ("FC_FUNCTION_NAME", attempt.name.function().to_owned()),
        ("FC_QUALIFIER", attempt.qualifier.to_string()),
        ("FC_RETRY_COUNT", attempt.retries.to_string()),
        ("EKIDEN_INVOCATION_ID", attempt.invocation_id.to_string()),
        ("EKIDEN_LEASE", attempt.lease.to_string()),
        ("EKIDEN_ATTEMPT", attempt.number.to_string()),
    ]
}
