//! How long to wait before the next attempt.
//!
//! The only module that uses the `backoff` crate: it is no longer maintained upstream, so that
//! replacing it must stay a change of one file.

use crate::chance;
use backoff::{SystemClock, backoff::Backoff, exponential::ExponentialBackoff};
use std::time::Duration;

/// The first wait after a system error (FC: "first retry after 0.5 s", then doubling).
pub const SYSTEM_BASE: Duration = Duration::from_millis(500);
/// The longest wait between two system retries.
pub const SYSTEM_MAX: Duration = Duration::from_secs(60);
/// For how long after the first attempt system errors are retried (FC: up to 5 hours).
pub const SYSTEM_BUDGET: Duration = Duration::from_secs(5 * 60 * 60);
/// How far a wait strays from the exact power of two, as a share of it: [0.8, 1.2].
pub const JITTER: f64 = 0.2;

/// The wait before retry number `retry` (from 0): `base` doubled `retry` times, at most `max`, give
/// or take [`JITTER`].
#[must_use]
pub fn delay(base: Duration, max: Duration, retry: u32) -> Duration {
    let interval = base.saturating_mul(2_u32.saturating_pow(retry)).min(max);
    let mut backoff = ExponentialBackoff::<SystemClock> {
        current_interval: interval,
        // The crate has a chance of its own, which does not follow from any seed.
        randomization_factor: if chance::is_seeded() { 0.0 } else { JITTER },
        // Elapsed time is the invocation's age, which the state machine bounds itself. So the start
        // that the crate's default reads from a clock has no effect.
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    backoff.next_backoff().unwrap_or(interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_wait_strays_as_well() {
        let day = Duration::from_secs(86_400);
        assert!((0..9).any(|_| delay(day, day, 0) != day));
    }

    proptest! {
        #[test]
        fn delays_double_up_to_the_maximum_give_or_take_the_jitter(
            base in 1_u64..5_000, max in 1_u64..600_000, retry in 0_u32..5_000,
        ) {
            let exact = base.saturating_mul(2_u64.saturating_pow(retry)).min(max) as f64;
            let got = delay(Duration::from_millis(base), Duration::from_millis(max), retry);
            let got = got.as_secs_f64() * 1000.0;
            prop_assert!(got >= exact * (1.0 - JITTER) - 1.0, "{got} of {exact}");
            prop_assert!(got <= exact * (1.0 + JITTER) + 1.0, "{got} of {exact}");
        }
    }
}
