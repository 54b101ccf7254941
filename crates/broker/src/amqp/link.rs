//! One supervised connection: made, watched, and made anew for as long as the broker is open.
//!
//! lapin's own recovery is not used: it makes a lost queue anew without a word, and whoever must
//! put back what was in it would never know.

use super::{AmqpConfig, pause::Pause};
use crate::BrokerError;
use futures::StreamExt;
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind, Event, uri::AMQPUri};
use std::{
    fmt,
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How often a connection is looked at where it does not tell of its end by itself.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// The heartbeat that is asked for where the URL names none, in seconds; a peer that was silent
/// twice as long is taken for dead.
const HEARTBEAT_S: u16 = 10;

#[derive(Clone, Debug)]
enum State {
    /// Not tried yet.
    New,
    Up(Arc<Connection>),
    /// The broker holds publishers back: its memory or disk is short. Says why.
    Blocked(String),
    /// Not connected. Says why.
    Down(String),
    Closed,
}

pub(crate) struct Link {
    name: &'static str,
    timeout: Duration,
    state: watch::Receiver<State>,
    /// How many channel numbers lapin will not use again on this connection: it gives out those of
    /// channels that the broker closed (as it does to answer that there is no such queue), then
    /// refuses to open them, and forgets them.
    lost_numbers: AtomicUsize,
    /// Ends the supervisor, at the latest with this link.
    closing: DropGuard,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Link {
    pub(crate) fn start(config: &AmqpConfig, name: &'static str) -> Result<Self, BrokerError> {
        let mut uri: AMQPUri = config.url.parse().map_err(|_| BrokerError::Url)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        let closing = CancellationToken::new();
        let (told, state) = watch::channel(State::New);
        let supervisor = Supervisor {
            uri,
            name,
            timeout: config.timeout,
            told,
            closing: closing.clone(),
        };
        tokio::spawn(supervisor.run());
        Ok(Self {
            name,
            timeout: config.timeout,
            state,
            lost_numbers: AtomicUsize::new(0),
            closing: closing.drop_guard(),
        })
    }

    /// Why there is no connection to work with, if it is known that there is none.
    pub(crate) fn check(&self) -> Result<(), BrokerError> {
        match &*self.state.borrow() {
            State::New | State::Up(_) => Ok(()),
            State::Blocked(why) | State::Down(why) => Err(BrokerError::Unavailable(why.clone())),
            State::Closed => Err(BrokerError::Closed),
        }
    }

    /// A new channel, as soon as there is a connection to have it on.
    pub(crate) async fn channel(&self) -> Result<Channel, BrokerError> {
        match tokio::time::timeout(self.timeout, self.open_channel()).await {
            Ok(channel) => channel,
            Err(_) => Err(self.overdue()),
        }
    }

    async fn open_channel(&self) -> Result<Channel, BrokerError> {
        let mut state = self.state.clone();
        let mut pause = Pause::default();
        loop {
            let up = state.wait_for(|state| matches!(state, State::Up(_) | State::Closed));
            let State::Up(connection) = up.await.map_err(|_| BrokerError::Closed)?.clone() else {
                return Err(BrokerError::Closed);
            };
            let is_over =
                |state: &State| !matches!(state, State::Up(now) if Arc::ptr_eq(now, &connection));
            let created = tokio::select! {
                created = connection.create_channel() => created,
                // lapin may never answer on a connection that ends meanwhile.
                _ = state.wait_for(is_over) => continue,
            };
            let error = match created {
                Ok(channel) => return Ok(channel),
                Err(error) => error,
            };
            tracing::debug!(connection = self.name, %error, "a channel was not opened");
            if !connection.status().connected() {
                // Broken this moment: the supervisor is about to learn it.
            } else if !matches!(error.kind(), ErrorKind::ChannelsLimitReached) {
                self.lost_numbers.fetch_add(1, Ordering::Relaxed);
            } else if self.lost_numbers.swap(0, Ordering::Relaxed) > 0 {
                // A new connection has all its numbers again.
                connection.close(200, "out of channels".into()).await?;
            }
            pause.wait().await;
        }
    }

    /// What to call an answer that did not come in time: the known reason, or just late.
    pub(crate) fn overdue(&self) -> BrokerError {
        self.check()
            .err()
            .unwrap_or(BrokerError::TimedOut(self.timeout))
    }

    /// Closes the connection for good.
    pub(crate) async fn close(&self) {
        self.closing.token().cancel();
        let mut state = self.state.clone();
        let closed = state.wait_for(|state| matches!(state, State::Closed));
        // A broker that does not answer a goodbye is left without one.
        drop(tokio::time::timeout(self.timeout, closed).await);
    }
}

struct Supervisor {
    uri: AMQPUri,
    name: &'static str,
    timeout: Duration,
    told: watch::Sender<State>,
    closing: CancellationToken,
}

impl Supervisor {
    async fn run(self) {
        let connected = metrics::gauge!("ekiden_broker_connected", "connection" => self.name);
        let mut pause = Pause::default();
        while let Some(attempt) = self.until_closing(self.connect()).await {
            let why = match attempt {
                Ok(connection) => {
                    tracing::info!(connection = self.name, "connected to the broker");
                    connected.set(1);
                    pause = Pause::default();
                    let why = self.watch(connection).await;
                    connected.set(0);
                    why
                }
                Err(BrokerError::Unavailable(why)) => why,
                Err(error) => error.to_string(),
            };
            if self.closing.is_cancelled() {
                break;
            }
            tracing::warn!(connection = self.name, reason = %why, "not connected to the broker");
            self.told.send_replace(State::Down(why));
            self.until_closing(pause.wait()).await;
        }
        self.told.send_replace(State::Closed);
    }

    async fn until_closing<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.closing.run_until_cancelled(work).await
    }

    async fn connect(&self) -> Result<Connection, BrokerError> {
        let properties = ConnectionProperties::default().with_connection_name(self.name.into());
        bounded(
            self.timeout,
            Connection::connect_uri(self.uri.clone(), properties),
        )
        .await
    }

    /// Tells how the connection is, until it is lost or to be closed. Returns why it was lost.
    async fn watch(&self, connection: Connection) -> String {
        let connection = Arc::new(connection);
        let mut events = pin!(connection.events_listener());
        let mut why = "the connection was lost".to_owned();
        let mut why_blocked = "it holds publishers back".to_owned();
        while connection.status().connected() {
            let is_blocked = connection.status().blocked();
            self.told.send_if_modified(|state| match state {
                State::Up(_) if !is_blocked => false,
                State::Blocked(_) if is_blocked => false,
                _ if is_blocked => {
                    tracing::warn!(connection = self.name, reason = %why_blocked, "publishing is blocked");
                    *state = State::Blocked(why_blocked.clone());
                    true
                }
                _ => {
                    *state = State::Up(Arc::clone(&connection));
                    true
                }
            });
            tokio::select! {
                Some(event) = events.next() => match event {
                    Event::ConnectionBlocked(reason) => why_blocked = format!("publishing is blocked: {reason}"),
                    // A single channel's errors are told here too.
                    Event::Error(error) if !connection.status().connected() => why = error.to_string(),
                    _ => {}
                },
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
                () = self.closing.cancelled() => {
                    drop(bounded(self.timeout, connection.close(200, "goodbye".into())).await);
                    break;
                }
            }
        }
        why
    }
}

/// An answer of the broker's, or an error after `timeout`.
pub(crate) async fn bounded<T>(
    timeout: Duration,
    answer: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(timeout, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(BrokerError::TimedOut(timeout)),
    }
}
