//! The whole platform, end to end: what several of the tests use.

pub mod proxy;
