//! Workers at work, wherever they are.

use super::{part::rss_mb, platform::Working, process};

/// What runs tasks.
pub(super) enum Workers {
    Here(Working),
    Processes(Vec<process::Worker>),
}

impl Workers {
    /// Ends them. Returns how much memory the largest one's process had resident, in MiB.
    pub(super) async fn stop(self) -> anyhow::Result<f64> {
        match self {
            Self::Here(worker) => {
                worker.stop().await;
                rss_mb()
            }
            Self::Processes(workers) => {
                let mut largest: f64 = 0.0;
                for worker in workers {
                    largest = largest.max(worker.stop().await?);
                }
                Ok(largest)
            }
        }
    }
}
