//! Lives through many seeds, on every core.

use crate::{database::Database, flaw::Flaw, live, world::Life};
use std::{
    fmt,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

/// The first seed found in which a promise is broken.
pub(crate) struct Broken {
    seed: u64,
    pub(crate) what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EKIDEN_SEED={}: {}", self.seed, self.what)
    }
}

/// How it went with each of these seeds, in their order.
pub(crate) fn search(seeds: Range<u64>, flaw: Option<Flaw>) -> Result<Vec<Life>, Broken> {
    let next = AtomicU64::new(seeds.start);
    let search = || {
        let database = Database::make(flaw);
        let mut lives = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(lives);
            }
            match live(seed, flaw, &database) {
                Ok(life) => lives.push((seed, life)),
                Err(what) => {
                    next.store(seeds.end, Ordering::Relaxed);
                    return Err(Broken { seed, what });
                }
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut lives = thread::scope(|scope| {
        let searches: Vec<_> = (0..cores).map(|_| scope.spawn(search)).collect();
        let searches = searches.into_iter().map(|search| search.join().unwrap());
        searches.collect::<Result<Vec<_>, _>>()
    })?
    .concat();
    lives.sort_by_key(|(seed, _)| *seed);
    Ok(lives.into_iter().map(|(_, life)| life).collect())
}
