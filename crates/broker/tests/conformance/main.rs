//! One suite for both brokers, and what only RabbitMQ can go through.
//!
//! RabbitMQ is the one that `EKIDEN_TEST_AMQP_URL` names, and `EKIDEN_TEST_RABBITMQCTL` says how to run its
//! `rabbitmqctl`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod amqp;
mod cases;
mod fixture;
mod hardship;
mod proxy;
mod server;

macro_rules! both_brokers {
    ($($case:ident),+ $(,)?) => {
        mod in_process_twin {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::fixture::in_process(crate::cases::$case).await;
            })+
        }

        mod rabbitmq {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::fixture::amqp(crate::cases::$case).await;
            })+
        }
    };
}

both_brokers! {
    a_confirmed_message_is_in_the_queue_and_keeps_its_place,
    a_dropped_delivery_comes_again,
    the_prefetch_bounds_what_is_unacknowledged,
    a_cancelled_consumer_returns_what_it_has_not_handed_out,
    a_dropped_consumer_leaves_its_messages_to_others,
    an_acknowledgement_is_not_overtaken_by_the_end_of_its_consumer,
    a_consumer_that_is_dropped_disturbs_no_other,
    next_may_be_given_up_and_asked_again,
    a_full_message_arrives_whole_and_others_are_refused,
    lanes_are_apart,
    each_message_of_many_publishers_reaches_one_of_many_consumers,
    every_listener_hears_every_stop,
    a_closed_broker_ends_its_consumers_and_refuses_the_rest,
}
