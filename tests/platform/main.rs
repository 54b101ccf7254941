//! The spine, from acceptance to the final state, on both stacks: SQLite with the in-process queue,
//! and PostgreSQL with RabbitMQ as `EKIDEN_TEST_DATABASE_URL` and `EKIDEN_TEST_AMQP_URL` name them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod platform;
mod refusal;

macro_rules! both_stacks {
    ($($case:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::platform::embedded(crate::cases::$case).await;
            })+
        }

        mod production {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::platform::production(crate::cases::$case).await;
            })+
        }
    };
}

both_stacks! {
    a_task_succeeds_and_its_events_tell_how,
    a_task_fails_after_its_retries,
    a_task_fails_once_and_then_succeeds,
    a_running_task_is_stopped,
    a_task_too_old_is_expired,
    a_task_without_a_function_is_invalid,
    a_task_may_run_longer_than_the_worker_timeout,
    each_of_many_tasks_runs_once,
    a_drained_worker_leaves_its_runs_to_the_next,
    what_is_due_when_the_clock_jumps_ahead_runs_and_no_run_ends_where_the_database_knows_better,
    what_was_due_before_the_clock_jumped_back_waits_until_it_is_there_again,
}
