//! The fuzzer's targets, with the bytes that are kept in `fuzz/seeds` and some that are made from them:
//! always the same.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzzer's own crate exports it")]
mod fuzz;

use rand::{RngExt, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use std::{fs, path::Path};

/// How many inputs are made for each target.
const MADE: usize = 2000;
/// Pieces that grammars end, nest and escape by.
const PIECES: [&[u8]; 16] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"%",
    b"%2F",
    b"%00",
    b"\xff",
    b"\"",
    b"{",
    b"[[[[",
    b"=",
    b"&",
    b"99999999999999999999",
    b"-1",
    "\u{1f600}".as_bytes(),
];

#[test]
fn no_bytes_break_a_promise() {
    for (name, _) in fuzz::TARGETS {
        let seeds = seeds(name);
        for seed in &seeds {
            fuzz::run(name, seed);
        }
        let mut random = SmallRng::seed_from_u64(0x000e_01de);
        for _ in 0..MADE {
            fuzz::run(name, &made(&seeds, &mut random));
        }
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let seeds: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    seeds
}

/// A seed with a few changes: bytes altered, pieces put in, taken out, repeated, or of another seed.
fn made(seeds: &[Vec<u8>], random: &mut SmallRng) -> Vec<u8> {
    let mut bytes = seeds.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..6) {
        let from = random.random_range(0..=bytes.len());
        let until = random.random_range(from..=bytes.len());
        match random.random_range(0..6) {
            0 => drop(bytes.drain(from..until)),
            1 => drop(bytes.splice(from..from, PIECES.choose(random).unwrap().iter().copied())),
            2 => {
                let again = bytes[from..until].to_vec();
                drop(bytes.splice(from..from, again));
            }
            3 => {
                let other = seeds.choose(random).unwrap();
                let start = random.random_range(0..=other.len());
                drop(bytes.splice(from..until, other[start..].iter().copied()));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(from) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
        }
    }
    bytes
}
