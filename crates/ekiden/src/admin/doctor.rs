//! Looks for what is wrong, and says what to do.

use crate::clock::SystemClock;
use ekiden_broker::Broker;
use ekiden_domain::{Clock, Lane, Timestamp};
use ekiden_store::{Seal, Store, StoreError};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// How far the clocks of this machine and of the database may differ.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);
/// How late a message may leave the outbox.
const OUTBOX_TOLERANCE: Duration = Duration::from_secs(60);
/// How late the end of an overdue run may be recorded.
const OVERDUE_TOLERANCE: Duration = Duration::from_secs(30);
/// How long a worker's heart may stand still before it is told; beyond any `worker_timeout` likely.
const HEART_TOLERANCE: Duration = Duration::from_secs(60);
/// How long an invocation may have been due before it is told.
const DUE_TOLERANCE: Duration = Duration::from_mins(10);
/// How long an invocation may have been due before its message is missed.
const DISPATCH_TOLERANCE: Duration = Duration::from_secs(60);
/// How long a transaction of others may be open.
const TRANSACTION_TOLERANCE: Duration = Duration::from_mins(5);
/// How many rows may wait to be cleaned up, also where there are fewer that live.
const DEAD_ROWS_TOLERANCE: u64 = 1_000_000;
/// How long a result may wait to be handed on.
const DELIVERY_TOLERANCE: Duration = Duration::from_secs(60);
/// How many of a kind are counted.
const MOST: u32 = 1000;
/// How many of the oldest live invocations are looked at one by one, in thousands.
const WALKS: usize = 100;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Something does not work.
    Error,
    /// Something may not work soon.
    Warning,
    /// It is as it should be.
    Ok,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// How bad it is.
    pub(crate) level: Level,
    /// What was looked at.
    pub(crate) what: String,
    /// What was found.
    pub(crate) found: String,
    /// What to do about it; empty where nothing is to be done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) advice: String,
}

impl Finding {
    fn ok(what: &str, found: impl Into<String>) -> Self {
        Self::new(Level::Ok, what, found, "")
    }

    fn new(level: Level, what: &str, found: impl Into<String>, advice: &str) -> Self {
        Self {
            level,
            what: what.to_owned(),
            found: found.into(),
            advice: advice.to_owned(),
        }
    }
}

/// Looks at everything there is to look at, the worst first.
pub(crate) async fn examine(store: &Store, broker: Option<&Broker>) -> Vec<Finding> {
    let mut findings = vec![self::broker(broker).await];
    match database(store).await {
        Err(finding) => findings.push(finding),
        Ok(finding) => {
            findings.push(finding);
            findings.extend(or_error("clock", clock(store).await));
            findings.extend(burden(store).await);
            findings.extend(or_error("outbox", outbox(store).await));
            findings.extend(or_error("dispatches", dispatches(store, broker).await));
            findings.extend(or_error("claims", claims(store).await));
            findings.extend(or_error("workers", workers(store).await));
            findings.extend(or_error("deliveries", deliveries(store).await));
            findings.extend(or_error("destinations", destinations(store).await));
            findings.extend(or_error("access keys", access_keys(store).await));
            findings.extend(or_error("rows", rows(store).await));
            findings.extend(or_error("invocations", waiting(store).await));
        }
    }
    findings.sort_by_key(|finding| finding.level);
    findings
}

fn or_error(what: &str, found: Result<Finding, StoreError>) -> Option<Finding> {
    Some(found.unwrap_or_else(|error| {
        Finding::new(
            Level::Error,
            what,
            error.with_causes(),
            "see the database's log",
        )
    }))
}

async fn broker(broker: Option<&Broker>) -> Finding {
    let Some(broker) = broker else {
        return Finding::ok("broker", "in-process queue: nothing to reach");
    };
    match broker.ping().await {
        Ok(()) => Finding::ok("broker", "answers"),
        Err(error) => {
            let advice = "check broker.url (or AMQP_URL), and that RabbitMQ runs; nothing is lost \
                          meanwhile";
            Finding::new(Level::Error, "broker", error.to_string(), advice)
        }
    }
}

async fn database(store: &Store) -> Result<Finding, Finding> {
    let trouble = |error: StoreError, advice| {
        Finding::new(Level::Error, "database", error.with_causes(), advice)
    };
    let schema = store.schema().await.map_err(|error| {
        trouble(
            error,
            "check database.url (or DATABASE_URL), and that the database runs",
        )
    })?;
    schema.check().map_err(|error| {
        let advice = match error {
            StoreError::SchemaTooNew { .. } => "run a newer ekiden",
            _ => "run `ekiden migrate`",
        };
        trouble(error, advice)
    })?;
    let found = format!(
        "answers; schema version {} of {}",
        schema.applied, schema.known
    );
    Ok(Finding::ok("database", found))
}

async fn clock(store: &Store) -> Result<Finding, StoreError> {
    let before = SystemClock.now();
    let theirs = store.clock(before).await?;
    let after = SystemClock.now();
    let ahead = theirs.since(after).max(before.since(theirs));
    let found = format!("differs from the database's by at most {ahead:?}");
    if ahead <= CLOCK_TOLERANCE {
        return Ok(Finding::ok("clock", found));
    }
    let advice = "synchronize the clocks (NTP): due times, expiry and signatures depend on them";
    Ok(Finding::new(Level::Warning, "clock", found, advice))
}

/// What makes the database slow in time, where it tells.
async fn burden(store: &Store) -> Option<Finding> {
    let burden = match store.burden().await {
        Ok(burden) => burden?,
        Err(error) => return or_error("tables", Err(error)),
    };
    let open = burden.oldest_transaction;
    if open > TRANSACTION_TOLERANCE {
        let found = format!("a transaction has been open for {}s", open.as_secs());
        let advice = "see pg_stat_activity for whose it is, and end it: nothing that it may still see is \
                      cleaned up, and all becomes slower";
        return Some(Finding::new(Level::Warning, "tables", found, advice));
    }
    let found = format!(
        "{} rows, {} to be cleaned up",
        burden.rows, burden.dead_rows
    );
    if burden.dead_rows > DEAD_ROWS_TOLERANCE.max(burden.rows) {
        let advice = "VACUUM the tables, and see why autovacuum does not keep up";
        return Some(Finding::new(Level::Warning, "tables", found, advice));
    }
    Some(Finding::ok("tables", found))
}

async fn outbox(store: &Store) -> Result<Finding, StoreError> {
    let now = SystemClock.now();
    let Some(oldest) = store.oldest_untaken().await? else {
        return Ok(Finding::ok("outbox", "empty"));
    };
    let late = now.since(oldest);
    if late <= OUTBOX_TOLERANCE {
        return Ok(Finding::ok("outbox", "nothing is late"));
    }
    let found = format!(
        "a message has been waiting to be sent for {}s",
        late.as_secs()
    );
    let advice = "start a process with the role enqueue or worker, and see whether the broker \
                  confirms";
    Ok(Finding::new(Level::Error, "outbox", found, advice))
}

/// Holds the lanes' queues against what the table says waits in them. A message may hold many
/// invocations, and a worker a few messages; but none at all for one that has been due for long is
/// too few.
async fn dispatches(store: &Store, broker: Option<&Broker>) -> Result<Finding, StoreError> {
    let what = "dispatches";
    let Some(broker) = broker else {
        return Ok(Finding::ok(what, "in-process queue: nothing to compare"));
    };
    let waiting = dispatched(store, SystemClock.now().before(DISPATCH_TOLERANCE)).await?;
    let mut lost = Vec::new();
    for (lane, count) in &waiting {
        match broker.ready(lane).await {
            Ok(Some(1..)) => {}
            Ok(Some(0)) => lost.push(format!("{count} of lane {lane}, whose queue is empty")),
            Ok(None) => lost.push(format!("{count} of lane {lane}, which has no queue")),
            Err(error) => {
                let found = format!("the queue of lane {lane} cannot be looked at: {error}");
                let advice = "see what is said of the broker";
                return Ok(Finding::new(Level::Warning, what, found, advice));
            }
        }
    }
    if lost.is_empty() {
        return Ok(Finding::ok(what, "none is missed"));
    }
    let found = format!("invocations are due and were sent: {}", lost.join("; "));
    let advice =
        "run `ekiden reconcile`, or wait for `reconcile.period` of a process with the role worker";
    Ok(Finding::new(Level::Warning, what, found, advice))
}

/// How many invocations of each lane wait, were due before then, and have been handed to the broker;
/// of the oldest ones.
async fn dispatched(
    store: &Store,
    due_before: Timestamp,
) -> Result<BTreeMap<Lane, u64>, StoreError> {
    let (mut lanes, mut after) = (BTreeMap::new(), None);
    for _ in 0..WALKS {
        let (waiting, walked_to) = store.undispatched(after, MOST).await?;
        for invocation in waiting {
            if invocation.due_at < due_before {
                *lanes.entry(invocation.lane).or_default() += 1;
            }
        }
        if walked_to.is_none() {
            break;
        }
        after = walked_to.map(|place| place.request_id);
    }
    Ok(lanes)
}

async fn claims(store: &Store) -> Result<Finding, StoreError> {
    let late = SystemClock.now().before(OVERDUE_TOLERANCE);
    let overdue = store.overdue(late, late.before(Duration::from_secs(60)), MOST);
    let stuck = overdue.await?.len() + store.orphans(MOST).await?.len();
    if stuck == 0 {
        return Ok(Finding::ok("claims", "none is stuck"));
    }
    let found = format!("{stuck} claimed invocations have no worker or are past their deadline");
    let advice = "start a process with the role worker: it rescues them within worker_timeout";
    Ok(Finding::new(Level::Error, "claims", found, advice))
}

async fn workers(store: &Store) -> Result<Finding, StoreError> {
    let workers = store.workers().await?;
    let slots: u64 = workers.iter().map(|worker| u64::from(worker.slots)).sum();
    let still = SystemClock.now().before(HEART_TOLERANCE);
    let silent = workers
        .iter()
        .filter(|worker| worker.beat_at < still)
        .count();
    if silent > 0 {
        let found = format!(
            "{silent} of {} have not shown a sign of life lately",
            workers.len()
        );
        let advice = "if they are gone, another worker will rescue what they held";
        return Ok(Finding::new(Level::Warning, "workers", found, advice));
    }
    if workers.is_empty() {
        let advice = "start a process with the role worker";
        return Ok(Finding::new(Level::Warning, "workers", "none", advice));
    }
    let found = format!("{} with {slots} slots", workers.len());
    Ok(Finding::ok("workers", found))
}

async fn deliveries(store: &Store) -> Result<Finding, StoreError> {
    let pending = store.pending_deliveries().await?;
    let Some(oldest) = pending.oldest else {
        return Ok(Finding::ok("deliveries", "none is pending"));
    };
    let found = format!(
        "{} results are still to be handed on, the oldest for {}s",
        pending.count,
        SystemClock.now().since(oldest).as_secs()
    );
    if SystemClock.now().since(oldest) <= DELIVERY_TOLERANCE {
        return Ok(Finding::ok("deliveries", found));
    }
    let advice = "see why with `ekiden get` of one of them, which tells the last answer; each is \
                  tried for a day";
    Ok(Finding::new(Level::Warning, "deliveries", found, advice))
}

async fn destinations(store: &Store) -> Result<Finding, StoreError> {
    let (registry, _) = store.registry().await?;
    let disabled: Vec<&str> = registry
        .disabled_destinations
        .keys()
        .map(|key| {
            key.split_once('@')
                .map_or(key.as_str(), |(function, _)| function)
        })
        .collect();
    if disabled.is_empty() {
        return Ok(Finding::ok("destinations", "none is disabled"));
    }
    // Not the destination itself: a URL may hold a secret.
    let found = format!(
        "one of these functions is disabled: {}",
        disabled.join(", ")
    );
    let advice = "its receiver answered 410 Gone: put the function's async config again once the \
                  receiver wants results, or give it another destination";
    Ok(Finding::new(Level::Warning, "destinations", found, advice))
}

async fn access_keys(store: &Store) -> Result<Finding, StoreError> {
    let what = "access keys";
    let keys = store.access_keys().await?;
    let kept = |seal| {
        let keys = keys.iter().filter(move |key| key.seal == seal);
        let ids: Vec<&str> = keys.map(|key| key.key.id.as_str()).collect();
        (!ids.is_empty()).then(|| ids.join(", "))
    };
    if let Some(lost) = kept(Seal::Lost) {
        let found = format!("these are sealed with a key that is not at hand: {lost}");
        let advice = "whoever holds them is refused: put that key back (into auth.seal_keys, or beside the \
                      SQLite database), or revoke them and create others";
        return Ok(Finding::new(Level::Error, what, found, advice));
    }
    if let Some(plain) = kept(Seal::Plain) {
        let found = format!("whoever reads the database knows the secrets of {plain}");
        let advice = if store.can_seal() {
            "run `ekiden key seal`"
        } else {
            "set auth.seal_keys for every process, and then run `ekiden key seal`"
        };
        return Ok(Finding::new(Level::Warning, what, found, advice));
    }
    if let Some(old) = kept(Seal::Old) {
        let found = format!("these are not sealed with the key that seals now: {old}");
        let advice = "run `ekiden key seal`, and then take the other keys out of auth.seal_keys";
        return Ok(Finding::new(Level::Warning, what, found, advice));
    }
    let found = match keys.len() {
        0 => "the database keeps none".to_owned(),
        count => format!("{count}, sealed"),
    };
    Ok(Finding::ok(what, found))
}

/// One that cannot be read is left alone by everybody, so that it is soon among the oldest.
async fn rows(store: &Store) -> Result<Finding, StoreError> {
    let (mut wrong, mut after) = (Vec::new(), None);
    for _ in 0..WALKS {
        let (errors, walked_to) = store.inconsistent_rows(after, MOST).await?;
        wrong.extend(errors);
        if walked_to.is_none() {
            break;
        }
        after = walked_to;
    }
    let Some(first) = wrong.first() else {
        return Ok(Finding::ok("rows", "each makes sense"));
    };
    let found = format!("{} make no sense, the first: {first}", wrong.len());
    let advice = "somebody changed the tables by hand: repair the row or delete it; it is left alone, \
                  and all others go on";
    Ok(Finding::new(Level::Error, "rows", found, advice))
}

async fn waiting(store: &Store) -> Result<Finding, StoreError> {
    let counts = store.count_live().await?;
    let counts: Vec<String> = counts
        .iter()
        .map(|count| format!("{} {}", count.count, count.status))
        .collect();
    let found = if counts.is_empty() {
        "none is waiting or running".to_owned()
    } else {
        counts.join(", ")
    };
    let due = store.oldest_due().await?;
    let late = due.map_or(Duration::ZERO, |due| SystemClock.now().since(due));
    if late <= DUE_TOLERANCE {
        return Ok(Finding::ok("invocations", found));
    }
    let found = format!("{found}; the oldest has been due for {}s", late.as_secs());
    let advice =
        "start more workers or give them more slots; if they are idle, run `ekiden reconcile`";
    Ok(Finding::new(Level::Warning, "invocations", found, advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first() {
        assert!(Level::Error < Level::Warning && Level::Warning < Level::Ok);
    }
}
