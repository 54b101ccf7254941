//! The API's contract, in all four spellings.

mod batch;
mod calling;
mod described;
mod invoking;
mod limiting;
mod listing;
mod managing;
mod records;
mod stopping;
mod throttling;
