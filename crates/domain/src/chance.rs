//! Where chance comes from: what makes ids differ, and waits stray from each other. Not for secrets.

use rand::distr::{Distribution, StandardUniform};

/// A value drawn at random.
#[must_use]
pub fn draw<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    #[cfg(feature = "trial")]
    if let Some(drawn) = seeded::draw() {
        return drawn;
    }
    rand::random()
}

/// Whether what this thread draws follows from a seed: in a trial only.
#[must_use]
pub fn is_seeded() -> bool {
    #[cfg(feature = "trial")]
    return seeded::is();
    #[cfg(not(feature = "trial"))]
    false
}

#[cfg(feature = "trial")]
pub use seeded::seed;

#[cfg(feature = "trial")]
mod seeded {
    use rand::{
        RngExt, SeedableRng,
        distr::{Distribution, StandardUniform},
        rngs::Xoshiro256PlusPlus,
    };
    use std::cell::RefCell;

    thread_local! {
        static SEEDED: RefCell<Option<Xoshiro256PlusPlus>> = const { RefCell::new(None) };
    }

    /// From now on all that this thread draws follows from `seed`.
    pub fn seed(seed: u64) {
        SEEDED.set(Some(Xoshiro256PlusPlus::seed_from_u64(seed)));
    }

    pub(super) fn is() -> bool {
        SEEDED.with_borrow(Option::is_some)
    }

    pub(super) fn draw<T>() -> Option<T>
    where
        StandardUniform: Distribution<T>,
    {
        SEEDED.with_borrow_mut(|seeded| seeded.as_mut().map(|seeded| seeded.random()))
    }
}
