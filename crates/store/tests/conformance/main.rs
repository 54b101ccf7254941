//! One suite for both databases: it is the definition of the store.
//!
//! PostgreSQL is the one that `EKIDEN_TEST_DATABASE_URL` names; each test has a database of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod connections;
mod counting;
mod fixture;
mod growing;
mod handed_on;
mod keeping;
mod listing;
mod plans;
mod registered;
mod sealed;

macro_rules! both_databases {
    ($($module:ident::$case:ident),+ $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::fixture::on_postgres(crate::$module::$case).await;
            })+
        }

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::fixture::on_sqlite(crate::$module::$case).await;
            })+
        }
    };
}

both_databases! {
    cases::an_accepted_invocation_is_found_with_every_field,
    cases::a_second_one_of_the_same_id_is_told_of_the_first_whatever_became_of_it,
    cases::of_many_acceptances_of_one_id_one_is_new,
    cases::many_accepted_at_once_are_answered_in_order_each_for_itself,
    cases::a_whole_life_keeps_every_field_and_the_attempts_that_failed,
    cases::of_many_claimers_each_invocation_has_one,
    cases::a_stale_lease_changes_nothing,
    cases::a_conflicting_step_leaves_its_neighbours_alone,
    cases::messages_are_offered_taken_held_and_deleted_by_id,
    cases::what_is_due_later_is_neither_offered_nor_taken_before,
    cases::a_dispatch_is_put_back_once_and_only_while_waiting,
    keeping::a_heartbeat_tells_what_is_held_and_who_is_gone,
    keeping::what_others_moved_on_is_held_no_more,
    keeping::what_is_overdue_aged_or_unregistered_is_found,
    keeping::what_is_unregistered_is_found_beside_what_is_registered,
    counting::functions_are_counted_by_status_and_the_ended_ones_by_their_end,
    keeping::what_ended_long_ago_is_forgotten_whole,
    keeping::nothing_live_or_young_is_forgotten_while_many_write,
    handed_on::output_and_log_are_kept_of_every_attempt,
    handed_on::a_result_is_handed_on_by_one_taker_at_a_time,
    handed_on::the_list_says_where_each_delivery_stands,
    handed_on::a_pending_delivery_keeps_its_invocation,
    registered::the_catalog_knows_a_new_function_at_once,
    registered::documents_come_back_with_their_revisions_and_times,
    registered::changes_are_made_together_or_not_at_all,
    registered::of_many_changers_of_one_document_each_revision_has_one,
    registered::a_deleted_function_takes_what_is_its_own,
    registered::access_keys_are_kept_until_they_are_revoked,
    keeping::a_duty_is_one_holder_s_until_its_time_is_over,
    keeping::a_schema_is_migrated_once_and_a_newer_one_refused,
    listing::pages_of_any_size_give_every_invocation_once_in_order,
    listing::each_filter_gives_what_it_names,
    listing::a_prefix_is_taken_literally,
    listing::a_prefix_of_few_among_many_gives_those_in_their_order,
}
