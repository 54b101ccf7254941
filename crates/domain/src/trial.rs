//! Where a test may stand between a part of Ekiden and what it calls. Without the feature `trial`, which
//! no program has, nobody stands there.

use crate::Transition;
use std::future::Future;
#[cfg(feature = "trial")]
pub use trouble::{Boxed, Trouble};

/// What is in the way of each call that a part makes: nothing, outside of a trial.
#[derive(Clone, Debug, Default)]
pub struct Trial(#[cfg(feature = "trial")] Option<std::sync::Arc<dyn Trouble>>);

/// The connection was lost: before the call was made, or after; the caller cannot know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

#[cfg(not(feature = "trial"))]
impl Trial {
    /// Makes the call.
    ///
    /// # Errors
    /// [`Lost`] in a trial only.
    pub async fn meet<F: Future>(&self, call: F) -> Result<F::Output, Lost> {
        Ok(call.await)
    }

    /// The transition that is to be committed: the one that was decided.
    #[must_use]
    pub async fn bend(&self, transition: Box<Transition>) -> Box<Transition> {
        transition
    }
}

#[cfg(feature = "trial")]
mod trouble {
    use super::{Future, Lost, Transition, Trial};
    use std::{any::type_name, fmt, pin::Pin, sync::Arc};

    /// A future that says nothing of its type.
    pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

    /// What may go wrong, as a test decides.
    pub trait Trouble: fmt::Debug + Send + Sync + 'static {
        /// Lets one call `run`, or not; now, or later. [`Lost`] stands for a connection that was lost:
        /// before the call if `run` was not awaited, and else after it. `call` names it by its path.
        fn around<'a>(
            &'a self,
            call: &'static str,
            run: Boxed<'a, ()>,
        ) -> Boxed<'a, Result<(), Lost>>;

        /// Makes another transition of the one that is to be committed.
        fn bend(&self, transition: Box<Transition>) -> Boxed<'_, Box<Transition>> {
            Box::pin(async { transition })
        }
    }

    impl Trial {
        /// With `trouble` in the way of every call.
        #[must_use]
        pub fn of(trouble: Arc<dyn Trouble>) -> Self {
            Self(Some(trouble))
        }

        /// Makes the call, with whatever trouble there is.
        ///
        /// # Errors
        /// [`Lost`], if the trouble is that.
        pub async fn meet<F>(&self, call: F) -> Result<F::Output, Lost>
        where
            F: Future<Output: Send> + Send,
        {
            let Some(trouble) = &self.0 else {
                return Ok(call.await);
            };
            let mut done = None;
            let run = Box::pin(async { done = Some(call.await) });
            trouble.around(type_name::<F>(), run).await?;
            done.ok_or(Lost)
        }

        /// The transition that is to be committed.
        #[must_use]
        pub async fn bend(&self, transition: Box<Transition>) -> Box<Transition> {
            match &self.0 {
                Some(trouble) => trouble.bend(transition).await,
                None => transition,
            }
        }
    }
}
