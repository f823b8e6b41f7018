"""What the platform does: the rules of its behaviour, what becomes of each here, and the test that shows it.

Sections 3.1, 3.2, 3.4 and 3.5 of the reference; 3.3 is in `_differences_cdc`, SQL in `_differences_sql`, Auto Loader in
`_differences_files`.
`dev.docs.differences` fails when a test that is named does not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dev.docs._differences_cdc import CHANGES
from dev.docs._differences_files import FILES
from dev.docs._differences_rule import differs, supported
from dev.docs._differences_sql import EXPRESSIONS, SOURCES, STATEMENTS, VALUES

if TYPE_CHECKING:
    from dev.docs._differences_rule import Rule

UPDATES, FLOWS = "tests/pipeline/test_updates.py", "tests/pipeline/test_flows.py"
COMMANDS, FACADE = "tests/pipeline/test_command_line.py", "tests/unit/test_facade.py"
RESOLVE = "tests/spark/test_resolve.py"
PLAN, JOBS, GRAPH = "tests/unit/test_plan.py", "tests/unit/test_jobs.py", "tests/unit/test_graph.py"
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
_CHANGED_CODE = "tests/pipeline/test_rules.py::test_what_a_change_of_the_code_means"
_CHANGED_ROWS = "tests/pipeline/test_rules.py::test_streams_from_tables_whose_rows_are_changed"
_UNCOUNTED = "tests/pipeline/test_rules.py::test_each_batch_joins_a_table_as_it_is_and_what_is_not_counted"
_KINDS = "tests/unit/test_kinds.py::test_flows_that_do_not_fit_are_refused_at_their_line"
_INTERVAL = f"{JOBS}::test_the_nearest_trigger_interval_counts"

_DATASETS = (
    supported(
        "`@table` over a streaming DataFrame is a streaming table, over a batch DataFrame a materialized view",
        f"{RESOLVE}::test_every_reading_form_gives_an_edge_and_the_right_kind",
    ),
    supported(
        "A streaming table takes each source row exactly once, and appends",
        f"{COMMANDS}::test_ctrl_c_stops_cleanly_and_a_kill_loses_nothing",
    ),
    supported(
        "A materialized view always equals its query over the current inputs", _TRIGGERED, note="recomputed in full"
    ),
    supported("A view is not stored", f"{GRAPH}::test_tables_are_the_stored_datasets"),
    supported(
        "A view is batch or streaming, and each reader evaluates it, with its expectations", _TRIGGERED, _SNAPSHOTS
    ),
    supported("A streaming table has one flow or several: appending, AUTO CDC, once", _SEVERAL, _FEED, _ONCE),
    supported("A materialized view has exactly one flow", _KINDS),
    supported(
        "A temporary or private table is stored and not published",
        "tests/pipeline/test_replacing.py::test_newer_rows_of_a_key_replace_older_ones",
        note="marked as private in `livetables tables`; `livetables query` reads it, to look into it",
    ),
    supported("Streaming tables, materialized views and views have expectations", _TRIGGERED, _FAIL),
    supported(
        "A changed query concerns a streaming table's new rows, until a full refresh; a materialized view from the next"
        " update on, a view from its next use on",
        _CHANGED_CODE,
    ),
    supported("In a join of a stream with a table, each micro-batch sees the table as it then is", _UNCOUNTED),
    supported(
        "A streaming aggregate without a watermark rewrites its table (complete mode); with watermark and window, it"
        " appends",
        f"{RESOLVE}::test_a_streaming_aggregate_without_watermark_is_complete",
    ),
    supported(
        "A renamed flow has a new checkpoint, and reads its source again",
        _LEAVES,
        f"{PLAN}::test_a_flow_that_is_new_to_its_table_reads_from_the_start",
        note="`plan` says so before, a warning when it happens",
    ),
    supported("A source that no longer fits the checkpoint fails the flow", _CHANGED_CODE),
    supported(
        "A table does not turn from streaming table to materialized view, or back, in place",
        f"{PLAN}::test_a_table_that_was_of_another_kind_is_refused_until_it_is_filled_anew",
        note="a full refresh makes it anew",
    ),
    supported("A stream from a table whose rows were changed fails, unless `skipChangeCommits` is set", _CHANGED_ROWS),
    differs(
        "A target of AUTO CDC is read as a stream with `skipChangeCommits` or `readChangeFeed`",
        "`readChangeFeed` shows the changes that the hidden table makes to visible rows",
        _CHANGED_ROWS,
    ),
    supported("A materialized view is no source of a stream", _CHECK),
    supported("A table that is written in complete mode is no source of a stream", _CHANGED_ROWS),
    supported(
        "Columns go to the declared column of the same name, whatever their position",
        f"{UPDATES}::test_declared_schema_matches_by_name",
        unverified=True,
    ),
    supported(
        "A declared column that is missing is NULL, and types are cast",
        f"{UPDATES}::test_declared_schema_matches_by_name",
        unverified=True,
    ),
    supported("A changed comment and changed table properties reach the stored table", _ALTERED),
    supported(
        "Whoever reads a table with a row filter, a flow of the pipeline too, sees the rows for which its function is"
        " TRUE; what is stored is complete",
        _FILTERED,
        f"{ROW_FILTERS}::test_query_without_the_function_says_so",
        note="without the function, all rows, which is said aloud",
    ),
    supported(
        "A row filter must fit the columns of its table, and return a boolean",
        f"{ROW_FILTERS}::test_a_row_filter_must_fit_its_table",
    ),
    supported("A changed row filter needs no full refresh", _FILTERED),
    supported(
        "The table of a dataset that was removed from the code stays, and is inactive",
        _LEAVES,
        "tests/unit/test_stored.py::test_tables_that_the_newest_update_did_not_define_are_inactive",
    ),
    supported(
        "`pipelines.dropInactiveTables` removes such tables",
        _LEAVES,
        f"{PLAN}::test_a_table_that_is_not_in_the_code_any_more_is_inactive",
    ),
    supported(
        "Two datasets of one name are an error, across files too",
        f"{FACADE}::test_a_dataset_defined_twice_names_both_places",
    ),
    supported("A cycle is an error", _CHECK),
    supported("Names that are not there fail the update before it starts, all of them listed", _CHECK),
    supported("A pipeline has one update at a time", f"{UPDATES}::test_two_updates_do_not_share_a_storage_folder"),
    differs("At most 100 source files are listed, 1000 through folders", "no limit"),
    supported(
        "A target of AUTO CDC has no identity columns",
        f"{SCHEMA}::test_a_schema_that_would_fill_columns_otherwise_is_refused",
        note="refused in any table, since their values are not generated here",
    ),
    differs("A table belongs to one pipeline", "each pipeline has a storage folder of its own; nothing is checked"),
)

_EXPECTATIONS = (
    supported("`expect` keeps the row and counts it", _TRIGGERED),
    supported("`expect_or_drop` does not write the row, and the flow goes on", _TRIGGERED),
    supported(
        "`expect_or_fail` fails the flow; nothing of the batch is visible, what reads its table is skipped, the other"
        " flows finish, the update has failed",
        _FAIL,
    ),
    supported("A row passes only when the predicate is TRUE: NULL fails", _TRIGGERED),
    supported(
        "All rules see the rows before any is dropped, so that passed + failed = rows, for each of them", _TRIGGERED
    ),
    supported("`dropped_records` counts a row once, however many rules reject it", _TRIGGERED),
    supported("`failed_records` counts whatever the action is", _TRIGGERED),
    supported("A flow that a `fail` rule stops has no counts of that attempt", _UNCOUNTED),
    supported("Where a row breaks a `fail` rule and a `drop` rule, it fails the flow", _UNCOUNTED, unverified=True),
    supported(
        "A flow that a rule failed is not tried again",
        f"{FAILURES}::test_a_violated_expectation_is_said_as_the_platform_says_it",
    ),
    supported("Rules of one dataset have different names", f"{FACADE}::test_two_rules_of_one_name_are_a_problem"),
    supported("A dict of rules may be empty", f"{FACADE}::test_an_empty_dict_of_rules_is_allowed"),
    supported("A predicate is a boolean SQL expression over the dataset's columns", _CHECK),
    differs("A predicate has no Python UDF and no subquery", "not checked: what Spark can evaluate runs"),
    supported("Rules of `create_streaming_table` hold for every flow into it, AUTO CDC too", _SEVERAL, _FEED),
    supported("Rules of a view are counted by each flow that reads it, under the view's name", _TRIGGERED),
    supported(
        "A streaming table's rules see only what is new",
        f"{UPDATES}::test_continuous_mode_follows_its_source_until_it_is_stopped",
    ),
    supported("A materialized view's rules see all rows of the recomputation", _CHANGED_CODE),
    supported("A sink has no data quality counts", _UNCOUNTED),
    differs(
        "The message of a broken `fail` rule names flow, rules, input data and output record",
        "no output record; the input data is the row that breaks the rule",
        _FAIL,
    ),
)

_FLOW_RULES = (
    supported(
        "The flow of a dataset's own query has the dataset's name",
        f"{FACADE}::test_a_dataset_is_named_by_name_or_else_by_its_function",
    ),
    supported(
        "Other flows are named by `name=`, or else by their function",
        f"{FACADE}::test_append_flows_fill_one_table_from_several_queries",
    ),
    supported("A flow with `once=True` runs once, and again only after a full refresh", _ONCE),
    supported("Several flows append to one table, each with its checkpoint; a new one reads back alone", _SEVERAL),
    supported(
        "A streaming table with a query of its own takes further append flows",
        "tests/pipeline/test_names.py::test_a_file_means_the_same_under_both_names",
        unverified=True,
    ),
    supported("Append flows and AUTO CDC into one target are refused", _KINDS, unverified=True),
    supported("An `update_flow` fills a sink, and no Delta one", _KINDS),
    supported(
        "A full refresh does not empty a sink: its rows are written again",
        f"{PLAN}::test_a_sink_is_never_created_or_emptied",
    ),
    supported(
        "A flow that fails is tried again; then what depends on it is skipped, and the others finish",
        f"{UPDATES}::test_a_flow_that_fails_is_tried_three_times",
        _FAIL,
    ),
)

_UPDATE_RULES = (
    supported("An update takes what is new into streaming tables, and recomputes materialized views", _TRIGGERED),
    supported("A full refresh of all or some tables removes rows and checkpoints, and fills them anew", _FULL),
    supported(
        "`pipelines.reset.allowed = false` keeps a table from that", f"{PLAN}::test_a_protected_table_is_never_reset"
    ),
    supported(
        "A refresh of some tables reads the others as they are stored, and reports them as EXCLUDED",
        f"{PLAN}::test_refresh_runs_only_what_it_names",
        _FULL,
    ),
    supported(
        "One update may refresh some tables and fully refresh others",
        f"{PLAN}::test_a_stream_that_reads_a_fully_refreshed_table_starts_over_too",
    ),
    supported("Checkpoints can be reset alone", f"{PLAN}::test_checkpoints_alone_can_be_reset"),
    supported(
        "A dry run checks the graph and writes nothing",
        f"{COMMANDS}::test_every_look_at_a_pipeline_is_one_json_document",
        note="`livetables check`",
    ),
    supported(
        "Triggered: a flow takes what its sources have, then ends",
        f"{JOBS}::test_a_triggered_stream_takes_what_is_there",
    ),
    supported(
        "Triggered: a flow starts when those that it reads have ended",
        f"{JOBS}::test_readers_wait_only_in_triggered_mode",
        unverified=True,
    ),
    supported("Continuous: a streaming flow looks for new rows every 5 s", _INTERVAL),
    differs(
        "Continuous: recomputed every minute over Delta tables, every 10 minutes over other sources",
        "every minute, over Delta tables only when one has changed; a streaming aggregate in complete mode every 5 s",
        f"{JOBS}::test_a_recomputation_waits_for_its_own_interval",
        f"{JOBS}::test_a_recomputation_over_other_sources_is_due_after_each_interval",
    ),
    supported(
        "`pipelines.trigger.interval` in a flow's `spark_conf`, a table's properties or the configuration", _INTERVAL
    ),
    supported(
        "`pipelines.maxFlowRetryAttempts`, 2 by default: three tries",
        f"{JOBS}::test_a_flow_is_tried_again_as_often_as_configured",
    ),
    supported(
        "`pipelines.numUpdateRetryAttempts`: updates in production are tried again, those in development are not",
        f"{ATTEMPTS}::test_only_production_tries_again",
        f"{UPDATES}::test_a_failed_update_is_run_again_in_production",
        note="`development` must be `false` in the settings, or the number be set",
    ),
    supported(
        "When a Delta source gets a column, an update with the cause SCHEMA_CHANGE follows in the same run",
        f"{UPDATES}::test_a_source_that_gets_a_column_is_followed",
        f"{ATTEMPTS}::test_a_schema_that_cannot_be_followed_ends_the_run",
        unverified=True,
    ),
    supported(
        "A table gets the columns, and the fields of structs, that its query adds; a column that the query loses "
        "stays, and is NULL in new rows",
        f"{CHANGED}::test_tables_get_the_columns_that_their_flows_add",
        note="before the first flow runs; so too targets of AUTO CDC",
        unverified=True,
    ),
    supported(
        "When Auto Loader meets a new column, the update restarts with the wider schema",
        "tests/spark/test_sources.py::test_auto_loader_follows_a_new_column_in_the_same_run",
        "tests/pipeline/test_drift.py::test_nothing_of_a_drifting_source_is_lost",
    ),
    supported(
        '`spark.conf.get("pipelines.id")` tells that code runs in a pipeline',
        _CHANGED_CODE,
        note="it is the pipeline's name",
    ),
    supported(
        "Other settings of the platform in `configuration` do no harm", _CHANGED_CODE, note="they have no effect"
    ),
)

#: Heading -> its rules, in the order of the reference.
RULES: dict[str, tuple[Rule, ...]] = {
    "Datasets": _DATASETS,
    "Expectations": _EXPECTATIONS,
    "AUTO CDC": CHANGES,
    "Flows": _FLOW_RULES,
    "Updates": _UPDATE_RULES,
    "Auto Loader": FILES,
    "SQL: statements": STATEMENTS,
    "SQL: sources in a query": SOURCES,
    "SQL: variables and parameters": VALUES,
    "SQL: expressions": EXPRESSIONS,
}
