//! Signatures against what the SDKs really send, and against everything that is nearly right.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod altered;
mod credentials;
mod dates;
mod nonces;
mod round_trip;
mod sdks;
mod support;
