//! How the roles are served over HTTP: the listener, and what stands before every route.

mod auth;
mod crowd;
mod framing;
mod front;
mod health;
pub(crate) mod openapi;
mod remainder;
mod server;
mod tls;
mod trace;

pub(crate) use auth::Auth;
pub(crate) use front::{Front, Gate, Phase};
pub(crate) use health::Health;
pub(crate) use server::{Server, serve};
pub(crate) use tls::{Tls, TlsFiles};
