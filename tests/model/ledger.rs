//! What the checker comes across: which worlds lead to which, and how things end.

use crate::{setup::Setup, time::Ticks, world::World};
use ekiden_domain::Status;
use std::{
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark(u64);

impl Mark {
    pub(crate) fn of(value: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A world with its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) world: World,
    pub(crate) mark: Mark,
}

impl From<World> for Marked {
    fn from(world: World) -> Self {
        let mark = Mark::of(&world);
        Self { world, mark }
    }
}

impl Hash for Marked {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.mark.hash(hasher);
    }
}

/// Every step that was taken. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    /// Every world, in the order of discovery.
    worlds: Vec<Entry>,
    places: HashMap<Mark, usize>,
    witnessed: Witnessed,
}

#[derive(Debug)]
struct Entry {
    mark: Mark,
    is_end: bool,
    /// The places of those from which a step leads here that is not rare.
    origins: Vec<usize>,
}

/// What must be seen to happen, lest the promises be kept because nothing does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Witnessed {
    /// The final statuses.
    pub(crate) ends: BTreeSet<Status>,
    /// Two calls of the function went on at once.
    pub(crate) overlap: bool,
}

impl Ledger {
    /// A step was taken.
    pub(crate) fn enter(&self, setup: &Setup, before: &Marked, now: &Marked) {
        let mut entries = self.lock();
        let from = entries.place(setup, before);
        let to = entries.place(setup, now);
        if before.world.left == now.world.left {
            entries.worlds[to].origins.push(from);
        }
    }

    /// The first world that was found from which no end can be reached but by what is rare.
    pub(crate) fn dead_end(&self) -> Option<Mark> {
        let worlds = &self.lock().worlds;
        let mut is_saved: Vec<bool> = worlds.iter().map(|world| world.is_end).collect();
        let mut next: Vec<usize> = (0..worlds.len()).filter(|place| is_saved[*place]).collect();
        while let Some(place) = next.pop() {
            for origin in &worlds[place].origins {
                if !std::mem::replace(&mut is_saved[*origin], true) {
                    next.push(*origin);
                }
            }
        }
        let place = is_saved.iter().position(|is_saved| !is_saved)?;
        Some(worlds[place].mark)
    }

    pub(crate) fn witnessed(&self) -> Witnessed {
        self.lock().witnessed.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn place(&mut self, setup: &Setup, now: &Marked) -> usize {
        let next = self.worlds.len();
        let place = *self.places.entry(now.mark).or_insert(next);
        if place == next {
            let row = now.world.store.row.as_ref().filter(|row| row.is_final());
            let end = row.map(|row| row.status());
            self.witnessed.ends.extend(end);
            self.witnessed.overlap |= now.world.calls.len() > 1;
            self.worlds.push(Entry {
                mark: now.mark,
                // Where nothing is meant to grow too old, to expire is no way out.
                is_end: end
                    .is_some_and(|end| end != Status::Expired || setup.max_age != Ticks::MAX),
                origins: Vec::new(),
            });
        }
        place
    }
}
