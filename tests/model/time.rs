//! The model's time.
//!
//! No clock runs: the present stands still, and when a tick passes everything else moves into the
//! past. So worlds that differ only in the hour are one. A tick outlasts every wait of the protocol:
//! whatever is put off falls due at the next one, and all that the lengths of waits could decide is
//! left to the order of the steps.

use ekiden_domain::{Timestamp, retry, transition};
use std::time::Duration;

/// In how many ticks something comes; 0 is now, or before.
pub(crate) type Ticks = u8;

/// How long a tick is.
pub(crate) const TICK: Duration = Duration::from_secs(100);
/// How long a call of the function may take.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The present.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

const _: () = {
    let longest_retry = retry::SYSTEM_MAX.as_millis() as f64 * (1.0 + retry::JITTER);
    assert!(longest_retry < TICK.as_millis() as f64);
    assert!(CALL_TIMEOUT.as_secs() + transition::RUN_GRACE.as_secs() < TICK.as_secs());
    assert!(transition::STOP_LIMIT.as_secs() < TICK.as_secs());
};

/// The instant that comes in so many ticks.
pub(crate) fn at(ticks: Ticks) -> Timestamp {
    NOW.after(TICK * u32::from(ticks))
}

/// In how many ticks `instant` will have come.
pub(crate) fn ticks_until(instant: Timestamp) -> Ticks {
    (0..Ticks::MAX)
        .find(|ticks| at(*ticks) >= instant)
        .unwrap_or(Ticks::MAX)
}

/// `instant` as it looks from one tick later. What lies far ahead stays there.
pub(crate) fn one_tick_later(instant: Timestamp) -> Timestamp {
    match ticks_until(instant) {
        0 => NOW,
        Ticks::MAX => instant,
        ticks => at(ticks - 1),
    }
}
