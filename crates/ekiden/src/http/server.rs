//! Accepts connections and serves each, bounded in number, in header size and in time.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;

/// How many connections may be open at once; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;
/// How much of a request may be read ahead, and so how long its head can be at all. Shorter heads
/// than this are refused in the API's own words.
const READ_BUFFER: usize = 64 * 1024;
/// How many headers a request may have.
const MAX_HEADERS: usize = 128;
/// How long a client may take to send a request's head, or leave a connection idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// The pause after an accept failed, for want of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What serves, and how it ends.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) routes: Router,
    /// How long requests under way may go on after `stop`.
    pub(crate) grace: Duration,
}

/// Serves until `stop`, then accepts nothing more and lets the requests under way end.
pub(crate) async fn serve(server: Server, stop: CancellationToken) {
    let Server {
        listener,
        routes,
        grace,
    } = server;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        // As FC spells them: its Java SDK finds them in no other spelling.
        .title_case_headers(true)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(READ_BUFFER)
        .max_headers(MAX_HEADERS);
    let connections = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Some((stream, place)) = stop.run_until_cancelled(accept(&listener, &room)).await {
        // Answers are small and each is written whole: waiting to fill a packet only delays them.
        drop(stream.set_nodelay(true));
        let service = TowerToHyperService::new(routes.clone());
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(grace, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(?grace, "requests under way were cut off");
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let Ok(place) = Arc::clone(room).acquire_owned().await else {
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
