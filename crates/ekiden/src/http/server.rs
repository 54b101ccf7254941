//! Accepts connections and serves each, bounded in number, in header size and in time.

use super::{
    crowd::{Crowd, Guest},
    tls::Tls,
};
use anyhow::Context;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::{either::Either, sync::CancellationToken};

/// How many connections may be open at once; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;
/// How much of a request may be read ahead, and so how long its head can be at all. Shorter heads
/// than this are refused in the API's own words.
const READ_BUFFER: usize = 64 * 1024;
/// How many headers a request may have.
const MAX_HEADERS: usize = 128;
/// The pause after an accept failed, for want of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What serves, and how it ends.
pub(crate) struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) routes: Router,
    pub(crate) tls: Option<Tls>,
    /// How many connections may be open at once from one address; 0 for any number.
    pub(crate) connections_per_address: u32,
    /// How long a client may take to shake hands, to send a request's head, or to take in anything of
    /// an answer; and how long it may leave a connection idle.
    pub(crate) idle_timeout: Duration,
    /// How long requests under way may go on after `stop`.
    pub(crate) grace: Duration,
}

/// Serves until `stop`, then accepts nothing more and lets the requests under way end.
pub(crate) async fn serve(server: Server, stop: CancellationToken) {
    let Server {
        listener,
        routes,
        tls,
        connections_per_address,
        idle_timeout,
        grace,
    } = server;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        // As FC spells them: its Java SDK finds them in no other spelling.
        .title_case_headers(true)
        .header_read_timeout(idle_timeout)
        .max_buf_size(READ_BUFFER)
        .max_headers(MAX_HEADERS);
    let way = Arc::new(Way {
        http,
        routes,
        tls,
        idle_timeout,
    });
    let following = Arc::clone(&way);
    let following = async move {
        if let Some(tls) = &following.tls {
            tls.follow().await;
        }
    };
    tokio::spawn(stop.clone().run_until_cancelled_owned(following));
    let connections = GracefulShutdown::new();
    let door = Door {
        listener,
        room: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        crowd: Crowd::new(connections_per_address),
    };
    while let Some((stream, place)) = stop.run_until_cancelled(door.next()).await {
        let (way, watcher) = (Arc::clone(&way), connections.watcher());
        tokio::spawn(async move {
            if let Err(error) = way.serve(stream, watcher).await {
                tracing::debug!(error = format!("{error:#}"), "a connection broke");
            }
            drop(place);
        });
    }
    drop(door);
    if tokio::time::timeout(grace, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(?grace, "requests under way were cut off");
    }
}

/// How each connection is served.
struct Way {
    http: http1::Builder,
    routes: Router,
    tls: Option<Tls>,
    idle_timeout: Duration,
}

impl Way {
    async fn serve(&self, stream: TcpStream, watcher: Watcher) -> anyhow::Result<()> {
        // Answers are small and each is written whole: waiting to fill a packet only delays them.
        drop(stream.set_nodelay(true));
        let stream = match &self.tls {
            None => Either::Left(stream),
            Some(tls) => {
                let shaken = tokio::time::timeout(self.idle_timeout, tls.accept(stream)).await;
                Either::Right(shaken.context("no handshake")?.context("no handshake")?)
            }
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.idle_timeout));
        let service = TowerToHyperService::new(self.routes.clone());
        let stream = TokioIo::new(Box::pin(stream));
        Ok(watcher
            .watch(self.http.serve_connection(stream, service))
            .await?)
    }
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    room: Arc<Semaphore>,
    crowd: Crowd,
}

impl Door {
    /// The next connection, and its place among all and among those of its address.
    async fn next(&self) -> (TcpStream, (OwnedSemaphorePermit, Guest)) {
        loop {
            let Ok(place) = Arc::clone(&self.room).acquire_owned().await else {
                return std::future::pending().await;
            };
            match self.listener.accept().await {
                Ok((stream, from)) => match self.crowd.admit(from.ip()) {
                    Some(guest) => return (stream, (place, guest)),
                    // Whoever has so many reads no answer to the next: it is closed.
                    None => tracing::debug!(address = %from.ip(), "too many connections"),
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
