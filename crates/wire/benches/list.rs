//! What a page of the list costs beside the database: its records as FC spells them, in JSON.

use criterion::{Criterion, criterion_group, criterion_main};
use ekiden_domain::{
    AsyncConfig, Invocation, Lane, ListQuery, NewInvocation, Outcome, Page, Qualifier, Record,
    RequestId, Timestamp, WorkerId,
};
use ekiden_wire::{Dialect, ListRequest};
use std::{error::Error, hint::black_box, time::Duration};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// One that Succeeded, as nearly all that are listed.
fn record(query: &ListQuery) -> Result<Record, Box<dyn Error>> {
    let new = NewInvocation {
        function: query.function.clone(),
        qualifier: Qualifier::latest(),
        version: Qualifier::latest(),
        invocation_id: None,
        delay: Duration::ZERO,
        stateful: true,
        hops: 0,
        trace: None,
    };
    let config = AsyncConfig::default();
    let id = RequestId::generate(NOW);
    let (waiting, _) = Invocation::accept(id, new, &config, Lane::shared(), NOW);
    let ended = waiting
        .claim(WorkerId::generate(NOW), NOW)?
        .then(|claimed| claimed.start(Duration::from_mins(1), NOW))?
        .then(|running| running.finish(Outcome::Succeeded, NOW))?;
    Ok(Record {
        invocation: ended.after,
        payload: None,
        output: None,
        delivery: None,
    })
}

fn page(query: &ListQuery) -> Result<Page, Box<dyn Error>> {
    let records: Vec<Record> = (0..query.limit)
        .map(|_| record(query))
        .collect::<Result<_, _>>()?;
    let next = records.last().map(Record::position);
    Ok(Page { records, next })
}

fn bench(criterion: &mut Criterion) {
    let listed = || {
        let query = ListQuery::new("media/thumbnail".parse()?, ListQuery::MAX_LIMIT)?;
        let page = page(&query)?;
        Ok::<_, Box<dyn Error>>((query, page))
    };
    let (query, page) = match listed() {
        Ok(listed) => listed,
        Err(error) => panic!("{error}"),
    };
    for (name, dialect) in [("FC 2.0", Dialect::V2021), ("FC 3.0", Dialect::V2023)] {
        let request = ListRequest {
            dialect,
            query: query.clone(),
        };
        criterion.bench_function(&format!("a page of 100 as {name} has it"), |bencher| {
            bencher.iter(|| serde_json::to_vec(&request.answer(black_box(&page))));
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
