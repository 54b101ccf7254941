//! What becomes of tasks.

use crate::platform::Platform;
use ekiden_domain::{Invocation, ListQuery, Status};
use std::{collections::HashSet, time::Duration};

const QUICK: &str = r#"{"max_retries":2,"retry_base":"20ms","retry_max":"50ms"}"#;

fn story(invocation: &Invocation) -> Vec<Status> {
    invocation.events.iter().map(|event| event.status).collect()
}

pub(crate) async fn a_task_succeeds_and_its_events_tell_how(platform: &Platform) {
    let function = platform.function("echo", "{}").await;
    platform.worker();
    let task = platform.invoke(&function).await;
    let ended = platform.until(&task, Status::Succeeded).await;
    let expected = [
        Status::Enqueued,
        Status::Dequeued,
        Status::Running,
        Status::Succeeded,
    ];
    assert_eq!(story(&ended), expected);
    assert_eq!((ended.attempts, ended.lease.number()), (1, 1));
}

pub(crate) async fn a_task_fails_after_its_retries(platform: &Platform) {
    let function = platform.function("fail", QUICK).await;
    platform.worker();
    let task = platform.invoke(&function).await;
    let ended = platform.until(&task, Status::Failed).await;
    assert_eq!((ended.attempts, ended.retries), (3, 2));
    assert_eq!(ended.error.unwrap().error, "HandledInvocationError");
    assert_eq!(
        platform
            .store
            .attempts(task.request_id)
            .await
            .unwrap()
            .len(),
        3
    );
    assert_eq!(platform.calls.lock().unwrap()[&task.request_id], 3);
}

pub(crate) async fn a_task_fails_once_and_then_succeeds(platform: &Platform) {
    let function = platform.function("flaky", QUICK).await;
    platform.worker();
    let task = platform.invoke(&function).await;
    let ended = platform.until(&task, Status::Succeeded).await;
    assert_eq!((ended.attempts, ended.retries), (2, 1));
    assert!(story(&ended).contains(&Status::Retrying));
}

pub(crate) async fn a_running_task_is_stopped(platform: &Platform) {
    let function = platform.function("hang", "{}").await;
    platform.worker();
    let task = platform.invoke(&function).await;
    let running = platform.until(&task, Status::Running).await;
    platform.ask_to_stop(&running).await;
    let ended = platform.until(&task, Status::Stopped).await;
    assert!(story(&ended).ends_with(&[Status::Running, Status::Stopping, Status::Stopped]));
}

pub(crate) async fn a_task_too_old_is_expired(platform: &Platform) {
    let function = platform.function("echo", r#"{"max_age":"1s"}"#).await;
    let task = platform.invoke(&function).await;
    platform.until_too_old(&task).await;
    platform.worker();
    let ended = platform.until(&task, Status::Expired).await;
    assert_eq!(ended.attempts, 0);
}

pub(crate) async fn a_task_without_a_function_is_invalid(platform: &Platform) {
    let function = platform.function("echo", "{}").await;
    let task = platform.invoke(&function).await;
    platform.delete(&function).await;
    platform.worker();
    let ended = platform.until(&task, Status::Invalid).await;
    assert!(ended.error.unwrap().message.contains("s/echo"));
}

pub(crate) async fn a_task_may_run_longer_than_the_worker_timeout(platform: &Platform) {
    let function = platform.function("long", "{}").await;
    platform.worker();
    platform.worker();
    let task = platform.invoke(&function).await;
    let ended = platform.until(&task, Status::Succeeded).await;
    assert_eq!(ended.attempts, 1);
    assert_eq!(platform.calls.lock().unwrap()[&task.request_id], 1);
}

pub(crate) async fn each_of_many_tasks_runs_once(platform: &Platform) {
    const TASKS: usize = 500;
    let function = platform.function("echo", "{}").await;
    platform.worker();
    platform.worker();
    let mut tasks = Vec::new();
    for _ in 0..TASKS {
        tasks.push(platform.invoke(&function).await);
    }
    for task in &tasks {
        let ended = platform.until(task, Status::Succeeded).await;
        assert_eq!(ended.attempts, 1);
        assert_eq!(platform.calls.lock().unwrap()[&task.request_id], 1);
    }
    let mut query = ListQuery::new(function, 100).unwrap();
    query.status = Some(Status::Succeeded);
    let mut listed = HashSet::new();
    loop {
        let page = platform.store.list(&query).await.unwrap();
        listed.extend(
            page.records
                .iter()
                .map(|record| record.invocation.request_id),
        );
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    assert_eq!(listed, tasks.iter().map(|task| task.request_id).collect());
}

pub(crate) async fn a_drained_worker_leaves_its_runs_to_the_next(platform: &Platform) {
    let function = platform.function("hang", "{}").await;
    let (stop, drained) = platform.worker();
    let task = platform.invoke(&function).await;
    platform.until(&task, Status::Running).await;
    stop.cancel();
    drained.await.unwrap();
    let now = platform.now(&task).await;
    assert_eq!(
        (now.status(), now.retries, now.system_retries),
        (Status::Retrying, 0, 1)
    );
    assert_eq!(now.error.unwrap().error, "WorkerDraining");
    assert_eq!(platform.store.workers().await.unwrap(), []);
    platform.worker();
    let running = platform.until(&task, Status::Running).await;
    assert_eq!((running.attempts, running.lease.number()), (2, 2));
}

const HOUR: i64 = 3_600_000;

pub(crate) async fn what_is_due_when_the_clock_jumps_ahead_runs_and_no_run_ends_where_the_database_knows_better(
    platform: &Platform,
) {
    let long = platform.function("long", "{}").await;
    let echo = platform.function("echo", r#"{"max_age":"10m"}"#).await;
    platform.worker();
    let running = platform.invoke(&long).await;
    platform.until(&running, Status::Running).await;
    let half_an_hour = Duration::from_mins(30);
    let delayed = platform.invoke_after(half_an_hour, &long).await;
    let aged = platform.invoke_after(half_an_hour, &echo).await;
    platform.clock.jump(HOUR);
    platform.until(&delayed, Status::Succeeded).await;
    platform.until(&aged, Status::Expired).await;
    let ended = platform.until(&running, Status::Succeeded).await;
    // By the clock its time is over. Where there is no other, that is recorded, and it is called once more.
    let again = u32::from(platform.store.is_sqlite());
    assert_eq!((ended.attempts, ended.retries), (1 + again, again));
    let statuses: Vec<_> = ended.events.iter().map(|event| event.status).collect();
    assert_eq!(
        statuses
            .iter()
            .filter(|it| **it == Status::Retrying)
            .count(),
        again as usize,
        "{statuses:?}"
    );
    let calls = platform.calls.lock().unwrap().clone();
    let called = [&running, &delayed, &aged].map(|task| calls.get(&task.request_id).copied());
    assert_eq!(called, [Some(1 + again), Some(1), None]);
}

pub(crate) async fn what_was_due_before_the_clock_jumped_back_waits_until_it_is_there_again(
    platform: &Platform,
) {
    let long = platform.function("long", "{}").await;
    let echo = platform.function("echo", "{}").await;
    let before = platform.invoke(&echo).await;
    let (stop, drained) = platform.worker();
    let running = platform.invoke(&long).await;
    platform.until(&before, Status::Succeeded).await;
    platform.until(&running, Status::Running).await;
    stop.cancel();
    drained.await.unwrap();
    let waiting = platform.invoke(&echo).await;
    platform.clock.jump(-HOUR);
    platform.worker();
    // What comes now, and what runs, does not know of another time.
    let after = platform.invoke(&echo).await;
    platform.until(&after, Status::Succeeded).await;
    for task in [&waiting, &running] {
        let status = platform.now(task).await.status();
        assert!(!status.is_final(), "{status} before its time");
    }
    platform.clock.jump(HOUR);
    for task in [&waiting, &running] {
        platform.until(task, Status::Succeeded).await;
    }
    let calls = platform.calls.lock().unwrap().clone();
    let called = [&before, &after, &waiting, &running].map(|task| calls[&task.request_id]);
    assert_eq!(called, [1, 1, 1, 2]);
}
