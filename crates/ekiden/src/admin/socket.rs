//! The Unix socket through which a server answers its owner's commands.

use super::{Admin, Answer, Request};
use anyhow::Context;
use axum::{Json, Router, extract::State, routing::post};
use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd, RawFd},
        unix::{fs::PermissionsExt, net::SocketAddr},
    },
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

/// Whether the socket of an SQLite file can be reached, wherever the file's directory is: an address has
/// room for about a hundred bytes.
pub(crate) fn has_room_for(database: &Path) -> bool {
    let socket = socket_of(database);
    fits(&socket) || fits(&through(RawFd::MAX, &socket))
}

fn fits(path: &Path) -> bool {
    SocketAddr::from_pathname(path).is_ok()
}

/// The path of `socket` through its directory, which is open as `directory`.
fn through(directory: RawFd, socket: &Path) -> PathBuf {
    let directory = Path::new("/proc/self/fd").join(directory.to_string());
    directory.join(socket.file_name().unwrap_or_default())
}

/// A path of a socket that fits into an address.
#[derive(Debug)]
pub(super) struct Short {
    pub(super) path: PathBuf,
    /// What the path leads through; it does so for as long as this is open.
    _directory: Option<File>,
}

impl Short {
    /// The path itself, or else one through its directory.
    pub(super) fn of(socket: &Path) -> io::Result<Self> {
        let (path, directory) = match socket.parent() {
            Some(directory) if !fits(socket) => {
                let directory = File::open(directory)?;
                (through(directory.as_raw_fd(), socket), Some(directory))
            }
            _ => (socket.to_owned(), None),
        };
        Ok(Self {
            path,
            _directory: directory,
        })
    }
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
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(what);
        }
        Ok(()) | Err(_) => {}
    }
    let short = Short::of(socket).with_context(what)?;
    let listener = UnixListener::bind(&short.path).with_context(what)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn a_socket_is_reached_however_deep_it_lies() {
        let root = tempfile::tempdir().unwrap();
        for directory in ["short", &"deep/".repeat(100)] {
            let directory = root.path().join(directory);
            fs::create_dir_all(&directory).unwrap();
            let socket = socket_of(&directory.join("ekiden.db"));
            let _listener = UnixListener::bind(Short::of(&socket).unwrap().path).unwrap();
            assert!(socket.exists());
            UnixStream::connect(Short::of(&socket).unwrap().path).unwrap();
        }
    }

    #[test]
    fn only_a_name_that_is_long_by_itself_leaves_no_room() {
        let deep = PathBuf::from("/deep".repeat(100));
        for (name, has_room) in [(75, true), (100, false)] {
            let name = "n".repeat(name);
            assert_eq!(has_room_for(&deep.join(&name)), has_room, "{name}");
        }
        assert!(has_room_for(Path::new(&"n".repeat(100))));
    }
}
