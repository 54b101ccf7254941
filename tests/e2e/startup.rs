//! How processes start, what they refuse to start with, and how they end.

mod database;
mod ending;
mod migration;
mod refusal;
