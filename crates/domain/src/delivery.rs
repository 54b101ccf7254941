//! Handing a result on to its destination: at least once, for as long as a day.

use crate::{Destination, RequestId, Timestamp, retry, text};
use std::{fmt, time::Duration};

/// The wait before the first repetition, doubled before each further one.
pub const RETRY_BASE: Duration = Duration::from_secs(1);
/// The longest wait between two repetitions.
pub const RETRY_MAX: Duration = Duration::from_secs(60 * 60);
/// How long a delivery is tried for.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// How much of a receiver's answer is kept, in bytes.
pub const MAX_ANSWER: usize = 4096;
/// How many functions a chain of destinations may lead through, so that one which comes back to itself
/// ends. Each tells the next all that it was told, quoted once more: a longer one would not fit.
pub const MAX_HOPS: u32 = 8;
/// The most bytes of content that a function can be told (FC: 128 KB).
pub const MAX_CHAINED: usize = 128 * 1024;

/// Where a delivery stands: the record's `destinationStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// Not delivered yet.
    Pending,
    /// The destination has it.
    Succeeded,
    /// Given up.
    Failed,
}

impl DeliveryStatus {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Succeeded, Self::Failed];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a try to deliver came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// The HTTP status of a webhook's answer, where there was one.
    pub http_status: Option<u16>,
    /// The beginning of what the receiver said; at most [`MAX_ANSWER`] bytes, free of NUL.
    pub body: String,
    /// What went wrong; empty if nothing did.
    pub error: String,
}

impl Answer {
    /// An answer; `body` and `error` are cleaned and cut to their lengths.
    #[must_use]
    pub fn new(at: Timestamp, http_status: Option<u16>, body: &str, error: &str) -> Self {
        Self {
            at,
            http_status,
            body: text::clean(body, MAX_ANSWER),
            error: text::clean(error, 1024),
        }
    }
}

/// Whether a try to deliver succeeded, and whether another makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The destination has it.
    Delivered,
    /// Not this time.
    Again,
    /// Never: the destination does not want it, or does not exist.
    Never,
    /// Never, nor any other result: the destination wants no more (Standard Webhooks: 410 Gone).
    Gone,
}

/// That the result of an invocation is to be handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Whose result.
    pub request_id: RequestId,
    /// Where to.
    pub destination: Destination,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it was tried, this time included: also the guard of what the try reports.
    pub attempts: u32,
    /// When it was asked for: the invocation's end, or the last request to send it again.
    pub created_at: Timestamp,
    /// When it is tried next; of no meaning unless it is Pending.
    pub due_at: Timestamp,
    /// What the last try came to; `None` before the first.
    pub answer: Option<Answer>,
}

impl Delivery {
    /// A delivery that nobody has tried yet.
    #[must_use]
    pub const fn new(request_id: RequestId, destination: Destination, now: Timestamp) -> Self {
        Self {
            request_id,
            destination,
            status: DeliveryStatus::Pending,
            attempts: 0,
            created_at: now,
            due_at: now,
            answer: None,
        }
    }

    /// The delivery after this try: done, given up, or due again.
    #[must_use]
    pub fn tried(self, verdict: Verdict, answer: Answer) -> Self {
        let wait = retry::delay(RETRY_BASE, RETRY_MAX, self.attempts.saturating_sub(1));
        let due_at = answer.at.after(wait);
        let is_too_late = due_at >= self.created_at.after(GIVE_UP_AFTER);
        let status = match verdict {
            Verdict::Delivered => DeliveryStatus::Succeeded,
            Verdict::Again if !is_too_late => DeliveryStatus::Pending,
            Verdict::Again | Verdict::Never | Verdict::Gone => DeliveryStatus::Failed,
        };
        Self {
            status,
            due_at,
            answer: Some(answer),
            ..self
        }
    }

    /// The delivery, to be tried again from now on for as long as the first time.
    #[must_use]
    pub fn again(self, now: Timestamp) -> Self {
        Self {
            status: DeliveryStatus::Pending,
            created_at: now,
            due_at: now,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn delivery(attempts: u32) -> Delivery {
        let id = RequestId::generate(at(1));
        let destination = "https://hooks.example/ok".parse().unwrap();
        Delivery {
            attempts,
            ..Delivery::new(id, destination, at(0))
        }
    }

    fn answer(now: Timestamp) -> Answer {
        Answer::new(now, Some(500), &"x".repeat(5000), "status 500")
    }

    #[test]
    fn a_failed_try_is_repeated_later_and_later() {
        let first = delivery(1).tried(Verdict::Again, answer(at(1000)));
        assert_eq!(first.status, DeliveryStatus::Pending);
        assert!((1700..=2300).contains(&first.due_at.as_millis()));
        let tenth = delivery(10).tried(Verdict::Again, answer(at(0)));
        assert!((400_000..=620_000).contains(&tenth.due_at.as_millis()));
        assert_eq!(tenth.answer.unwrap().body.len(), MAX_ANSWER);
    }

    #[test]
    fn it_is_given_up_after_a_day_or_at_once() {
        let late = at(0).after(GIVE_UP_AFTER);
        let given_up = delivery(30).tried(Verdict::Again, answer(late));
        assert_eq!(given_up.status, DeliveryStatus::Failed);
        for verdict in [Verdict::Never, Verdict::Gone] {
            let refused = delivery(1).tried(verdict, answer(at(5)));
            assert_eq!(refused.status, DeliveryStatus::Failed);
        }
        let refused = delivery(1).tried(Verdict::Never, answer(at(5)));
        let again = refused.again(late);
        assert_eq!(again.status, DeliveryStatus::Pending);
        let again = again.tried(Verdict::Again, answer(late));
        assert_eq!(again.status, DeliveryStatus::Pending);
    }

    #[test]
    fn a_delivery_that_succeeded_is_over() {
        let done = delivery(3).tried(Verdict::Delivered, answer(at(5)));
        assert_eq!(done.status, DeliveryStatus::Succeeded);
    }
}
