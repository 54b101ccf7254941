//! The commands: what they print, and how they exit.

mod bench;
mod demo;
mod key;
mod owner;
mod producer;
mod reader;
mod selftest;
mod usage;
