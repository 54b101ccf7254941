//! Whatever is left to chance: all of it follows from one seed.

use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Mutex,
};

/// Draws by name: what is drawn under one name does not depend on how often others were.
#[derive(Debug)]
pub(crate) struct Dice {
    pub(crate) seed: u64,
    drawn: Mutex<HashMap<String, u64>>,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let drawn = Mutex::default();
        Self { seed, drawn }
    }

    /// A source of chance for the next thing of this name.
    pub(crate) fn roll(&self, name: &str) -> Xoshiro256PlusPlus {
        let mut drawn = self.drawn.lock().unwrap();
        let count = drawn.entry(name.to_owned()).or_default();
        *count += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, name, *count).hash(&mut hasher);
        Xoshiro256PlusPlus::seed_from_u64(hasher.finish())
    }
}
