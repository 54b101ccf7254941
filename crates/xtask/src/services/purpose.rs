//! What the servers are for, and so how they are set.

/// What servers are started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Tests: many stores at once, and so impatient a broker that a test can show that long tasks
    /// outlive it.
    Tests,
    /// Figures: a database with as much room as that of the systems that ours is held against.
    Figures,
}

impl Purpose {
    /// PostgreSQL's options. It is as durable as installed.
    pub(super) const fn of_postgres(self) -> &'static str {
        match self {
            // Each test has a store of its own.
            Self::Tests => "-c max_connections=400",
            Self::Figures => "-c max_connections=200 -c shared_buffers=1GB -c max_wal_size=4GB",
        }
    }

    /// How long RabbitMQ lets a delivery go without its acknowledgement, and how often it looks, in
    /// milliseconds.
    pub(super) const fn of_rabbitmq(self) -> (u32, u32) {
        match self {
            Self::Tests => (5000, 1000),
            // As installed.
            Self::Figures => (1_800_000, 60_000),
        }
    }
}
