//! What the platform promises, put to the test: nothing is lost, and what runs twice is explained.

mod crash;
mod full;
mod ledger;
pub(crate) mod load;
mod patience;
mod poison;
mod restored;
mod silence;
mod slot;
mod strangers;
mod wiped;
