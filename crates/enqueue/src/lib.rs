//! The enqueue API: accept, get and stop invocations.
