//! The one binary. It has no role to play yet.

fn main() {}
