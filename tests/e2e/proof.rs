//! What the platform promises, put to the test: nothing is lost, and what runs twice is explained.

mod crash;
mod ledger;
pub(crate) mod load;
mod patience;
mod silence;
mod strangers;
mod wiped;
