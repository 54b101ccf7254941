//! How answers look to a person.

use crate::client::{Attempt, Delivery, Record};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// The longest payload that is shown in a table, in characters.
const SHOWN: usize = 60;

/// Prints JSON.
pub(super) fn json(value: &Value) -> anyhow::Result<()> {
    outln!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints a table; its width is the terminal's, or what it needs where there is none.
pub(super) fn table(header: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for line in table.lines() {
        outln!("{}", line.trim_end());
    }
}

/// Prints several invocations, a line each.
pub(super) fn records(records: &[Record], with_payload: bool) {
    let mut header = vec!["ID", "STATUS", "STARTED", "DURATION", "RETRIES", "ERROR"];
    header.extend(with_payload.then_some("PAYLOAD"));
    let rows = records.iter().map(|record| {
        let mut row = vec![
            record.invocation_id.clone(),
            record.status.to_string(),
            time(record.started_time),
            duration(record),
            record.already_retried_times.to_string(),
            line(&record.invocation_error_message),
        ];
        row.extend(with_payload.then(|| line(record.invocation_payload.as_deref().unwrap_or(""))));
        row
    });
    table(&header, rows.collect());
}

/// Prints all there is to say of one invocation.
pub(super) fn record(record: &Record) {
    let ended = if record.end_time == 0 {
        "-".to_owned()
    } else {
        time(record.end_time)
    };
    let function = format!("{}/{}", record.service_name, record.function_name);
    let mut facts = vec![
        ("id", record.invocation_id.clone()),
        ("request id", record.request_id.clone()),
        ("function", format!("{function} ({})", record.qualifier)),
        ("status", record.status.to_string()),
        ("started", time(record.started_time)),
        ("ended", ended),
        ("duration", duration(record)),
        ("retries", record.already_retried_times.to_string()),
        ("instance", or_dash(&record.instance_id)),
        ("error", or_dash(&record.invocation_error_message)),
    ];
    if let Some(payload) = &record.invocation_payload {
        let encoding = record.payload_encoding.as_deref().unwrap_or("text");
        facts.push(("payload", format!("{} ({encoding})", line(payload))));
    }
    if let Some(result) = &record.return_payload {
        let encoding = record.return_payload_encoding.as_deref().unwrap_or("text");
        facts.push(("result", format!("{} ({encoding})", line(result))));
    }
    for (name, value) in facts {
        outln!("{name:<11} {value}");
    }
    outln!();
    let events = record.events.iter().map(|event| {
        let status = event.status.to_string();
        vec![time(event.timestamp), status, event.event_detail.clone()]
    });
    table(&["TIME", "STATUS", "DETAIL"], events.collect());
    if !record.attempts.is_empty() {
        outln!();
        let rows = record.attempts.iter().map(attempt);
        table(&["ATTEMPT", "DURATION", "ERROR", "LOG"], rows.collect());
    }
    if !record.deliveries.is_empty() {
        outln!();
        let rows = record.deliveries.iter().map(delivery);
        table(&["DESTINATION", "STATUS", "TRIES", "ERROR"], rows.collect());
    }
}

fn attempt(attempt: &Attempt) -> Vec<String> {
    let error = match (attempt.error_type.as_str(), attempt.error_message.as_str()) {
        ("", _) => "-".to_owned(),
        (kind, message) => line(&format!("{kind}: {message}")),
    };
    // What is at the end of a log says most.
    let log = attempt.log.trim_end();
    let skipped = log.chars().count().saturating_sub(SHOWN);
    let log: String = log.chars().skip(skipped).collect();
    vec![
        attempt.number.to_string(),
        format!("{}ms", attempt.duration_ms),
        error,
        or_dash(&line(&log)),
    ]
}

fn delivery(delivery: &Delivery) -> Vec<String> {
    let error = delivery.answer.as_ref().map_or("", |answer| &answer.error);
    vec![
        line(&delivery.destination),
        delivery.status.clone(),
        delivery.attempts.to_string(),
        or_dash(&line(error)),
    ]
}

/// An instant, in milliseconds since 1970, as RFC 3339 writes it.
pub(super) fn time(millis: i64) -> String {
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => millis.to_string(),
    }
}

fn duration(record: &Record) -> String {
    if record.duration_ms == 0 && record.end_time == 0 {
        return "-".to_owned();
    }
    format!("{}ms", record.duration_ms)
}

fn or_dash(text: &str) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text.to_owned()
    }
}

/// The first part of a text, on one line, without what a terminal would obey.
fn line(text: &str) -> String {
    let is_plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut line: String = text.chars().take(SHOWN).map(is_plain).collect();
    if text.chars().nth(SHOWN).is_some() {
        line.push('…');
    }
    line
}
