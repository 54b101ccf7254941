//! The process between a worker and a command, which sees to it that the command never outlives
//! its attempt, not even where the worker is killed.
//!
//! A worker starts the program that calls [`main`] with one end of a socket as its standard input.
//! Over it the worker sends the payload (its length in 8 bytes, then itself) and the guard sends
//! reports; that the worker closes it, or dies, is the order to end the command. Standard
//! output and error are the command's own.
//!
//! The command has a process group of its own. Told to end it, the guard sends the group SIGTERM
//! and, when the grace is over, SIGKILL. When the command has ended by itself, what it left behind
//! is killed at once. On Linux the guard adopts its orphaned descendants, so that this holds for
//! those that left the group too.

mod report;

pub(crate) use report::Report;

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal, kill, killpg},
        wait::{WaitStatus, wait},
    },
    unistd::Pid,
};
use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::{
        fd::AsFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{ChildStdin, Command, ExitCode, Stdio},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

/// How long killing may take.
pub(crate) const SWEEP: Duration = Duration::from_secs(1);
/// How long one round of killing waits before it looks for what it has missed.
const ROUND: Duration = Duration::from_millis(10);

/// What the guard's threads tell it.
enum Event {
    /// The command has ended.
    Ended(Report),
    /// No process is left that descends from it.
    Gone,
    /// The worker has closed the socket.
    HungUp,
}

/// The guard's `main`: a program whose guard this is calls it before it does anything else, with
/// the arguments that follow those of [`ExecutorConfig::guard`](crate::ExecutorConfig::guard), and
/// exits with what it returns: the command's exit status, 128 and the signal that killed it, or
/// 127 if it could not be started.
///
/// Only a worker can start a guard; otherwise this says so and returns 2.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let grace = arguments
        .next()
        .and_then(|text| text.to_str()?.parse().ok());
    let (Some(grace), Some(program), Ok(worker)) = (grace, arguments.next(), worker()) else {
        let _ = writeln!(io::stderr(), "a guard is started by an Ekiden worker only");
        return ExitCode::from(2);
    };
    let mut command = Command::new(program);
    command.args(arguments);
    match run(
        &mut command,
        &Arc::new(worker),
        Duration::from_millis(grace),
    ) {
        Ok(report) => report.exit_code(),
        Err(error) => {
            let _ = writeln!(io::stderr(), "the guard failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn worker() -> io::Result<UnixStream> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.peer_addr()?;
    Ok(socket)
}

fn run(command: &mut Command, worker: &Arc<UnixStream>, grace: Duration) -> io::Result<Report> {
    // Where it is not allowed, what leaves the group is out of reach.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let mut child = match command.stdin(Stdio::piped()).process_group(0).spawn() {
        Ok(child) => child,
        Err(error) => {
            let report = Report::NotStarted(error.raw_os_error().unwrap_or(0));
            tell(worker, report);
            return Ok(report);
        }
    };
    let id = i32::try_from(child.id()).map_err(io::Error::other)?;
    let group = Group(Pid::from_raw(id));
    tell(worker, Report::Started(id));
    // What ends the guard would leave the command alone. Not earlier: it would inherit this.
    let ending = [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ];
    ending.into_iter().collect::<SigSet>().thread_block()?;

    let (events, heard) = mpsc::channel();
    let (hung_up, socket) = (events.clone(), Arc::clone(worker));
    spawn(move || watch(&socket, &hung_up))?;
    spawn(move || reap(group.0, &events))?;
    if let Some(stdin) = child.stdin.take() {
        let socket = Arc::clone(worker);
        spawn(move || feed(&socket, stdin))?;
    }
    let report = oversee(&group, &heard, grace);
    tell(worker, report);
    Ok(report)
}

fn spawn(body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().spawn(body).map(drop)
}

fn tell(mut worker: &UnixStream, report: Report) {
    // A worker that is gone needs no report.
    let _ = worker.write_all(&report.encode());
}

/// Passes the payload on.
fn feed(mut worker: &UnixStream, mut stdin: ChildStdin) {
    let mut length = [0; 8];
    let complete = worker.read_exact(&mut length).and_then(|()| {
        let length = u64::from_be_bytes(length);
        Ok(io::copy(&mut worker.take(length), &mut stdin)? == length)
    });
    if !matches!(complete, Ok(true)) {
        // The worker was lost on the way: the command must not take a part for the whole.
        std::mem::forget(stdin);
    }
}

/// Waits for the worker to close the socket, beside whatever is read from it.
fn watch(worker: &UnixStream, events: &Sender<Event>) {
    let mut sockets = [PollFd::new(worker.as_fd(), PollFlags::empty())];
    while poll(&mut sockets, PollTimeout::NONE) == Err(Errno::EINTR) {}
    let _ = events.send(Event::HungUp);
}

/// Waits for the command and for everything that became the guard's child through it.
fn reap(command: Pid, events: &Sender<Event>) {
    loop {
        let ended = match wait() {
            Ok(WaitStatus::Exited(pid, status)) if pid == command => Report::Exited(status),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == command => {
                Report::Killed(signal as i32)
            }
            // A real-time signal, which has no name, has killed one of them.
            Err(Errno::EINVAL) if kill(command, None).is_err() => Report::Killed(0),
            Err(Errno::ECHILD) => break,
            Ok(_) | Err(_) => continue,
        };
        let _ = events.send(Event::Ended(ended));
    }
    let _ = events.send(Event::Gone);
}

fn oversee(group: &Group, events: &Receiver<Event>, grace: Duration) -> Report {
    let mut gone = false;
    let report = match events.recv() {
        Ok(Event::Ended(report)) => report,
        Ok(Event::HungUp | Event::Gone) | Err(_) => {
            let _ = killpg(group.0, Signal::SIGTERM);
            gone = gone_within(events, grace);
            Report::Killed(Signal::SIGTERM as i32)
        }
    };
    let limit = Instant::now() + SWEEP;
    while !gone && Instant::now() < limit {
        let _ = killpg(group.0, Signal::SIGKILL);
        for stray in children() {
            let _ = kill(stray, Signal::SIGKILL);
        }
        gone = gone_within(events, ROUND);
    }
    report
}

fn gone_within(events: &Receiver<Event>, span: Duration) -> bool {
    let limit = Instant::now() + span;
    loop {
        match events.recv_timeout(limit.saturating_duration_since(Instant::now())) {
            Ok(Event::Gone) => return true,
            Ok(Event::Ended(_) | Event::HungUp) => {}
            Err(_) => return false,
        }
    }
}

/// The guard's children now: the command, and what it has adopted. Empty where the system does
/// not list them.
fn children() -> Vec<Pid> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let lists =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    let listed: String = lists.collect();
    let ids = listed.split_whitespace().filter_map(|id| id.parse().ok());
    ids.map(Pid::from_raw).collect()
}

/// The command's process group, killed where the guard fails.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        let _ = killpg(self.0, Signal::SIGKILL);
    }
}
