"""What the platform does with feeds of changes and with snapshots, and what becomes of that here.

Section 3.3 of the reference, with what replaces rows otherwise.
"""

from __future__ import annotations

from dev.docs._differences_rule import differs, refused, supported

CDC = "tests/spark/test_cdc.py"
FLOWS = "tests/pipeline/test_flows.py"
DECLARED = "tests/unit/test_flow_declarations.py"
REPLACING = "tests/pipeline/test_replacing.py"

_FEED = f"{FLOWS}::test_a_change_feed_fills_tables_that_others_read"
_SNAPSHOTS = f"{FLOWS}::test_snapshots_become_changes"
_ORACLE = f"{CDC}::test_any_order_split_and_replay_gives_the_documented_tables_and_those_of_the_oracle"
_STRUCTS = f"{CDC}::test_sequences_may_be_structs_and_keys_may_be_null"
_COUNTS = f"{CDC}::test_counts_of_a_batch"
_WRONG = f"{DECLARED}::test_wrong_arguments_are_refused_at_their_line"
_REPLACED = f"{REPLACING}::test_newer_rows_of_a_key_replace_older_ones"
_AGAIN = f"{REPLACING}::test_a_batch_that_comes_again_adds_nothing"

CHANGES = (
    supported("The newest event of a key by `sequence_by` wins", _ORACLE),
    supported("An event without a sequence is an error", f"{CDC}::test_an_event_without_a_sequence_fails_the_batch"),
    supported("Of two different events with one key and one sequence, either may win", _COUNTS),
    supported("A sequence has any type that sorts; structs compare field by field", _STRUCTS),
    supported("A late event is ignored by type 1, and put in its place by type 2", _ORACLE, _FEED),
    supported("Events that come again change nothing", _ORACLE, _COUNTS),
    supported("Type 1: a deleted row does not come back with an older event", _FEED),
    differs(
        "Tombstones go after `pipelines.cdc.tombstoneGCThresholdInSeconds`, about two days",
        "they are kept for ever; the setting has no effect",
        unverified=True,
    ),
    supported("Type 2: a delete ends the open version, and an older event that comes later becomes history", _FEED),
    supported("A NULL overwrites; with `ignore_null_updates`, the column keeps its value", _ORACLE),
    supported(
        "`ignore_null_updates` also looks at the fields of structs",
        f"{CDC}::test_a_null_field_of_a_struct_leaves_that_field_alone",
    ),
    supported("`ignore_null_updates_column_list` and `_except_column_list` say for which columns", _ORACLE),
    supported(
        "`columns_to_update` names a column with the names of the columns to change",
        f"{CDC}::test_columns_to_update_are_named_by_the_event",
    ),
    supported("`columns_to_update` excludes `ignore_null_updates`", _WRONG),
    supported("`apply_as_truncates` removes all rows with a lower sequence", _ORACLE),
    supported("`apply_as_truncates` is for type 1 only", _WRONG),
    supported("`column_list` and `except_column_list` choose the target's columns", _FEED),
    supported("The columns of the sequence and of deletes may be left out", _FEED),
    supported("The conditions of deletes and truncates see all columns of the source", _FEED, _ORACLE),
    supported("The target has the chosen columns, with type 2 also `__START_AT` and `__END_AT`", _FEED),
    supported("A declared schema of type 2 has these two, of the sequence's type", _FEED),
    supported("Flows tell `num_upserted_rows` and `num_deleted_rows`, no `num_output_rows`", _FEED),
    supported("Who reads a target sees neither tombstones nor hidden columns", _FEED),
    differs(
        "With Unity Catalog the hidden table does not show; with the Hive metastore it is"
        " `__apply_changes_storage_TARGET`, and the target is a view",
        "as with the Hive metastore: the target can't be read by a path",
    ),
    supported(
        "Type 2: `__START_AT` and `__END_AT` are sequences; the end does not count, and a current row has none",
        _ORACLE,
        _STRUCTS,
    ),
    supported("Type 2: only a tracked column begins a version; others change in place", _ORACLE),
    supported("Type 2: equal versions in a row are one", _ORACLE),
    supported("The documented examples of types 1 and 2, with truncate and with an untracked column", _ORACLE),
    supported("The documented example of snapshots with versions and a tracked column", _SNAPSHOTS),
    supported("The documented example of periodic snapshots of type 2", _SNAPSHOTS),
    supported("A key that a snapshot lacks is deleted", _SNAPSHOTS),
    supported("Snapshot flows tell no counts of upserts and deletes", _SNAPSHOTS),
    refused("Bitemporal tables", f"{DECLARED}::test_betas_of_the_platform_are_refused_by_name"),
    supported("REPLACE USING: rows replaced by key and sequence", _REPLACED, _AGAIN),
    supported("REPLACE WHERE: the rows of a predicate made anew by a batch query", _REPLACED),
)
