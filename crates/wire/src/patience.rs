//! How long a request may take, where its handler knows better than the server.

use axum::extract::FromRequestParts;
use http::request::Parts;
use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// An extension of the request, which whoever bounds its time puts there and reads again when the
/// usual time is over.
#[derive(Clone, Debug, Default)]
pub struct Patience(Arc<OnceLock<Duration>>);

impl Patience {
    /// Asks that the request may take `time` altogether. The first asker is heard.
    pub fn ask(&self, time: Duration) {
        self.0.get_or_init(|| time);
    }

    /// What was asked for.
    #[must_use]
    pub fn asked(&self) -> Option<Duration> {
        self.0.get().copied()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Patience {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
