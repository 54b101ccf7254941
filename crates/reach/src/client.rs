//! The HTTP client that is held to a [`Reach`].

use crate::{OutOfReach, Reach};
use reqwest::{
    ClientBuilder, RequestBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use std::{
    error::Error,
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use thiserror::Error;
use url::Url;

/// How long a connection is kept for the next call: less than the 5 s after which common servers
/// close an idle one themselves.
const KEPT_IDLE: Duration = Duration::from_secs(4);

/// A client with a pool of connections of its own: those of another one may lead where this one must
/// not go. It is made at the first call: a program that makes none need not read the system's
/// certificates. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    reach: Arc<Reach>,
    connect_timeout: Duration,
    made: Arc<OnceLock<Result<reqwest::Client, String>>>,
}

/// Why nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unsent {
    /// It must not go there.
    #[error(transparent)]
    OutOfReach(#[from] OutOfReach),
    /// There is no client.
    #[error("no HTTP client can be made: {0}")]
    NoClient(String),
}

impl Client {
    /// A client of this reach; a connection may take `connect_timeout` to be made, TLS included.
    #[must_use]
    pub fn new(reach: Reach, connect_timeout: Duration) -> Self {
        Self {
            reach: Arc::new(reach),
            connect_timeout,
            made: Arc::default(),
        }
    }

    /// A POST to `url`. That a name's addresses are out of reach shows when it is sent: see
    /// [`is_out_of_reach`].
    ///
    /// # Errors
    /// If the address in it is out of reach, or no client can be made.
    pub fn post(&self, url: Url) -> Result<RequestBuilder, Unsent> {
        self.reach.check(&url)?;
        match self.made.get_or_init(|| self.make()) {
            Ok(client) => Ok(client.post(url)),
            Err(why) => Err(Unsent::NoClient(why.clone())),
        }
    }

    fn make(&self) -> Result<reqwest::Client, String> {
        // It fails where the program has chosen a provider already: then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Where the system has no certificates, servers without TLS can still be called.
        let made = self
            .builder()
            .build()
            .or_else(|_| self.builder().tls_certs_only([]).build());
        made.map_err(|error| innermost(&error))
    }

    fn builder(&self) -> ClientBuilder {
        reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(KEPT_IDLE)
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Resolver(Arc::clone(&self.reach))))
    }
}

/// Resolves names to those of their addresses that may be reached.
struct Resolver(Arc<Reach>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str();
            let found = tokio::net::lookup_host((host, 0)).await?;
            let within = reach.within(host, found, SocketAddr::ip)?;
            if within.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            Ok(Box::new(within.into_iter()) as Addrs)
        })
    }
}

/// Whether this is because the name that was called has no address that may be reached.
#[must_use]
pub fn is_out_of_reach(error: &reqwest::Error) -> bool {
    sources(error).any(|source| source.is::<OutOfReach>())
}

/// The cause in the words of whoever met it. What reqwest says itself names the URL, which may hold a
/// password.
#[must_use]
pub fn innermost(error: &reqwest::Error) -> String {
    let cause = sources(error).last();
    cause.map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

/// What the error comes from, the innermost last.
pub fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |source| (*source).source())
}
