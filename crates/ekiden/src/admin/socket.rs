//! The Unix socket through which a server answers its owner's commands.

use super::{Admin, Answer, Request};
use anyhow::Context;
use axum::{Json, Router, extract::State, routing::post};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tokio::{net::UnixListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// The only path there is.
pub(super) const URL: &str = "http://ekiden/admin";

/// The socket that belongs to an SQLite file.
pub(crate) fn socket_of(database: &Path) -> PathBuf {
    database.with_extension("sock")
}

/// Answers on `socket` until `stop`. To be called only by the process that has the database, so
/// that what stands there is left over from one that was killed.
pub(crate) fn listen(
    socket: &Path,
    admin: Admin,
    stop: CancellationToken,
) -> anyhow::Result<JoinHandle<()>> {
    let what = || format!("cannot listen on {}", socket.display());
    match fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(what);
        }
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(socket).with_context(what)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600)).with_context(what)?;
    let routes = Router::new()
        .route("/admin", post(perform))
        .with_state(admin);
    let socket = socket.to_owned();
    Ok(tokio::spawn(async move {
        let serving = axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::warn!(%error, "the owner's socket failed");
        }
        drop(fs::remove_file(socket));
    }))
}

async fn perform(State(admin): State<Admin>, Json(request): Json<Request>) -> Json<Answer> {
    let answer = admin.perform(request).await;
    Json(answer.unwrap_or_else(|error| Answer::Failed(format!("{error:#}"))))
}
