//! The registry of functions, kept in memory.

use crate::{Store, StoreError};
use ekiden_domain::{Function, FunctionName};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// The registered functions, as this process knows them: a change shows within [`Catalog::LAG`],
/// a new function at once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    store: Store,
    known: Arc<RwLock<Known>>,
    /// Held by the one caller that refreshes; the others wait for what it finds.
    refresh: Arc<Mutex<()>>,
}

type Functions = BTreeMap<FunctionName, Arc<Function>>;

#[derive(Debug, Default)]
struct Known {
    functions: Arc<Functions>,
    revision: Option<i64>,
    checked: Option<Instant>,
}

impl Catalog {
    /// How long a process may go on with a function's old definition.
    pub const LAG: Duration = Duration::from_millis(500);

    /// An empty catalog of the functions in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            known: Arc::default(),
            refresh: Arc::default(),
        }
    }

    /// The function of this name, if it is registered.
    ///
    /// # Errors
    /// If the registry could not be read.
    pub async fn function(&self, name: &FunctionName) -> Result<Option<Arc<Function>>, StoreError> {
        let asked = Instant::now();
        let known = self.fresh(asked.checked_sub(Self::LAG));
        if let Some(function) = known.and_then(|known| known.get(name).cloned()) {
            return Ok(Some(function));
        }
        // What is known is too old, or lacks a function that was registered just now.
        Ok(self.refreshed(Some(asked)).await?.get(name).cloned())
    }

    /// Every registered function, by name.
    ///
    /// # Errors
    /// If the registry could not be read.
    pub async fn functions(&self) -> Result<Vec<Arc<Function>>, StoreError> {
        let since = Instant::now().checked_sub(Self::LAG);
        let known = match self.fresh(since) {
            Some(known) => known,
            None => self.refreshed(since).await?,
        };
        Ok(known.values().cloned().collect())
    }

    /// Whether any registered function belongs to this service.
    ///
    /// # Errors
    /// If the registry could not be read.
    pub async fn has_service(&self, service: &str) -> Result<bool, StoreError> {
        let functions = self.functions().await?;
        Ok(functions.iter().any(|function| function.service == service))
    }

    /// What is known, if it was checked at or after `since`.
    fn fresh(&self, since: Option<Instant>) -> Option<Arc<Functions>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        (known.checked? >= since?).then(|| Arc::clone(&known.functions))
    }

    /// What is known after a check at or after `since`, one's own or another caller's.
    async fn refreshed(&self, since: Option<Instant>) -> Result<Arc<Functions>, StoreError> {
        let _alone = self.refresh.lock().await;
        if let Some(known) = self.fresh(since) {
            return Ok(known);
        }
        let checked = Instant::now();
        let revision = self.store.functions_revision().await?;
        let is_known = {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            let is_known = known.revision == Some(revision);
            if is_known {
                known.checked = Some(checked);
            }
            is_known
        };
        if !is_known {
            let (functions, revision) = self.store.functions().await?;
            let by_name = functions
                .into_iter()
                .filter_map(|function| Some((function.full_name().ok()?, Arc::new(function))))
                .collect();
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            *known = Known {
                functions: Arc::new(by_name),
                revision: Some(revision),
                checked: Some(checked),
            };
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(&known.functions))
    }
}
