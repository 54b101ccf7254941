//! `ekiden list`: lists a function's invocations.

use super::{ClientArgs, Failure, render};
use crate::{client::Record, clock::SystemClock};
use anyhow::Context;
use clap::{Args, ValueEnum};
use ekiden_domain::{Clock, FunctionName, Timestamp};
use serde_json::{Value, json};
use std::process::ExitCode;

/// The most that one request may ask for.
const PAGE: usize = 100;

/// Which way a list runs over the time of acceptance.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

/// List a function's invocations.
#[derive(Debug, Args)]
pub(super) struct List {
    /// The function, as SERVICE/FUNCTION
    function: FunctionName,
    /// Only those in this status
    #[arg(long)]
    status: Option<String>,
    /// Only those whose id begins with this
    #[arg(long)]
    prefix: Option<String>,
    /// Only those invoked through this version or alias
    #[arg(long)]
    qualifier: Option<String>,
    /// Only those accepted since: a time as in RFC 3339, milliseconds since 1970, or how long ago
    /// as in 15m
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only those accepted until then
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Which come first
    #[arg(long, default_value = "desc")]
    order: Order,
    /// How many at most
    #[arg(long, value_name = "N", default_value = "50", value_parser = at_least_one)]
    limit: usize,
    /// With their payloads
    #[arg(long)]
    payload: bool,
    #[command(flatten)]
    client: ClientArgs,
}

impl List {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.client.client()?;
        let mut found: Vec<Value> = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let wanted = self.limit - found.len();
            let query = self.query(wanted.min(PAGE), token.take());
            let mut page = client.list(&self.function, &query).await?;
            if let Some(Value::Array(records)) = page.get_mut("invocations").map(Value::take) {
                found.extend(records);
            }
            token = page
                .get("nextToken")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if token.is_none() || found.len() >= self.limit {
                break;
            }
        }
        if self.client.json {
            let mut answer = json!({ "invocations": found });
            if let (Some(token), Some(answer)) = (token, answer.as_object_mut()) {
                answer.insert("nextToken".to_owned(), token.into());
            }
            render::json(&answer)?;
            return Ok(ExitCode::SUCCESS);
        }
        let records: Vec<Record> =
            serde_json::from_value(found.into()).context("the answer holds no records")?;
        render::records(&records, self.payload);
        if token.is_some() {
            eprintln!("more follow: raise --limit");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn query(&self, limit: usize, token: Option<String>) -> Vec<(&'static str, String)> {
        let order = match self.order {
            Order::Asc => "asc",
            Order::Desc => "desc",
        };
        let millis = |time: Timestamp| time.as_millis().to_string();
        let optional = [
            ("status", self.status.clone()),
            ("invocationIdPrefix", self.prefix.clone()),
            ("qualifier", self.qualifier.clone()),
            ("startedTimeBegin", self.since.map(millis)),
            ("startedTimeEnd", self.until.map(millis)),
            ("nextToken", token),
        ];
        let mut query = vec![
            ("limit", limit.to_string()),
            ("sortOrderByTime", order.to_owned()),
            ("includePayload", self.payload.to_string()),
        ];
        query.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        query
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number >= 1);
    number.ok_or_else(|| "must be a whole number from 1".to_owned())
}

fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(millis) = text.parse() {
        return Ok(Timestamp::from_millis(millis));
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_millis(time.as_millisecond()));
    }
    match humantime::parse_duration(text) {
        Ok(ago) => Ok(SystemClock.now().before(ago)),
        Err(_) => Err(
            "must be a time such as 2026-01-31T12:00:00Z, milliseconds since 1970, or how long ago \
             such as 15m"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_time_is_told_in_three_ways() {
        let noon = Timestamp::from_millis(1_767_268_800_000);
        assert_eq!(time("2026-01-01T12:00:00Z"), Ok(noon));
        assert_eq!(time("1767268800000"), Ok(noon));
        let before = SystemClock.now();
        let then = time("15m").unwrap();
        let after = SystemClock.now();
        let ago = Duration::from_mins(15);
        assert!(before.before(ago) <= then && then <= after.before(ago));
        assert!(time("yesterday").is_err());
    }
}
