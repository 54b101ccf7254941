//! A row of the state table, and the invocation it stands for. Both databases give the same row.

use crate::StoreError;
use bytes::Bytes;
use ekiden_domain::{
    Claim, Destination, Event, Fault, FaultKind, Invalid, Invocation, InvocationId, Lease, Policy,
    Position, Record, RequestId, State, Status, Timestamp, TraceContext, WorkerId,
};
use serde::{Deserialize, Serialize};
use sqlx::{ColumnIndex, Decode, FromRow, Type};
use std::{borrow::Cow, time::Duration};
use uuid::Uuid;

/// Defines [`Row`] and the columns that it is read from, as the views `live_invocations`,
/// `ended_invocations` and `invocations` name them: in this order, since to find each by its name
/// takes longer than to read it.
macro_rules! row {
    ($first:ident: $first_type:ty, $($name:ident: $type:ty,)*) => {
        macro_rules! columns {
            () => { concat!(stringify!($first), $(", ", stringify!($name)),*) };
        }
        pub(crate) use columns;

        /// One row of the views.
        #[derive(Debug)]
        pub(crate) struct Row {
            pub(crate) $first: $first_type,
            $($name: $type,)*
        }

        impl<'r, R: sqlx::Row> FromRow<'r, R> for Row
        where
            usize: ColumnIndex<R>,
            $first_type: Decode<'r, R::Database> + Type<R::Database>,
            $($type: Decode<'r, R::Database> + Type<R::Database>,)*
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                let mut place = 0..;
                let mut next = || place.next().unwrap_or_default();
                Ok(Self {
                    $first: row.try_get(next())?,
                    $($name: row.try_get(next())?,)*
                })
            }
        }
    };
}

row! {
    request_id: Uuid,
    invocation_id: String,
    function: String,
    qualifier: String,
    version: String,
    stateful: bool,
    lane: String,
    max_retries: i64,
    retry_base_ms: i64,
    retry_max_ms: i64,
    hops: i64,
    on_success: Option<String>,
    on_failure: Option<String>,
    trace: Option<String>,
    accepted_at: i64,
    expires_at: i64,
    status: i16,
    lease: i64,
    due_at: Option<i64>,
    worker: Option<Uuid>,
    claimed_at: Option<i64>,
    started_at: Option<i64>,
    deadline_at: Option<i64>,
    first_started_at: Option<i64>,
    attempts: i64,
    retries: i64,
    system_retries: i64,
    releases: i64,
    reached: bool,
    duration_ms: i64,
    fault_kind: Option<i16>,
    error: Option<String>,
    error_message: Option<String>,
    http_status: Option<i64>,
    ended_at: Option<i64>,
    events: String,
}

/// A row with the payload, where the query asked for it, after the columns.
#[derive(Debug)]
pub(crate) struct RecordRow {
    row: Row,
    payload: Option<Vec<u8>>,
}

impl<'r, R: sqlx::Row> FromRow<'r, R> for RecordRow
where
    usize: ColumnIndex<R>,
    Row: FromRow<'r, R>,
    Option<Vec<u8>>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            row: Row::from_row(row)?,
            payload: row.try_get(row.len() - 1)?,
        })
    }
}

impl RecordRow {
    /// Where in a list it stands, whatever else it says.
    pub(crate) fn position(&self) -> Position {
        Position {
            accepted_at: Timestamp::from_millis(self.row.accepted_at),
            request_id: RequestId::from_uuid(self.row.request_id),
        }
    }
}

/// What these rows stand for. One that holds what no Ekiden wrote is told and left out: whoever takes
/// many at once must not be stopped by it.
pub(crate) fn sound<R, T: TryFrom<R, Error = StoreError>>(rows: Vec<R>) -> Vec<T> {
    let sound = |row: R| match T::try_from(row) {
        Ok(sound) => Some(sound),
        Err(error) => {
            metrics::counter!("ekiden_inconsistent_rows_total").increment(1);
            tracing::error!(%error, "a row is left alone until somebody repairs it");
            None
        }
    };
    rows.into_iter().filter_map(sound).collect()
}

impl TryFrom<RecordRow> for Record {
    type Error = StoreError;

    fn try_from(row: RecordRow) -> Result<Self, StoreError> {
        Ok(Self {
            invocation: row.row.try_into()?,
            payload: row.payload.map(Bytes::from),
            output: None,
            delivery: None,
        })
    }
}

impl TryFrom<Row> for Invocation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = row.state().ok_or_else(|| row.inconsistent("status"))?;
        let error = row.fault()?;
        let events = decode_events(&row.events).ok_or_else(|| row.inconsistent("events"))?;
        let id = row.request_id;
        let bad = move |column| move |_| inconsistent(id, column);
        Ok(Self {
            request_id: RequestId::from_uuid(id),
            invocation_id: InvocationId::lookup(&row.invocation_id)
                .map_err(bad("invocation_id"))?,
            function: row.function.parse().map_err(bad("function"))?,
            qualifier: row.qualifier.parse().map_err(bad("qualifier"))?,
            version: row.version.parse().map_err(bad("version"))?,
            stateful: row.stateful,
            hops: count(row.hops),
            trace: trace(row.trace),
            policy: Policy {
                lane: row.lane.parse().map_err(bad("lane"))?,
                max_retries: u8::try_from(row.max_retries)
                    .map_err(|_| inconsistent(id, "max_retries"))?,
                retry_base: millis(row.retry_base_ms),
                retry_max: millis(row.retry_max_ms),
                on_success: destination(row.on_success).map_err(bad("on_success"))?,
                on_failure: destination(row.on_failure).map_err(bad("on_failure"))?,
            },
            accepted_at: Timestamp::from_millis(row.accepted_at),
            expires_at: Timestamp::from_millis(row.expires_at),
            state,
            lease: Lease::from_number(row.lease),
            attempts: count(row.attempts),
            retries: count(row.retries),
            system_retries: count(row.system_retries),
            releases: count(row.releases),
            reached: row.reached,
            first_started_at: row.first_started_at.map(Timestamp::from_millis),
            worker: row.worker.map(WorkerId::from_uuid),
            duration: millis(row.duration_ms),
            error,
            events,
        })
    }
}

impl Row {
    /// The state, if the columns that say it agree.
    fn state(&self) -> Option<State> {
        let at = |column: Option<i64>| column.map(Timestamp::from_millis);
        let claim = || {
            let worker = WorkerId::from_uuid(self.worker?);
            Some(Claim {
                worker,
                claimed_at: at(self.claimed_at)?,
            })
        };
        Some(match Status::from_code(self.status)? {
            Status::Enqueued => State::Enqueued {
                due_at: at(self.due_at)?,
            },
            Status::Retrying => State::Retrying {
                due_at: at(self.due_at)?,
            },
            Status::Dequeued => State::Dequeued { claim: claim()? },
            Status::Running => State::Running {
                claim: claim()?,
                started_at: at(self.started_at)?,
                deadline: at(self.deadline_at)?,
            },
            Status::Stopping => State::Stopping {
                claim: claim()?,
                started_at: at(self.started_at),
                deadline: at(self.deadline_at)?,
            },
            status @ (Status::Succeeded
            | Status::Failed
            | Status::Stopped
            | Status::Expired
            | Status::Invalid) => State::Ended {
                status,
                ended_at: at(self.ended_at)?,
            },
        })
    }

    fn fault(&self) -> Result<Option<Fault>, StoreError> {
        let Some(code) = self.fault_kind else {
            return Ok(None);
        };
        let (Some(kind), Some(error), Some(message)) =
            (fault_kind(code), &self.error, &self.error_message)
        else {
            return Err(self.inconsistent("fault_kind"));
        };
        let fault = Fault::new(kind, error, message);
        Ok(Some(
            match self
                .http_status
                .and_then(|status| u16::try_from(status).ok())
            {
                Some(status) => fault.with_http_status(status),
                None => fault,
            },
        ))
    }

    fn inconsistent(&self, column: &'static str) -> StoreError {
        inconsistent(self.request_id, column)
    }
}

pub(crate) fn inconsistent(id: Uuid, column: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: "invocations",
        column,
        id: id.to_string(),
    }
}

/// The fault kind that `code` stands for in the tables.
pub(crate) const fn fault_kind(code: i16) -> Option<FaultKind> {
    match code {
        0 => Some(FaultKind::Function),
        1 => Some(FaultKind::System),
        2 => Some(FaultKind::SystemReached),
        _ => None,
    }
}

/// The number that stands for `kind` in the tables.
pub(crate) const fn fault_code(kind: FaultKind) -> i16 {
    match kind {
        FaultKind::Function => 0,
        FaultKind::System => 1,
        FaultKind::SystemReached => 2,
    }
}

/// A span as the tables hold it, in milliseconds.
pub(crate) fn as_millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn millis(column: i64) -> Duration {
    Duration::from_millis(u64::try_from(column).unwrap_or(0))
}

fn destination(column: Option<String>) -> Result<Option<Destination>, Invalid> {
    column.map(Destination::try_from).transpose()
}

/// The trace that `column` names; none is lost with one that cannot be read.
pub(crate) fn trace(column: Option<String>) -> Option<TraceContext> {
    TraceContext::parse(&column?)
}

pub(crate) fn count(column: i64) -> u32 {
    u32::try_from(column).unwrap_or(u32::MAX)
}

/// An event as the column holds it: `[1700000000000,"Running"]`, with the detail if there is one.
#[derive(Deserialize, Serialize)]
struct EventRow<'a>(
    i64,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")] Cow<'a, str>,
);

/// The events as one JSON array of `[milliseconds, status]` or `[milliseconds, status, detail]`.
pub(crate) fn encode_events(events: &[Event]) -> String {
    let rows = events.iter().map(|event| {
        let (status, detail) = (event.status.as_str(), event.detail.as_str());
        EventRow(event.at.as_millis(), status.into(), detail.into())
    });
    // Numbers and texts: there is nothing that could not be written.
    serde_json::to_string(&rows.collect::<Vec<_>>()).unwrap_or_default()
}

fn decode_events(text: &str) -> Option<Vec<Event>> {
    let rows: Vec<EventRow<'_>> = serde_json::from_str(text).ok()?;
    let events = rows.into_iter().map(|EventRow(at, status, detail)| {
        Some(Event {
            at: Timestamp::from_millis(at),
            status: status.parse().ok()?,
            detail: detail.into_owned(),
        })
    });
    events.collect()
}
