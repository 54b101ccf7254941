//! The API's contract, in all four spellings.

mod calling;
mod invoking;
mod limiting;
mod listing;
mod managing;
mod records;
mod stopping;
