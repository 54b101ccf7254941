//! Standard output, which may end before this program does: a reader such as `head` has enough.

use std::{
    fmt,
    io::{self, Write},
    process,
};

/// Prints a line, as `println!` does.
macro_rules! outln {
    () => { $crate::cli::out::line(format_args!("")) };
    ($($argument:tt)*) => { $crate::cli::out::line(format_args!($($argument)*)) };
}

/// Prints a line. Ends the process where nobody reads on, quietly, or where it cannot be written.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.write_all(b"\n")) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => {
            eprintln!("error: cannot write to standard output: {error}");
            process::exit(1);
        }
    }
}
