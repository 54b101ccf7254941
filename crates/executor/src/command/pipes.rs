//! What a command writes.

use crate::too_large;
use bytes::Bytes;
use ekiden_domain::Fault;
use futures::future::{join, try_join};
use std::io;
use tokio::{
    io::{AsyncReadExt, copy, sink},
    process::{Child, ChildStderr, ChildStdout},
};

/// How much of the end of standard error is kept, in bytes (FC: the last 4 KB).
pub(crate) const LOG_TAIL: usize = 4096;
/// How much of that goes into a fault's message.
pub(crate) const LAST_WORDS: usize = 512;
/// How much is read from a pipe at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// A command's standard output and error.
pub(super) struct Pipes {
    stdout: ChildStdout,
    stderr: ChildStderr,
    output: Vec<u8>,
    max_output: usize,
    /// The end of what it wrote to standard error.
    log: Vec<u8>,
}

impl Pipes {
    /// Those of a child that was started with both piped.
    pub(super) fn of(child: &mut Child, max_output: usize) -> io::Result<Self> {
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Self {
            stdout,
            stderr,
            output: Vec::new(),
            max_output,
            log: Vec::new(),
        })
    }

    /// Reads both to their ends, or until there is too much output. Dropped and called again, it
    /// goes on where it was.
    pub(super) async fn read(&mut self) -> Result<(), Fault> {
        let Self {
            stdout,
            stderr,
            output,
            max_output,
            log,
        } = self;
        let out = async {
            let mut chunk = vec![0; CHUNK];
            loop {
                let length = stdout.read(&mut chunk).await.unwrap_or(0);
                if length == 0 {
                    return Ok(());
                }
                if output.len() + length > *max_output {
                    // The beginning alone would pass for a result.
                    output.clear();
                    return Err(too_large(*max_output));
                }
                output.extend_from_slice(&chunk[..length]);
            }
        };
        let err = async {
            let mut chunk = vec![0; CHUNK];
            loop {
                let length = stderr.read(&mut chunk).await.unwrap_or(0);
                if length == 0 {
                    return Ok(());
                }
                log.extend_from_slice(&chunk[..length]);
                log.drain(..log.len().saturating_sub(LOG_TAIL));
            }
        };
        try_join(out, err).await.map(|((), ())| ())
    }

    /// Reads both to their ends and keeps nothing.
    pub(super) async fn drain(mut self) {
        let (mut nowhere, mut neither) = (sink(), sink());
        let out = copy(&mut self.stdout, &mut nowhere);
        let err = copy(&mut self.stderr, &mut neither);
        // What cannot be read is not missed.
        let _ = join(out, err).await;
    }

    /// The output and the log so far.
    pub(super) fn take(&mut self) -> (Bytes, Bytes) {
        let take = |bytes: &mut Vec<u8>| std::mem::take(bytes).into();
        (take(&mut self.output), take(&mut self.log))
    }

    /// How the command ended and the last it had to say.
    pub(super) fn with_log(&self, how: &str) -> String {
        let last = self.log.len().saturating_sub(LAST_WORDS);
        let log = String::from_utf8_lossy(&self.log[last..]);
        match log.trim() {
            "" => how.to_owned(),
            log => format!("{how}: {log}"),
        }
    }
}
