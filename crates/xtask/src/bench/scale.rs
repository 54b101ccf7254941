//! What each further process does.

use super::{
    figures::{markdown, shown},
    measured::Measured,
};
use comfy_table::Table;
use std::fmt;

/// How many processes there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) apis: usize,
    pub(super) workers: usize,
}

pub(super) const SIZES: [Size; 5] = [
    Size {
        apis: 1,
        workers: 1,
    },
    Size {
        apis: 1,
        workers: 2,
    },
    Size {
        apis: 1,
        workers: 3,
    },
    Size {
        apis: 2,
        workers: 1,
    },
    Size {
        apis: 2,
        workers: 2,
    },
];

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} APIs, {} workers", self.apis, self.workers)
    }
}

/// In Markdown.
pub(super) fn table(measured: &Measured) -> Table {
    let mut table = markdown([
        "APIs",
        "workers",
        "enqueue/s",
        "in batches",
        "drain/s",
        "both/s",
        "both/s, in batches",
        "idle p99, ms",
        "resident, MiB a worker",
    ]);
    for size in SIZES {
        let run = size.to_string();
        let figures = [
            "enqueue_per_s",
            "batch_enqueue_per_s",
            "drain_per_s",
            "both_per_s",
            "batch_both_per_s",
            "p99_ms",
            "rss_mb",
        ];
        let figures = figures.map(|key| measured.median(&run, key).map_or_else(String::new, shown));
        let sizes = [size.apis.to_string(), size.workers.to_string()];
        table.add_row(sizes.into_iter().chain(figures));
    }
    table
}
