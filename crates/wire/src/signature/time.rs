//! When a request was signed, in the spellings of the wire, and the window around the server's time.

use super::AuthError;
use ekiden_domain::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use std::time::Duration;

/// How far from the server's time a request may be dated, before or after; exactly this far is
/// still accepted. From FC's documentation.
pub const SKEW: Duration = Duration::from_secs(15 * 60);

/// How a header spells an instant.
#[derive(Clone, Copy)]
pub(super) enum Spelling {
    /// `Sun, 22 Nov 2026 21:53:54 GMT`: the `FC` scheme.
    Rfc1123,
    /// `2026-11-22T21:53:54Z`: ACS3.
    Iso8601,
}

impl Spelling {
    fn parse(self, text: &str) -> Option<jiff::Timestamp> {
        match self {
            Self::Rfc1123 => DateTimeParser::new().parse_timestamp(text).ok(),
            Self::Iso8601 => text.parse().ok(),
        }
    }

    fn print(self, instant: jiff::Timestamp) -> String {
        match self {
            // Only years that nobody's clock shows have no such spelling.
            Self::Rfc1123 => DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&instant)
                .unwrap_or_else(|_| instant.to_string()),
            Self::Iso8601 => instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Self::Rfc1123 => "Sun, 22 Nov 2026 21:53:54 GMT",
            Self::Iso8601 => "2026-11-22T21:53:54Z",
        }
    }
}

/// `instant` in ACS3's spelling, without its milliseconds.
pub(super) fn iso8601(instant: Timestamp) -> String {
    Spelling::Iso8601.print(precise(instant))
}

/// Checks that `sent`, the value of `header`, lies within [`SKEW`] of `now`.
pub(super) fn check(
    header: &'static str,
    spelling: Spelling,
    sent: &str,
    now: Timestamp,
) -> Result<(), AuthError> {
    let sent = spelling.parse(sent).ok_or_else(|| {
        AuthError::malformed(format!(
            "header {header} is not a date like '{}'",
            spelling.example()
        ))
    })?;
    let millis = Timestamp::from_millis(sent.as_millisecond());
    if now.since(millis) <= SKEW && millis.since(now) <= SKEW {
        return Ok(());
    }
    Err(AuthError::OutsideWindow {
        header,
        sent: spelling.print(sent),
        server: spelling.print(precise(now)),
    })
}

fn precise(instant: Timestamp) -> jiff::Timestamp {
    let millis = instant.as_millis();
    jiff::Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    })
}
