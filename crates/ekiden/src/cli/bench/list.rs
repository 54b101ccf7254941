//! The list, as it is asked for over HTTP: each filter in each order, its first page and one from the
//! middle.

use super::{
    load::{Sender, Timings},
    report::Report,
    rows::{FEW, LISTED, MANY, Rows},
    stage::Stage,
};
use anyhow::bail;
use ekiden_domain::{FunctionName, ListQuery, Order, Position, RequestId, Status, Timestamp};
use ekiden_wire::token;
use serde::Deserialize;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often each question is asked, unless it takes longer than this.
const TIMES: usize = 50;
const PATIENCE: Duration = Duration::from_secs(2);

/// One question.
struct Question {
    /// What a person reads.
    name: String,
    path: String,
    is_deep: bool,
    /// How many there must be in the answer, where that is known.
    count: Option<usize>,
}

/// A filter.
struct Filter {
    /// What a person reads.
    name: &'static str,
    set: fn(&mut ListQuery, Rows),
    /// How many rows pass it, where those are few.
    count: Option<usize>,
}

const fn filter(name: &'static str, count: Option<usize>, set: fn(&mut ListQuery, Rows)) -> Filter {
    Filter { name, set, count }
}

const FILTERS: [Filter; 12] = [
    filter("all", None, |_, _| ()),
    filter("Succeeded", None, |query, _| {
        query.status = Some(Status::Succeeded);
    }),
    filter("Failed", None, |query, _| {
        query.status = Some(Status::Failed);
    }),
    filter("Enqueued", None, |query, _| {
        query.status = Some(Status::Enqueued);
    }),
    filter("Running", Some(0), |query, _| {
        query.status = Some(Status::Running);
    }),
    filter("prefix of none", Some(0), |query, _| {
        query.prefix = prefix("none-");
    }),
    filter("prefix of ten", Some(10), |query, _| {
        query.prefix = prefix(FEW);
    }),
    filter("prefix of nearly all", None, |query, _| {
        query.prefix = prefix(MANY);
    }),
    filter("prefix of ten, Succeeded", None, |query, _| {
        (query.prefix, query.status) = (prefix(FEW), Some(Status::Succeeded));
    }),
    filter("prefix of nearly all, Failed", None, |query, _| {
        (query.prefix, query.status) = (prefix(MANY), Some(Status::Failed));
    }),
    filter("a tenth of the time", None, |query, rows| {
        query.accepted_from = Some(rows.at(0.45));
        query.accepted_until = Some(rows.at(0.55));
    }),
    filter("all, with payloads", None, |query, _| {
        query.include_payload = true;
    }),
];

fn prefix(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Asks every question, and reports how long answers took.
pub(super) async fn measure(stage: &Stage, rows: Rows, report: &mut Report) -> anyhow::Result<()> {
    let mut sender = Sender::connect(stage.addresses()[0]).await?;
    let (mut first, mut deep) = (Vec::new(), Vec::new());
    let mut slowest = (String::new(), 0.0);
    for question in questions(rows)? {
        let began = Instant::now();
        let mut each = Vec::new();
        while each.len() < TIMES && began.elapsed() < PATIENCE {
            each.push(question.ask(&mut sender).await?);
        }
        let of_all = if question.is_deep {
            &mut deep
        } else {
            &mut first
        };
        of_all.extend_from_slice(&each);
        let p99 = Timings::new(each).percentile(0.99);
        if p99 > slowest.1 {
            slowest = (question.name, p99);
        }
    }
    let (first, deep) = (Timings::new(first), Timings::new(deep));
    report.number("list_p50_ms", first.percentile(0.50));
    report.number("list_p99_ms", first.percentile(0.99));
    report.number("list_deep_p50_ms", deep.percentile(0.50));
    report.number("list_deep_p99_ms", deep.percentile(0.99));
    report.say("list_slowest", &slowest.0);
    report.number("list_slowest_p99_ms", slowest.1);
    Ok(())
}

/// Asks one question after the other, for as long as it is let.
pub(super) async fn ask_on(
    stage: &Stage,
    rows: Rows,
    each: &mut Vec<Duration>,
) -> anyhow::Result<()> {
    let mut sender = Sender::connect(stage.addresses()[0]).await?;
    let questions = questions(rows)?;
    for question in questions.iter().cycle() {
        each.push(question.ask(&mut sender).await?);
    }
    Ok(())
}

impl Question {
    async fn ask(&self, sender: &mut Sender) -> anyhow::Result<Duration> {
        #[derive(Deserialize)]
        struct Answer {
            invocations: Vec<serde::de::IgnoredAny>,
        }
        let asked = Instant::now();
        let answer = sender.get(&self.path).await?;
        let took = asked.elapsed();
        let answer: Answer = serde_json::from_slice(&answer)?;
        let found = answer.invocations.len();
        if self.count.is_some_and(|count| count != found) {
            bail!("the list '{}' has {found} rows", self.name);
        }
        Ok(took)
    }
}

fn questions(rows: Rows) -> anyhow::Result<Vec<Question>> {
    let (service, name) = LISTED;
    let function = FunctionName::new(service, name)?;
    let mut questions = Vec::new();
    for Filter { name, set, count } in FILTERS {
        for (order, order_name) in [(Order::Descending, "desc"), (Order::Ascending, "asc")] {
            let mut query = ListQuery::new(function.clone(), ListQuery::MAX_LIMIT)?;
            set(&mut query, rows);
            query.order = order;
            // Between two rows in the middle.
            let middle = Position {
                accepted_at: rows.at(0.5),
                request_id: RequestId::from_uuid(Uuid::nil()),
            };
            let begin = path(&query, order_name);
            let token = token::encode(&query, middle);
            questions.push(Question {
                name: format!("{name}, {order_name}"),
                path: begin.clone(),
                is_deep: false,
                count,
            });
            questions.push(Question {
                name: format!("{name}, {order_name}, deep"),
                path: format!("{begin}&nextToken={token}"),
                is_deep: true,
                // A half of ten, or of none.
                count: count.map(|count| count / 2),
            });
        }
    }
    Ok(questions)
}

/// The query as a client spells it: nothing in it needs to be escaped.
fn path(query: &ListQuery, order: &str) -> String {
    let (service, function) = LISTED;
    let mut path = format!(
        "/services/{service}/functions/{function}/stateful-async-invocations?limit={}\
         &sortOrderByTime={order}&includePayload={}",
        query.limit, query.include_payload
    );
    let time = |at: Option<Timestamp>| at.map(|at| at.as_millis().to_string());
    for (name, value) in [
        ("status", query.status.map(|status| status.to_string())),
        ("invocationIdPrefix", query.prefix.clone()),
        ("startedTimeBegin", time(query.accepted_from)),
        ("startedTimeEnd", time(query.accepted_until)),
    ] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={value}"));
        }
    }
    path
}
