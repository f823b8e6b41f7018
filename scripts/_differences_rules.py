"""What the platform does: the rules of its behaviour, what becomes of each here, and the test that shows it.

Sections 3.1 to 3.5 of the reference. `scripts.differences` fails when a test that is named here does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

SUPPORTED, REFUSED, DIFFERS, NOT_SHOWN = "supported", "refused", "differs", "not shown"

UPDATES, FLOWS = "tests/pipeline/test_updates.py", "tests/pipeline/test_flows.py"
COMMANDS, CDC = "tests/pipeline/test_command_line.py", "tests/spark/test_cdc.py"
RESOLVE, SOURCES = "tests/spark/test_resolve.py", "tests/spark/test_sources.py"
FACADE, DECLARED = "tests/unit/test_facade.py", "tests/unit/test_flow_declarations.py"
PLAN, JOBS, GRAPH = "tests/unit/test_plan.py", "tests/unit/test_jobs.py", "tests/unit/test_graph.py"
REPLACING, _NEWER = "tests/pipeline/test_replacing.py", "test_newer_rows_of_a_key_replace_older_ones"
_AGAIN = "test_a_batch_that_comes_again_adds_nothing"
FAILURES, SCHEMA = "tests/unit/test_failures.py", "tests/spark/test_schema.py"
ATTEMPTS, CHANGED = "tests/unit/test_attempts.py", "tests/pipeline/test_changed_code.py"
ROW_FILTERS = "tests/pipeline/test_row_filters.py"

_TRIGGERED = f"{UPDATES}::test_triggered_updates_take_only_what_is_new"
_FAIL = f"{UPDATES}::test_a_fail_expectation_rolls_back_and_skips_only_what_depends_on_it"
_SEVERAL = f"{UPDATES}::test_several_flows_append_to_one_table_and_a_new_one_reads_back_alone"
_ALTERED = f"{CHANGED}::test_a_stored_table_takes_a_changed_definition"
_FILTERED = f"{ROW_FILTERS}::test_readers_see_what_the_row_filter_shows"
_LEAVES = f"{CHANGED}::test_what_leaves_the_code_stays_until_it_may_go"
_FULL = f"{UPDATES}::test_full_refresh_starts_over_and_its_readers_go_on"
_CHECK = f"{RESOLVE}::test_check_reports_every_problem_at_once_with_place_and_hint"
_FEED = f"{FLOWS}::test_a_change_feed_fills_tables_that_others_read"
_SNAPSHOTS = f"{FLOWS}::test_snapshots_become_changes"
_ONCE = f"{FLOWS}::test_once_flows_sinks_and_hooks"
_ORACLE = f"{CDC}::test_any_order_split_and_replay_gives_the_documented_tables_and_those_of_the_oracle"
_STRUCTS = f"{CDC}::test_sequences_may_be_structs_and_keys_may_be_null"
_COUNTS = f"{CDC}::test_counts_of_a_batch"
_CHANGED_CODE = "tests/pipeline/test_rules.py::test_what_a_change_of_the_code_means"
_CHANGED_ROWS = "tests/pipeline/test_rules.py::test_streams_from_tables_whose_rows_are_changed"
_UNCOUNTED = "tests/pipeline/test_rules.py::test_each_batch_joins_a_table_as_it_is_and_what_is_not_counted"
_WRONG = f"{DECLARED}::test_wrong_arguments_are_refused_at_their_line"
_KINDS = "tests/unit/test_kinds.py::test_flows_that_do_not_fit_are_refused_at_their_line"
_INTERVAL = f"{JOBS}::test_the_nearest_trigger_interval_counts"


@dataclass(frozen=True)
class Rule:
    """One rule: what the platform does, whether that is so here, how it is not, and the tests that show it.

    `unverified`: nobody has looked on the platform; the rule is what people who know it say.
    """

    rule: str
    status: str
    tests: tuple[str, ...] = ()
    note: str = ""
    unverified: bool = False


def _supported(rule: str, *tests: str, note: str = "", unverified: bool = False) -> Rule:
    return Rule(rule, SUPPORTED, tests, note, unverified)


def _refused(rule: str, *tests: str) -> Rule:
    return Rule(rule, REFUSED, tests)


def _differs(rule: str, note: str, *tests: str, unverified: bool = False) -> Rule:
    return Rule(rule, DIFFERS, tests, note, unverified)


_DATASETS = (
    _supported(
        "`@table` over a streaming DataFrame is a streaming table, over a batch DataFrame a materialized view",
        f"{RESOLVE}::test_every_reading_form_gives_an_edge_and_the_right_kind",
    ),
    _supported(
        "A streaming table takes each source row exactly once, and appends",
        f"{COMMANDS}::test_ctrl_c_stops_cleanly_and_a_kill_loses_nothing",
    ),
    _supported(
        "A materialized view always equals its query over the current inputs", _TRIGGERED, note="recomputed in full"
    ),
    _supported("A view is not stored", f"{GRAPH}::test_tables_are_the_stored_datasets"),
    _supported(
        "A view is batch or streaming, and each reader evaluates it, with its expectations", _TRIGGERED, _SNAPSHOTS
    ),
    _supported("A streaming table has one flow or several: appending, AUTO CDC, once", _SEVERAL, _FEED, _ONCE),
    _supported("A materialized view has exactly one flow", _KINDS),
    _supported(
        "A temporary or private table is stored and not published",
        f"{REPLACING}::{_NEWER}",
        note="marked as private in `livetables tables`; `livetables query` reads it, to look into it",
    ),
    _supported("Streaming tables, materialized views and views have expectations", _TRIGGERED, _FAIL),
    _supported(
        "A changed query concerns a streaming table's new rows, until a full refresh; a materialized view from the next"
        " update on, a view from its next use on",
        _CHANGED_CODE,
    ),
    _supported("In a join of a stream with a table, each micro-batch sees the table as it then is", _UNCOUNTED),
    _supported(
        "A streaming aggregate without a watermark rewrites its table (complete mode); with watermark and window, it"
        " appends",
        f"{RESOLVE}::test_a_streaming_aggregate_without_watermark_is_complete",
    ),
    _supported(
        "A renamed flow has a new checkpoint, and reads its source again",
        _LEAVES,
        f"{PLAN}::test_a_flow_that_is_new_to_its_table_reads_from_the_start",
        note="`plan` says so before, a warning when it happens",
    ),
    _supported("A source that no longer fits the checkpoint fails the flow", _CHANGED_CODE),
    _supported(
        "A table does not turn from streaming table to materialized view, or back, in place",
        f"{PLAN}::test_a_table_that_was_of_another_kind_is_refused_until_it_is_filled_anew",
        note="a full refresh makes it anew",
    ),
    _supported("A stream from a table whose rows were changed fails, unless `skipChangeCommits` is set", _CHANGED_ROWS),
    _differs(
        "A target of AUTO CDC is read as a stream with `skipChangeCommits` or `readChangeFeed`",
        "`readChangeFeed` shows the changes that the hidden table makes to visible rows",
        _CHANGED_ROWS,
    ),
    _supported("A materialized view is no source of a stream", _CHECK),
    _supported("A table that is written in complete mode is no source of a stream", _CHANGED_ROWS),
    _supported(
        "Columns go to the declared column of the same name, whatever their position",
        f"{UPDATES}::test_declared_schema_matches_by_name",
        unverified=True,
    ),
    _supported(
        "A declared column that is missing is NULL, and types are cast",
        f"{UPDATES}::test_declared_schema_matches_by_name",
        unverified=True,
    ),
    _supported("A changed comment and changed table properties reach the stored table", _ALTERED),
    _supported(
        "Whoever reads a table with a row filter, a flow of the pipeline too, sees the rows for which its function is"
        " TRUE; what is stored is complete",
        _FILTERED,
        f"{ROW_FILTERS}::test_query_without_the_function_says_so",
        note="without the function, all rows, which is said aloud",
    ),
    _supported(
        "A row filter must fit the columns of its table, and return a boolean",
        f"{ROW_FILTERS}::test_a_row_filter_must_fit_its_table",
    ),
    _supported("A changed row filter needs no full refresh", _FILTERED),
    _supported(
        "The table of a dataset that was removed from the code stays, and is inactive",
        _LEAVES,
        "tests/unit/test_stored.py::test_tables_that_the_newest_update_did_not_define_are_inactive",
    ),
    _supported(
        "`pipelines.dropInactiveTables` removes such tables",
        _LEAVES,
        f"{PLAN}::test_a_table_that_is_not_in_the_code_any_more_is_inactive",
    ),
    _supported(
        "Two datasets of one name are an error, across files too",
        f"{FACADE}::test_a_dataset_defined_twice_names_both_places",
    ),
    _supported("A cycle is an error", _CHECK),
    _supported("Names that are not there fail the update before it starts, all of them listed", _CHECK),
    _supported("A pipeline has one update at a time", f"{UPDATES}::test_two_updates_do_not_share_a_storage_folder"),
    _differs("At most 100 source files are listed, 1000 through folders", "no limit"),
    _supported(
        "A target of AUTO CDC has no identity columns",
        f"{SCHEMA}::test_a_schema_that_would_fill_columns_otherwise_is_refused",
        note="refused in any table, since their values are not generated here",
    ),
    _differs("A table belongs to one pipeline", "each pipeline has a storage folder of its own; nothing is checked"),
)

_EXPECTATIONS = (
    _supported("`expect` keeps the row and counts it", _TRIGGERED),
    _supported("`expect_or_drop` does not write the row, and the flow goes on", _TRIGGERED),
    _supported(
        "`expect_or_fail` fails the flow; nothing of the batch is visible, what reads its table is skipped, the other"
        " flows finish, the update has failed",
        _FAIL,
    ),
    _supported("A row passes only when the predicate is TRUE: NULL fails", _TRIGGERED),
    _supported(
        "All rules see the rows before any is dropped, so that passed + failed = rows, for each of them", _TRIGGERED
    ),
    _supported("`dropped_records` counts a row once, however many rules reject it", _TRIGGERED),
    _supported("`failed_records` counts whatever the action is", _TRIGGERED),
    _supported("A flow that a `fail` rule stops has no counts of that attempt", _UNCOUNTED),
    _supported("Where a row breaks a `fail` rule and a `drop` rule, it fails the flow", _UNCOUNTED, unverified=True),
    _supported(
        "A flow that a rule failed is not tried again",
        f"{FAILURES}::test_a_violated_expectation_is_said_as_the_platform_says_it",
    ),
    _supported("Rules of one dataset have different names", f"{FACADE}::test_two_rules_of_one_name_are_a_problem"),
    _supported("A dict of rules may be empty", f"{FACADE}::test_an_empty_dict_of_rules_is_allowed"),
    _supported("A predicate is a boolean SQL expression over the dataset's columns", _CHECK),
    _differs("A predicate has no Python UDF and no subquery", "not checked: what Spark can evaluate runs"),
    _supported("Rules of `create_streaming_table` hold for every flow into it, AUTO CDC too", _SEVERAL, _FEED),
    _supported("Rules of a view are counted by each flow that reads it, under the view's name", _TRIGGERED),
    _supported(
        "A streaming table's rules see only what is new",
        f"{UPDATES}::test_continuous_mode_follows_its_source_until_it_is_stopped",
    ),
    _supported("A materialized view's rules see all rows of the recomputation", _CHANGED_CODE),
    _supported("A sink has no data quality counts", _UNCOUNTED),
    _differs(
        "The message of a broken `fail` rule names flow, rules, input data and output record",
        "no output record; the input data is the row that breaks the rule",
        _FAIL,
    ),
)

_CHANGES = (
    _supported("The newest event of a key by `sequence_by` wins", _ORACLE),
    _supported("An event without a sequence is an error", f"{CDC}::test_an_event_without_a_sequence_fails_the_batch"),
    _supported("Of two different events with one key and one sequence, either may win", _COUNTS),
    _supported("A sequence has any type that sorts; structs compare field by field", _STRUCTS),
    _supported("A late event is ignored by type 1, and put in its place by type 2", _ORACLE, _FEED),
    _supported("Events that come again change nothing", _ORACLE, _COUNTS),
    _supported("Type 1: a deleted row does not come back with an older event", _FEED),
    _differs(
        "Tombstones go after `pipelines.cdc.tombstoneGCThresholdInSeconds`, about two days",
        "they are kept for ever; the setting has no effect",
        unverified=True,
    ),
    _supported("Type 2: a delete ends the open version, and an older event that comes later becomes history", _FEED),
    _supported("A NULL overwrites; with `ignore_null_updates`, the column keeps its value", _ORACLE),
    _supported(
        "`ignore_null_updates` also looks at the fields of structs",
        f"{CDC}::test_a_null_field_of_a_struct_leaves_that_field_alone",
    ),
    _supported("`ignore_null_updates_column_list` and `_except_column_list` say for which columns", _ORACLE),
    _supported(
        "`columns_to_update` names a column with the names of the columns to change",
        f"{CDC}::test_columns_to_update_are_named_by_the_event",
    ),
    _supported("`columns_to_update` excludes `ignore_null_updates`", _WRONG),
    _supported("`apply_as_truncates` removes all rows with a lower sequence", _ORACLE),
    _supported("`apply_as_truncates` is for type 1 only", _WRONG),
    _supported("`column_list` and `except_column_list` choose the target's columns", _FEED),
    _supported("The columns of the sequence and of deletes may be left out", _FEED),
    _supported("The conditions of deletes and truncates see all columns of the source", _FEED, _ORACLE),
    _supported("The target has the chosen columns, with type 2 also `__START_AT` and `__END_AT`", _FEED),
    _supported("A declared schema of type 2 has these two, of the sequence's type", _FEED),
    _supported("Flows tell `num_upserted_rows` and `num_deleted_rows`, no `num_output_rows`", _FEED),
    _supported("Who reads a target sees neither tombstones nor hidden columns", _FEED),
    _differs(
        "With Unity Catalog the hidden table does not show; with the Hive metastore it is"
        " `__apply_changes_storage_TARGET`, and the target is a view",
        "as with the Hive metastore: the target can't be read by a path",
    ),
    _supported(
        "Type 2: `__START_AT` and `__END_AT` are sequences; the end does not count, and a current row has none",
        _ORACLE,
        _STRUCTS,
    ),
    _supported("Type 2: only a tracked column begins a version; others change in place", _ORACLE),
    _supported("Type 2: equal versions in a row are one", _ORACLE),
    _supported("The documented examples of types 1 and 2, with truncate and with an untracked column", _ORACLE),
    _supported("The documented example of snapshots with versions and a tracked column", _SNAPSHOTS),
    _supported("The documented example of periodic snapshots of type 2", _SNAPSHOTS),
    _supported("A key that a snapshot lacks is deleted", _SNAPSHOTS),
    _supported("Snapshot flows tell no counts of upserts and deletes", _SNAPSHOTS),
    _refused("Bitemporal tables", f"{DECLARED}::test_betas_of_the_platform_are_refused_by_name"),
    _supported("REPLACE USING: rows replaced by key and sequence", f"{REPLACING}::{_NEWER}", f"{REPLACING}::{_AGAIN}"),
    _supported("REPLACE WHERE: the rows of a predicate made anew by a batch query", f"{REPLACING}::{_NEWER}"),
)

_FLOW_RULES = (
    _supported(
        "The flow of a dataset's own query has the dataset's name",
        f"{FACADE}::test_a_dataset_is_named_by_name_or_else_by_its_function",
    ),
    _supported(
        "Other flows are named by `name=`, or else by their function",
        f"{FACADE}::test_append_flows_fill_one_table_from_several_queries",
    ),
    _supported("A flow with `once=True` runs once, and again only after a full refresh", _ONCE),
    _supported("Several flows append to one table, each with its checkpoint; a new one reads back alone", _SEVERAL),
    _supported(
        "A streaming table with a query of its own takes further append flows",
        "tests/pipeline/test_names.py::test_a_file_means_the_same_under_both_names",
        unverified=True,
    ),
    _supported("Append flows and AUTO CDC into one target are refused", _KINDS, unverified=True),
    _supported("An `update_flow` fills a sink, and no Delta one", _KINDS),
    _supported(
        "A full refresh does not empty a sink: its rows are written again",
        f"{PLAN}::test_a_sink_is_never_created_or_emptied",
    ),
    _supported(
        "A flow that fails is tried again; then what depends on it is skipped, and the others finish",
        f"{UPDATES}::test_a_flow_that_fails_is_tried_three_times",
        _FAIL,
    ),
)

_UPDATE_RULES = (
    _supported("An update takes what is new into streaming tables, and recomputes materialized views", _TRIGGERED),
    _supported("A full refresh of all or some tables removes rows and checkpoints, and fills them anew", _FULL),
    _supported(
        "`pipelines.reset.allowed = false` keeps a table from that",
        f"{PLAN}::test_a_protected_table_is_never_reset",
    ),
    _supported(
        "A refresh of some tables reads the others as they are stored, and reports them as EXCLUDED",
        f"{PLAN}::test_refresh_runs_only_what_it_names",
        _FULL,
    ),
    _supported(
        "One update may refresh some tables and fully refresh others",
        f"{PLAN}::test_a_stream_that_reads_a_fully_refreshed_table_starts_over_too",
    ),
    _supported("Checkpoints can be reset alone", f"{PLAN}::test_checkpoints_alone_can_be_reset"),
    _supported(
        "A dry run checks the graph and writes nothing",
        f"{COMMANDS}::test_every_look_at_a_pipeline_is_one_json_document",
        note="`livetables check`",
    ),
    _supported(
        "Triggered: a flow takes what its sources have, then ends",
        f"{JOBS}::test_a_triggered_stream_takes_what_is_there",
    ),
    _supported(
        "Triggered: a flow starts when those that it reads have ended",
        f"{JOBS}::test_readers_wait_only_in_triggered_mode",
        unverified=True,
    ),
    _supported("Continuous: a streaming flow looks for new rows every 5 s", _INTERVAL),
    _differs(
        "Continuous: recomputed every minute over Delta tables, every 10 minutes over other sources",
        "every minute, over Delta tables only when one has changed; a streaming aggregate in complete mode every 5 s",
        f"{JOBS}::test_a_recomputation_waits_for_its_own_interval",
        f"{JOBS}::test_a_recomputation_over_other_sources_is_due_after_each_interval",
    ),
    _supported(
        "`pipelines.trigger.interval` in a flow's `spark_conf`, a table's properties or the configuration", _INTERVAL
    ),
    _differs("`SET pipelines.trigger.interval` in SQL", "SQL files do not run"),
    _supported(
        "`pipelines.maxFlowRetryAttempts`, 2 by default: three tries",
        f"{JOBS}::test_a_flow_is_tried_again_as_often_as_configured",
    ),
    _supported(
        "`pipelines.numUpdateRetryAttempts`: updates in production are tried again, those in development are not",
        f"{ATTEMPTS}::test_only_production_tries_again",
        f"{UPDATES}::test_a_failed_update_is_run_again_in_production",
        note="`development` must be `false` in the settings, or the number be set",
    ),
    _supported(
        "When a Delta source gets a column, an update with the cause SCHEMA_CHANGE follows in the same run",
        f"{UPDATES}::test_a_source_that_gets_a_column_is_followed",
        f"{ATTEMPTS}::test_a_schema_that_cannot_be_followed_ends_the_run",
        unverified=True,
    ),
    _supported(
        "A table gets the columns, and the fields of structs, that its query adds; a column that the query loses "
        "stays, and is NULL in new rows",
        f"{CHANGED}::test_tables_get_the_columns_that_their_flows_add",
        note="before the first flow runs; so too targets of AUTO CDC",
        unverified=True,
    ),
    _differs(
        "When Auto Loader meets a new column, the update restarts with the wider schema",
        "the first schema stays, and columns that come later are left out",
        f"{SOURCES}::test_auto_loader_infers_strings_once_and_keeps_them",
    ),
    _supported(
        '`spark.conf.get("pipelines.id")` tells that code runs in a pipeline',
        _CHANGED_CODE,
        note="it is the pipeline's name",
    ),
    _supported(
        "Other settings of the platform in `configuration` do no harm", _CHANGED_CODE, note="they have no effect"
    ),
)

#: Heading -> its rules, in the order of the reference.
RULES: dict[str, tuple[Rule, ...]] = {
    "Datasets": _DATASETS,
    "Expectations": _EXPECTATIONS,
    "AUTO CDC": _CHANGES,
    "Flows": _FLOW_RULES,
    "Updates": _UPDATE_RULES,
}
