//! How many may run at once: in this process, and of each function in it.

use ekiden_domain::{Function, FunctionName};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The process's slots and the functions' limits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Slots {
    process: Arc<Semaphore>,
    functions: Arc<Mutex<HashMap<FunctionName, Limit>>>,
}

#[derive(Debug)]
struct Limit {
    size: u32,
    semaphore: Arc<Semaphore>,
}

/// The right to run one invocation; given back when dropped.
#[derive(Debug)]
pub struct Slot {
    _process: OwnedSemaphorePermit,
    _function: Option<OwnedSemaphorePermit>,
}

impl Slots {
    /// This many slots for the process.
    #[must_use]
    pub fn new(size: u32) -> Self {
        Self {
            process: Arc::new(Semaphore::new(size as usize)),
            functions: Arc::default(),
        }
    }

    /// One of the process's slots, as soon as one is free.
    pub async fn process(&self) -> OwnedSemaphorePermit {
        match Arc::clone(&self.process).acquire_owned().await {
            Ok(permit) => permit,
            Err(_) => std::future::pending().await,
        }
    }

    /// One of the process's slots, if one is free now.
    #[must_use]
    pub fn try_process(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.process).try_acquire_owned().ok()
    }

    /// How many of the process's slots are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.process.available_permits()
    }

    /// The slot for one run of `function`, if the function is below its limit.
    ///
    /// # Errors
    /// Gives the process's slot back if it is not.
    pub fn for_function(
        &self,
        process: OwnedSemaphorePermit,
        name: &FunctionName,
        function: &Function,
    ) -> Result<Slot, OwnedSemaphorePermit> {
        let Some(limit) = function.max_concurrency else {
            return Ok(Slot {
                _process: process,
                _function: None,
            });
        };
        match self.limit(name, limit).try_acquire_owned() {
            Ok(permit) => Ok(Slot {
                _process: process,
                _function: Some(permit),
            }),
            Err(_) => Err(process),
        }
    }

    /// Waits until `function` is below its limit.
    pub async fn below_limit(&self, name: &FunctionName, limit: u32) {
        drop(self.limit(name, limit).acquire_owned().await);
    }

    /// A changed limit counts anew; what runs under the old one ends under the old one.
    fn limit(&self, name: &FunctionName, size: u32) -> Arc<Semaphore> {
        let mut functions = self
            .functions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let limit = functions
            .entry(name.clone())
            .or_insert_with(|| Limit::new(size));
        if limit.size != size {
            *limit = Limit::new(size);
        }
        Arc::clone(&limit.semaphore)
    }
}

impl Limit {
    fn new(size: u32) -> Self {
        Self {
            size,
            semaphore: Arc::new(Semaphore::new(size as usize)),
        }
    }
}
