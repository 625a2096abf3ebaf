//! One suite of facts about buckets, run over both implementations: a folder, and S3 spoken to a server
//! in this process.
//!
//! The server, s3s-fs, keeps objects as plainly named files, so it is not S3 in everything. Where it
//! differs, the check asks `storage.is_toy_server()` and a comment names the difference; the folder is
//! held to what S3 does.

#![expect(
    clippy::unwrap_used,
    reason = "a failed test panics and prints; Clippy does not count helpers as tests"
)]

mod bodies;
mod keys;
mod listing;
mod storage;
mod writing;

use storage::Storage;

/// Runs each fact once per implementation, as a test of its own.
macro_rules! facts {
    ($($module:ident :: $fact:ident),+ $(,)?) => {
        mod folder {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                crate::$module::$fact(crate::Storage::folder()).await;
            })+
        }

        mod s3 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                crate::$module::$fact(crate::Storage::s3().await).await;
            })+
        }
    };
}

facts! {
    bodies::an_object_comes_back_as_it_was_put,
    bodies::a_put_replaces_the_object,
    bodies::ranges_are_cut_at_the_end,
    bodies::a_range_outside_the_object_is_refused,
    bodies::too_large_an_answer_is_refused,
    bodies::a_copy_is_an_object_of_its_own,
    bodies::an_object_is_not_copied_onto_itself,
    bodies::deleting_twice_succeeds,
    bodies::concurrent_puts_never_mix,
    keys::what_is_missing_has_its_code,
    keys::bad_names_are_refused,
    keys::odd_keys_are_distinct_objects,
    keys::climbing_keys_stay_in_their_bucket,
    keys::long_keys_work_up_to_the_limit,
    keys::a_key_may_be_another_ones_prefix,
    listing::pages_hold_all_keys_in_order,
    listing::more_than_a_page_of_keys,
    listing::the_order_is_that_of_the_bytes,
    listing::a_prefix_need_not_end_at_a_slash,
    listing::deleting_page_by_page_empties_a_prefix,
    listing::no_keys_may_be_asked_for,
    writing::a_large_object_is_streamed,
    writing::a_small_object_is_streamed,
    writing::an_empty_object_is_streamed,
    writing::nothing_is_visible_before_the_end,
    writing::an_abandoned_object_leaves_nothing,
    writing::an_abandoned_object_leaves_the_old_one,
}
