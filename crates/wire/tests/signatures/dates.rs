//! Requests that were signed at another time.

use crate::support::{NEW_YEAR, NEW_YEAR_DATE, SECRET, acs3, fc, refused, verify};
use ekiden_domain::Timestamp;
use http::request::Parts;
use std::time::Duration;

#[test]
fn a_request_is_good_for_fifteen_minutes_before_and_after_its_date() {
    let window = Duration::from_secs(15 * 60);
    let millisecond = Duration::from_millis(1);
    let parts = fc(NEW_YEAR_DATE);
    for now in [NEW_YEAR.before(window), NEW_YEAR, NEW_YEAR.after(window)] {
        assert!(verify(&parts, SECRET, now).is_ok());
    }
    for now in [
        NEW_YEAR.before(window).before(millisecond),
        NEW_YEAR.after(window).after(millisecond),
        NEW_YEAR.after(window).after(Duration::from_secs(1)),
        Timestamp::from_millis(i64::MIN),
        Timestamp::from_millis(i64::MAX),
    ] {
        let error = verify(&parts, SECRET, now).unwrap_err();
        assert_eq!(
            (error.code(), error.status().as_u16()),
            ("AccessDenied", 403)
        );
    }
}

#[test]
fn a_date_outside_the_window_is_answered_with_the_servers_in_the_same_spelling() {
    let late = NEW_YEAR.after(Duration::from_millis(901_999));
    let message = |parts: &Parts| verify(parts, SECRET, late).unwrap_err().to_string();
    assert_eq!(
        message(&fc(NEW_YEAR_DATE)),
        "AccessDenied: Date 'Sun, 01 Jan 2023 00:00:00 GMT' is not within 15 minutes of the \
         server's time 'Sun, 01 Jan 2023 00:15:01 GMT'"
    );
    assert_eq!(
        message(&acs3(&[("x-acs-date", "2023-01-01T00:00:00Z")])),
        "AccessDenied: x-acs-date '2023-01-01T00:00:00Z' is not within 15 minutes of the \
         server's time '2023-01-01T00:15:01Z'"
    );
    for date in [
        "",
        "now",
        "2023-01-01T00:00:00Z",
        "Mon, 01 Jan 2023 00:00:00 GMT",
    ] {
        let error = refused(&fc(date)).to_string();
        assert_eq!(
            error,
            "header Date is not a date like 'Sun, 22 Nov 2026 21:53:54 GMT'"
        );
    }
}
