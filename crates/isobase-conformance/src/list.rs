//! The list of cases, and the tests made of it.

use crate::{Case, cases};

/// Declares the cases once: for the list and for the macro that makes tests of them.
macro_rules! declare_cases {
    ($d:tt $($group:ident { $($name:ident)* })*) => {
        /// Every case.
        pub const CASES: &[Case] = &[$($(Case {
            name: concat!(stringify!($group), "::", stringify!($name)),
            run: |subject| Box::pin(cases::$group::$name(subject)),
        },)*)*];

        /// One test for each case, in a module for each group.
        ///
        /// Takes the path of a function `async fn(&'static str) -> Option<Opened>` that opens a
        /// fresh subject for the case of that name, from the crate's root; `None` means that the
        /// engine is not there.
        #[macro_export]
        macro_rules! conformance_tests {
            ($d($d open:tt)+) => {
                $(mod $group {
                    $(#[test]
                    fn $name() {
                        let name = concat!(stringify!($group), "::", stringify!($name));
                        let case = $crate::CASES.iter().find(|case| case.name == name);
                        let case = case.expect("the macro and the list are made of one list");
                        $crate::run_case(case, || $d($d open)+(case.name));
                    })*
                })*
                mod random {
                    #[test]
                    fn programs_answer_like_the_memory_engine() {
                        $crate::random::run_programs(|name| $d($d open)+(name));
                    }
                }
            };
        }
    };
}

declare_cases! { $
    documents {
        create_answers_the_document_with_its_id
        empty_document_is_kept
        top_level_id_of_a_body_is_ignored
        put_replaces_the_whole_document
        put_without_a_document_is_not_found
        upsert_stores_and_replaces
        delete_takes_the_document_away_once
        collections_are_apart
        same_id_lives_in_two_collections
        first_writing_time_is_kept
        clock_that_goes_back_does_no_harm
    }
    ids {
        integers_come_from_one_counter
        integers_are_never_reused
        strings_take_no_integer
        refused_writes_take_no_integer
        chosen_integers_move_the_counter
        only_canonical_decimals_are_integers
        unknown_ids_are_not_found
        integers_are_listed_before_strings
        rules_of_string_ids_hold
        strings_that_look_alike_are_different
        batches_assign_integers_in_order
        recreated_string_id_has_a_new_revision
        long_ids_keep_their_order
    }
    preconditions {
        revision_is_the_sequence_of_the_write
        refused_writes_take_no_sequence
        stale_revision_is_refused
        any_of_several_revisions_is_enough
        invented_revision_never_matches
        missing_document_meets_no_revision
        exists_lets_known_documents_through
        create_only_succeeds_once
        unwanted_revision_is_refused
        revision_of_another_document_does_not_match
        same_body_still_gives_a_new_revision
    }
    patch {
        merges_as_the_standard_says
        merges_into_string_ids
        only_objects_are_patches
        json_patch_is_carried_out_whole_or_not
        updates_change_what_is_there
        patches_that_do_not_fit_store_nothing
        patches_in_a_batch_follow_each_other
        racing_increments_all_count
        patched_document_is_found_by_its_new_values
    }
    values {
        accepted_values_come_back_exactly
        accepted_values_come_back_in_lists_and_batches
        patches_keep_what_they_do_not_name
        refused_texts_store_nothing
        bodies_that_are_no_object_are_refused
        bytes_that_are_no_text_are_refused
        refused_body_refuses_its_batch
        nesting_is_bounded
        twenty_mebibytes_of_brackets_are_refused
        naughty_strings_as_values_and_keys
        naughty_strings_as_ids
        naughty_strings_as_collections
        naughty_strings_in_filters
        naughty_strings_as_fields
    }
    filters {
        equality_follows_types
        comparisons_stay_within_a_type
        numbers_are_compared_by_value
        nested_paths_reach_inside
        groups_combine_conditions
        patterns_match_whole_strings
        contains_looks_into_strings_and_arrays
        ids_are_filtered_like_fields
        long_strings_are_compared_whole
        malformed_parameters_are_refused
        fields_are_left_out
        many_alternatives_are_all_found
    }
    sorts {
        types_and_values_have_one_order
        several_fields_sort_one_after_the_other
        equal_documents_follow_their_ids
        order_follows_updates
        field_twice_in_an_order_is_refused
    }
    times {
        times_are_filtered_and_sorted_by
        order_of_times_follows_updates
        values_that_are_no_time_are_refused
    }
    pages {
        cursor_visits_every_document_once
        filtered_walk_finds_the_same_as_the_whole
        documents_present_throughout_are_seen_once
        cursor_outlives_its_document
        cursor_shows_what_matches_later
        cursor_can_be_used_again
        foreign_cursor_is_refused
        damaged_cursor_does_no_harm
        numbered_pages_tell_totals
        numbered_pages_of_a_filter_join
        whole_listing_has_no_bound_of_its_own
    }
    counts {
        total_counts_what_meets_the_filter
        total_is_told_only_when_asked
        totals_follow_every_write
        index_does_not_change_a_count
    }
    batch {
        outcomes_stand_in_the_order_of_operations
        refused_operation_does_not_stop_the_others
        later_operation_sees_an_earlier_one
        atomic_batch_is_carried_out_whole
        largest_piece_is_carried_out
        piece_that_is_too_large_is_refused_whole
        atomic_batch_with_a_refused_end_writes_nothing
        atomic_batch_names_one_culprit
        taken_back_writes_leave_no_index_entries
        empty_batch_does_nothing
        large_batch_is_carried_out
    }
    idempotency {
        repeat_gives_the_first_answer
        each_kind_of_write_happens_once
        without_a_key_each_request_counts
        key_with_another_request_is_refused
        first_answer_outlives_its_document
        batch_is_repeated_whole
        rejected_atomic_batch_is_remembered
        racing_repeats_make_one_document
        old_keys_are_forgotten
    }
    changes {
        each_write_is_told_once_and_in_order
        collection_sees_only_its_own
        pages_join_without_gap_or_repeat
        next_of_a_filtered_page_passes_the_others
        place_of_the_future_is_refused
        places_lead_on_and_words_always_do
        places_end_with_a_load
        taken_back_batch_is_never_told
        feed_read_during_writes_misses_nothing
        replayed_feed_rebuilds_the_collection
        gone_past_is_an_explicit_answer
    }
    indexes {
        declared_indexes_are_listed
        indexes_outlive_their_documents
        malformed_indexes_are_refused
        answers_are_the_same_with_and_without
        index_is_built_over_old_documents
        dropped_index_is_not_used_again
    }
    unique {
        unique_values_are_refused
        released_values_can_be_taken
        missing_and_null_never_collide
        several_fields_are_unique_together
        values_are_compared_whole
        late_declaration_names_the_duplicates
        refused_values_leave_nothing
        unique_indexes_serve_listings
        dropped_index_refuses_no_more
        one_of_twenty_creates_wins
    }
    references {
        what_is_referred_to_must_be_there
        deletions_are_refused
        deletions_take_references_away
        deletions_cascade
        deletions_reach_a_document_on_several_ways
        documents_in_a_circle_are_deleted
        long_ids_that_begin_alike_are_told_apart
        large_cascades_are_refused_by_name
        no_reference_is_left_behind
        documents_that_move_away_are_left
    }
    schemas {
        schema_is_given_back_as_set
        every_kind_of_write_is_checked
        violations_name_their_place
        batches_are_checked_one_by_one
        refusals_take_nothing
        replayed_refusals_are_the_same
        documents_from_before_stay
        schemas_are_no_documents
        collections_of_any_name_have_schemas
    }
    fields {
        new_documents_get_defaults
        only_the_store_writes_read_only_fields
        write_only_fields_are_never_shown
        what_was_never_shown_survives_its_document
        unique_fields_have_their_index
        references_are_expanded
        only_references_are_expanded
        deletions_take_read_only_references_away
        patches_beside_a_deletion_leave_read_only_fields
    }
    checks {
        checks_see_before_and_after
        hidden_documents_are_not_found
        check_and_schema_both_hold
        checks_hold_under_races
        forbidden_writes_are_replayed
        checks_ask_for_other_documents
        checks_ask_who_refers
        references_hold_under_races
    }
    terms {
        expired_documents_are_not_there
        expired_values_are_free
        expired_documents_refer_to_nothing
        sweeps_delete_what_has_expired
        wrong_clock_lets_nothing_be_swept
        writes_without_changes_are_not_told
    }
    rules {
        every_action_of_every_caller_is_decided
        changes_are_shown_to_those_who_could_see_them
        a_rule_uses_the_index
        documents_that_leave_a_rule_are_never_shown
        what_others_have_changes_no_answer
    }
    collections {
        unknown_collection_is_empty
        names_are_sorted_by_bytes
        names_that_differ_in_case_are_two
        last_deletion_ends_a_collection
        delete_takes_every_document
        deleted_collection_can_be_filled_again
        names_that_look_alike_are_different
        rules_of_names_hold
    }
    limits {
        large_document_comes_back
        document_with_many_keys_comes_back
        page_of_large_documents_is_cut_and_goes_on
        batch_with_too_many_operations_is_refused
        largest_page_is_answered
    }
    races {
        one_of_fifty_creates_wins
        one_of_fifty_deletes_wins
        compare_and_swap_loses_no_update
        concurrent_creates_get_distinct_ids
        sum_of_accounts_stays_constant
        writes_race_with_an_index_build
        readers_never_see_a_half_written_document
        lists_race_with_changing_indexes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_on_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cases");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let group = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines() {
                let Some(rest) = line.strip_prefix("pub(crate) async fn ") else { continue };
                let Some(name) = rest.strip_suffix("(s: Shared) {") else { continue };
                let full = format!("{group}::{name}");
                assert!(CASES.iter().any(|case| case.name == full), "{full} is not on the list");
            }
        }
    }
}
