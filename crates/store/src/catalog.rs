//! The registry, kept in memory.

use crate::{Change, Store, StoreError};
use ekiden_domain::{Function, FunctionName, Missing, Qualifier, Registry, Resolved, Timestamp};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{sync::Mutex, time::Instant};

/// What is registered, as this process knows it. What this process changed shows at once, and so
/// does what is new; another process's change of what was there shows within [`Catalog::LAG`].
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    store: Store,
    known: Arc<RwLock<Known>>,
    /// Held by the one caller that refreshes; the others wait for what it finds.
    refresh: Arc<Mutex<()>>,
}

#[derive(Debug, Default)]
struct Known {
    registry: Arc<Registry>,
    revision: Option<i64>,
    checked: Option<Instant>,
}

impl Catalog {
    /// How long a process may go on with what another has changed.
    pub const LAG: Duration = Duration::from_millis(500);

    /// An empty catalog of what `store` has registered.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            known: Arc::default(),
            refresh: Arc::default(),
        }
    }

    /// Everything that is registered.
    ///
    /// # Errors
    /// If the registry could not be read.
    pub async fn registry(&self) -> Result<Arc<Registry>, StoreError> {
        let since = Instant::now().checked_sub(Self::LAG);
        match self.fresh(since) {
            Some(known) => Ok(known),
            None => self.refreshed(since).await,
        }
    }

    /// Everything that is registered at this moment, another process's changes included.
    ///
    /// # Errors
    /// If the registry could not be read.
    pub async fn registry_now(&self) -> Result<Arc<Registry>, StoreError> {
        self.refreshed(Some(Instant::now())).await
    }

    /// What invoking `name` through `qualifier` means now; `draw`, from 0 up to 1, decides where an
    /// alias stands for a mix of versions.
    ///
    /// # Errors
    /// If the registry could not be read.
    pub async fn resolve(
        &self,
        name: &FunctionName,
        qualifier: &Qualifier,
        draw: f64,
    ) -> Result<Result<Resolved, Missing>, StoreError> {
        let asked = Instant::now();
        let known = self.fresh(asked.checked_sub(Self::LAG));
        if let Some(Ok(resolved)) = known.map(|known| known.resolve(name, qualifier, draw)) {
            return Ok(Ok(resolved));
        }
        // What is known is too old, or lacks what was registered just now.
        let known = self.refreshed(Some(asked)).await?;
        Ok(known.resolve(name, qualifier, draw))
    }

    /// What runs for `name` in `version`, which is `LATEST` or a number, if it is registered.
    ///
    /// # Errors
    /// If the registry could not be read.
    pub async fn runnable(
        &self,
        name: &FunctionName,
        version: &Qualifier,
    ) -> Result<Option<Arc<Function>>, StoreError> {
        let asked = Instant::now();
        let known = self.fresh(asked.checked_sub(Self::LAG));
        if let Some(function) = known.and_then(|known| known.runnable(name, version)) {
            return Ok(Some(function));
        }
        Ok(self.refreshed(Some(asked)).await?.runnable(name, version))
    }

    /// Makes these changes together, or none of them. Returns whether it did: `false` means that
    /// one of the documents was not as expected.
    ///
    /// # Errors
    /// If the registry could not be written.
    pub async fn change(&self, changes: &[Change], now: Timestamp) -> Result<bool, StoreError> {
        let changed = self.store.change_registry(changes, now).await;
        // Even after an error it may be another from here on.
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.checked = None;
        changed
    }

    /// What is known, if it was checked at or after `since`.
    fn fresh(&self, since: Option<Instant>) -> Option<Arc<Registry>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        (known.checked? >= since?).then(|| Arc::clone(&known.registry))
    }

    /// What is known after a check at or after `since`, one's own or another caller's.
    async fn refreshed(&self, since: Option<Instant>) -> Result<Arc<Registry>, StoreError> {
        let _alone = self.refresh.lock().await;
        if let Some(known) = self.fresh(since) {
            return Ok(known);
        }
        let checked = Instant::now();
        let revision = self.store.registry_revision().await?;
        let mut found = None;
        if self.revision() != Some(revision) {
            found = Some(self.store.registry().await?);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((registry, revision)) = found {
            known.registry = Arc::new(registry);
            known.revision = Some(revision);
        }
        known.checked = Some(checked);
        Ok(Arc::clone(&known.registry))
    }

    fn revision(&self) -> Option<i64> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.revision
    }
}
