//! Runs a function: over HTTP, as a command, or as a Rust handler.
