//! Requests that are made from the OpenAPI document, against the real binary with all roles on SQLite.
//!
//! Schemathesis makes them, as `schemathesis.toml` says: always the same, what each operation allows
//! and what it does not. It checks that no answer is a server error, and that each has a status, a
//! media type, headers and a body as the document has them. `cargo xtask test` builds the binary and
//! names it in the environment; schemathesis is installed below `target`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../installed.rs"]
mod installed;
mod schemathesis;
mod server;

use server::Server;

#[test]
fn requests_made_from_the_document_are_answered_as_it_says() {
    let mut server = Server::start();
    let tried = schemathesis::run(&server.endpoint, server.directory());
    let said = String::from_utf8_lossy(&tried.stdout);
    let log = server.log();
    assert!(tried.status.success(), "{said}\n{log}");
    assert!(server.is_alive(), "{log}");
    // Whatever is logged as an error is a defect.
    let error = log.lines().find(|line| line.contains(r#""level":"ERROR""#));
    assert_eq!(error, None);
}
