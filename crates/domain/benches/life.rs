//! What the steps of an invocation's life cost by themselves: all that a worker decides for a task,
//! before anything is written.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ekiden_domain::{
    AsyncConfig, Fault, FunctionName, Invalid, Invocation, Lane, NewInvocation, Outcome, Qualifier,
    Refused, RequestId, Timestamp, Transition, WorkerId,
};
use std::{hint::black_box, time::Duration};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const TIMEOUT: Duration = Duration::from_mins(1);

fn asked() -> Result<NewInvocation, Invalid> {
    Ok(NewInvocation {
        function: FunctionName::new("media", "thumbnail")?,
        qualifier: Qualifier::latest(),
        version: Qualifier::latest(),
        invocation_id: None,
        delay: Duration::ZERO,
        stateful: true,
        hops: 0,
        trace: None,
    })
}

fn accept(asked: NewInvocation) -> Invocation {
    let id = RequestId::generate(NOW);
    let config = AsyncConfig::default();
    Invocation::accept(id, asked, &config, Lane::shared(), NOW).0
}

fn start(invocation: &Invocation, worker: WorkerId) -> Result<Transition, Refused> {
    invocation
        .claim(worker, NOW)?
        .then(|claimed| claimed.start(TIMEOUT, NOW))
}

fn bench(criterion: &mut Criterion) {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(error) => panic!("{error}"),
    };
    let worker = WorkerId::generate(NOW);
    let waiting = accept(asked.clone());
    let running = match start(&waiting, worker) {
        Ok(started) => started.after,
        Err(refused) => panic!("{refused}"),
    };
    let failed = Outcome::Failed(Fault::function("Error", "the function said so"));
    criterion.bench_function("accept", |bencher| {
        bencher.iter_batched(|| asked.clone(), accept, BatchSize::SmallInput);
    });
    criterion.bench_function("claim and start", |bencher| {
        bencher.iter(|| start(black_box(&waiting), worker));
    });
    for (name, outcome) in [
        ("succeed", Outcome::Succeeded),
        ("fail, to be retried", failed),
    ] {
        criterion.bench_function(name, |bencher| {
            let outcome = || outcome.clone();
            let finish = |outcome| black_box(&running).finish(outcome, NOW);
            bencher.iter_batched(outcome, finish, BatchSize::SmallInput);
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
