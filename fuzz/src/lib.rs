//! What meets the outside, each as a function of any bytes that panics where a promise does not hold.
//!
//! `cargo fuzz` looks for bytes that break one; `tests/fuzz` tries those that are kept, and some that
//! are made from them, with every change.

mod answer;
mod asked;
mod config;
mod request;
mod signature;
mod words;

/// A function of any bytes.
pub type Target = fn(&[u8]);

/// Every target, by the name of its seeds' folder.
pub const TARGETS: [(&str, Target); 10] = [
    ("answer", answer::answer),
    ("batch", asked::batch),
    ("function", config::function),
    ("invoke", asked::invoke),
    ("list", asked::list),
    ("manage", asked::manage),
    ("path", asked::path),
    ("signature", signature::signature),
    ("trace", words::trace),
    ("words", words::words),
];

/// Runs the target of this name.
pub fn run(name: &str, bytes: &[u8]) {
    let named = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = named.unwrap_or_else(|| panic!("there is no target {name}"));
    target(bytes);
}
