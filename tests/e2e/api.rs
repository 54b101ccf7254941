//! The API's contract, in all four spellings.

mod calling;
mod invoking;
mod listing;
mod records;
mod stopping;
