"""Events: the rows of the log, what they add up to, and what a log file or a pipe shows of them."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from rich.console import Console

from livetables.events import log as event_log
from livetables.events.events import EventBus, error_of
from livetables.events.facts import FlowProgress, UserAction
from livetables.events.log import SCHEMA, EventLogWriter, compact, has_events
from livetables.events.progress import FlowMetrics, stream_metrics
from livetables.events.reading import read_events
from livetables.events.state import FlowSummary, RuleCount, Update, backlog_text, fold
from livetables.events.states import FlowState, Level
from livetables.show.console import PlainLines, flow_table
from livetables.storage.layout import Storage
from tests.unit.builders import NOON, FakeTime, event


def progress(status, seq=0, *, rows=None, quality=None, flow="silver", level="INFO", **metrics):
    """Build a flow_progress event; `rows` is (in, out)."""
    details = {"status": status}
    if rows is not None:
        details["metrics"] = {"num_input_rows": rows[0], "num_output_rows": rows[1], **metrics}
    if quality is not None:
        details["data_quality"] = quality
    message = f"Flow '{flow}' is {status}."
    return event("flow_progress", details, seq=seq, level=level, message=message, flow_name=flow, dataset_name=flow)


def quality(dropped, **rules):
    """Build the data_quality of an event; each rule is (passed, failed)."""
    return {
        "dropped_records": dropped,
        "expectations": [
            {"name": name, "dataset": "silver", "passed_records": passed, "failed_records": failed}
            for name, (passed, failed) in rules.items()
        ],
    }


def shown(*events):
    """Return the lines that a log shows of these events, without their times."""
    out = StringIO()
    with PlainLines(Console(file=out, width=40)) as lines:
        for one in events:
            lines(one)
    return [line[9:] for line in out.getvalue().splitlines()]


class TestFold:
    """What is known after the events of an update."""

    def test_rows_that_a_merge_changed_count_as_rows_out(self):
        """A flow of AUTO CDC appends nothing; its upserts and deletes are what it did."""
        told = {"num_input_rows": 9, "num_upserted_rows": 4, "num_deleted_rows": 1}
        state = fold([event("flow_progress", {"status": "RUNNING", "metrics": told}, flow_name="f", dataset_name="f")])
        assert (state.flows["f"].rows_in, state.flows["f"].rows_out) == (9, 5)

    def test_batches_add_up(self):
        """Each event of a stream counts one micro-batch; rates and the watermark are the last ones."""
        state = fold(
            [
                progress("QUEUED"),
                progress(
                    "RUNNING",
                    rows=(10, 8),
                    quality=quality(2, a=(8, 2), b=(10, 0)),
                    num_late_rows_dropped=1,
                    watermark="2026-01-02T12:00:00.000Z",
                    input_rows_per_second=5.0,
                    batch_duration_ms=2000,
                ),
                progress(
                    "RUNNING",
                    rows=(5, 5),
                    quality=quality(0, a=(5, 0)),
                    num_duplicate_rows_dropped=3,
                    input_rows_per_second=7.0,
                    batch_duration_ms=500,
                    backlog_records=1200,
                ),
                progress("COMPLETED"),
            ]
        )
        assert state.flows["silver"] == FlowSummary(
            "silver",
            "silver",
            FlowState.COMPLETED,
            rows_in=15,
            rows_out=13,
            dropped=2,
            late=1,
            duplicates=3,
            rows_per_second=7.0,
            batch_seconds=0.5,
            batches=2,
            watermark="2026-01-02T12:00:00.000Z",
            backlog="1,200 rows",
            rules={("silver", "a"): RuleCount(13, 2), ("silver", "b"): RuleCount(10, 0)},
            message="Flow 'silver' is COMPLETED.",
        )

    def test_another_update_starts_anew(self):
        """An update that is tried again counts its own rows and errors, and keeps none of the one that failed."""
        failed = [progress("RUNNING", rows=(4, 4)), progress("FAILED", level="ERROR"), progress("FAILED", level="WARN")]
        again = replace(progress("RUNNING", rows=(1, 1)), origin={**failed[0].origin, "update_id": "u-2"})
        state = fold([*failed, again])
        assert (state.update_id, state.errors, state.warnings) == ("u-2", [], [])
        assert (state.flows["silver"].rows_in, state.flows["silver"].batches) == (1, 1)

    def test_flows_are_kept_apart_and_in_order(self):
        """One row per flow, in the order in which they were queued."""
        events = [progress("QUEUED", flow="b"), progress("QUEUED", flow="a")]
        state = fold([*events, progress("RUNNING", flow="b", rows=(1, 1))])
        assert [(f.name, f.rows_in) for f in state.flows.values()] == [("b", 1), ("a", 0)]

    @pytest.mark.parametrize("final", ["COMPLETED", "FAILED", "CANCELED"])
    def test_the_last_state_counts(self, final):
        """The exit code of `livetables run` depends on it."""
        events = [event("update_progress", {"state": state}) for state in ("INITIALIZING", "RUNNING", final)]
        assert fold(events).state == final

    def test_errors_and_warnings_are_collected(self):
        """Whatever kind of event says them."""
        state = fold(
            [
                event("deprecation", {}, level="WARN", message="Old."),
                progress("SKIPPED", level="WARN"),
                event("update_progress", {"state": "FAILED"}, level="ERROR", message="It failed."),
                event("update_progress", {"state": "RUNNING"}, message="Fine."),
            ]
        )
        assert (state.warnings, state.errors) == (["Old.", "Flow 'silver' is SKIPPED."], ["It failed."])

    def test_an_update_knows_its_id(self):
        """A message refers to an update by it."""
        assert (Update().update_id, fold([progress("QUEUED")]).update_id) == ("", "u-1")

    @pytest.mark.parametrize(
        ("rules", "rate"),
        [({}, None), ({"a": (0, 0)}, None), ({"a": (3, 1)}, 0.75), ({"a": (3, 1), "b": (4, 0)}, 0.875)],
    )
    def test_the_pass_rate_is_over_all_checks(self, rules, rate):
        """Without rules or rows there is nothing to rate."""
        assert fold([progress("RUNNING", rows=(4, 4), quality=quality(0, **rules))]).flows["silver"].pass_rate == rate

    @pytest.mark.parametrize(
        ("metrics", "text"),
        [
            ({"backlog_records": 1200, "backlog_bytes": 9}, "1,200 rows"),
            ({"backlog_files": 3, "backlog_bytes": 2_500_000}, "3 files"),
            ({"backlog_files": 0, "backlog_bytes": 2_500_000}, "2.5 MB"),
            ({}, ""),
        ],
    )
    def test_a_backlog_is_said_in_the_unit_that_the_source_knows(self, metrics, text):
        """Kafka counts rows, files are counted as files."""
        assert backlog_text(FlowMetrics(**metrics)) == text


class TestMetrics:
    """The numbers of a micro-batch, from Spark's progress report."""

    def test_a_report_becomes_the_metrics_of_an_event(self):
        """Rows, rate over the whole batch, watermark, dropped rows of all state operators, backlog of all sources."""
        report = {
            "numInputRows": 500,
            "durationMs": {"triggerExecution": 2000},
            "eventTime": {"watermark": "2026-01-02T12:00:00.000Z"},
            "stateOperators": [
                {"numRowsDroppedByWatermark": 2, "customMetrics": {"numDroppedDuplicateRows": 4}},
                {"numRowsDroppedByWatermark": 1},
            ],
            "sources": [
                {"description": "kafka", "metrics": {"maxOffsetsBehindLatest": "30"}},
                {"description": "files", "metrics": {"numFilesOutstanding": "2", "numBytesOutstanding": "64"}},
                {"description": "more files", "metrics": {"numFilesOutstanding": "1", "numBytesOutstanding": "36"}},
                {"description": "rate", "metrics": None},
            ],
        }
        assert stream_metrics(report).details() == {
            "num_input_rows": 500,
            "batch_duration_ms": 2000,
            "input_rows_per_second": 250.0,
            "num_late_rows_dropped": 3,
            "num_duplicate_rows_dropped": 4,
            "watermark": "2026-01-02T12:00:00.000Z",
            "backlog_records": 30,
            "backlog_files": 3,
            "backlog_bytes": 100,
            "source_metrics": [
                {"source_name": "kafka", "backlog_records": 30},
                {"source_name": "files", "backlog_files": 2, "backlog_bytes": 64},
                {"source_name": "more files", "backlog_files": 1, "backlog_bytes": 36},
                {"source_name": "rate"},
            ],
        }

    def test_an_empty_report_has_no_rows_and_no_watermark(self):
        """A batch without data has no rate."""
        assert stream_metrics({}).details() == {
            "num_input_rows": 0,
            "batch_duration_ms": 0,
            "input_rows_per_second": 0.0,
            "num_late_rows_dropped": 0,
            "num_duplicate_rows_dropped": 0,
            "watermark": None,
            "source_metrics": [],
        }


class TestRow:
    """A row of the event log has the columns of Databricks' own."""

    def test_the_columns_are_those_of_the_platform(self):
        """Queries that people wrote against the platform's log find every column, and structs are structs."""
        row = event("user_action", {}).row()
        origin = {
            "cloud",
            "region",
            "org_id",
            "user_id",
            "pipeline_id",
            "pipeline_type",
            "pipeline_name",
            "cluster_id",
            "update_id",
            "maintenance_id",
            "table_id",
            "table_name",
            "dataset_name",
            "sink_name",
            "flow_id",
            "flow_name",
            "batch_id",
            "request_id",
            "host",
            "materialization_name",
            "uc_resource_id",
            "ingestion_source_catalog_name",
            "ingestion_source_schema_name",
            "ingestion_source_connection_name",
            "ingestion_source_table_name",
            "ingestion_source_table_version",
        }
        columns = [
            "id",
            "sequence",
            "origin",
            "timestamp",
            "message",
            "level",
            "maturity_level",
            "error",
            "details",
            "event_type",
        ]
        assert (list(row), SCHEMA.names) == (columns, columns)
        assert (set(row["origin"]), {field.name for field in SCHEMA.field("origin").type}) == (origin, origin)
        assert (SCHEMA.field("details").type, SCHEMA.field("sequence").type.names) == (
            pa.string(),
            ["data_plane_id", "control_plane_seq_no"],
        )

    def test_details_is_json_with_one_key_the_event_type(self):
        """`details:flow_progress.metrics` is how everybody reads it; what JSON has not becomes text."""
        row = event("flow_progress", {"status": "RUNNING", "at": NOON}).row()
        assert json.loads(row["details"]) == {"flow_progress": {"status": "RUNNING", "at": str(NOON)}}

    def test_the_bus_gives_every_subscriber_every_event_in_order(self):
        """The sequence number grows, also when the time stands still; origin names pipeline and update."""
        first, second = [], []
        bus = EventBus(FakeTime().clock, "sales", "u-7", [first.append, second.append])
        bus.emit(UserAction(), "One.")
        bus.emit(FlowProgress(FlowState.RUNNING), "Two.", level=Level.WARN, flow_name="f", batch_id=3)
        assert first == second
        assert [(e.id, e.message, e.level, e.timestamp) for e in first] == [
            ("id-0", "One.", "INFO", NOON),
            ("id-1", "Two.", "WARN", NOON),
        ]
        assert first[0].seq_no < first[1].seq_no
        origin = first[1].origin
        assert (origin["pipeline_name"], origin["update_id"], origin["flow_name"], origin["batch_id"]) == (
            "sales",
            "u-7",
            "f",
            3,
        )

    def test_an_error_is_its_chain_of_causes(self):
        """The message is ours; causes follow without their JVM frames."""
        error = ValueError("wrapped")
        error.__cause__ = RuntimeError("first\n\tat a.b(C.scala:1)")
        assert error_of(error, "It failed.", fatal=True) == {
            "fatal": True,
            "exceptions": [
                {"class_name": "ValueError", "message": "It failed.", "stack": []},
                {"class_name": "RuntimeError", "message": "first", "stack": []},
            ],
        }


class TestLog:
    """The log is a Delta table that is written and read without Spark."""

    @pytest.fixture
    def folder(self, tmp_path):
        """Return the folder of the log, which does not exist yet."""
        return Storage(tmp_path).events

    def test_what_is_written_is_read_back_oldest_first(self, folder, tmp_path):
        """Also over several updates, and when two events have the same time."""
        time = FakeTime()
        error = error_of(ValueError("x"), "It failed.", fatal=True)
        for messages in (["one", "two"], ["three", "four"]):
            log = EventLogWriter(folder, time.clock)
            bus = EventBus(time.clock, "sales", "u", [log])
            for message in messages:
                bus.emit(UserAction(), message, error=error, batch_id=5)
            log.flush()
            time.advance(1)
        rows = [event.row() for event in read_events(tmp_path)]
        assert [row["message"] for row in rows] == ["one", "two", "three", "four"]
        later = NOON + timedelta(seconds=1)
        assert [row["timestamp"] for row in rows] == [NOON, NOON, later, later]
        assert (rows[0]["error"], rows[0]["origin"]["batch_id"], rows[0]["details"]) == (
            error,
            5,
            '{"user_action": {"action": "START"}}',
        )

    def test_events_are_written_in_groups(self, folder, tmp_path):
        """A commit every two seconds, not one per event; `flush` writes the rest."""
        time = FakeTime()
        log = EventLogWriter(folder, time.clock)
        for seq in range(3):
            log(event("user_action", {}, seq=seq))
        assert not has_events(folder)
        log.flush_if_due()
        assert not has_events(folder)
        time.advance(event_log.FLUSH_SECONDS)
        log(event("user_action", {}, seq=3))
        log.flush_if_due()
        assert (len(list(read_events(tmp_path))), DeltaTable(str(folder)).version()) == (4, 0)
        log(event("user_action", {}, seq=4))
        log.flush()
        log.flush()
        assert (len(list(read_events(tmp_path))), DeltaTable(str(folder)).version()) == (5, 1)

    @pytest.mark.parametrize(("limit", "files"), [(1, 1), (3, 3)])
    def test_a_log_of_many_files_is_compacted(self, folder, tmp_path, monkeypatch, limit, files):
        """A long run leaves one small file per commit; the rows stay the same."""
        monkeypatch.setattr(event_log, "COMPACT_FILES", limit)
        log = EventLogWriter(folder, FakeTime().clock)
        for seq in range(3):
            log(event("user_action", {}, seq=seq))
            log.flush()
        before = list(read_events(tmp_path))
        compact(folder)
        assert (len(DeltaTable(str(folder)).file_uris()), list(read_events(tmp_path)) == before) == (files, True)

    def test_a_program_that_has_read_a_log_ends_well(self, folder, tmp_path):
        """Nothing that reads leaves a thread behind that aborts the interpreter at its exit."""
        log = EventLogWriter(folder, FakeTime().clock)
        for seq in range(30):
            log(event("user_action", {}, seq=seq))
            log.flush()
        program = f"from livetables.events.reading import read_events; list(read_events({str(tmp_path)!r}))"
        ends = [subprocess.run([sys.executable, "-c", program], check=False).returncode for _ in range(6)]
        assert set(ends) == {0}

    def test_a_pipeline_that_never_ran_has_no_events(self, folder, tmp_path):
        """Asking is no error, and makes no log."""
        compact(folder)
        assert (has_events(folder), list(read_events(tmp_path)), folder.exists()) == (False, [], False)


class TestPlainLines:
    """What a pipe or a log file shows."""

    def test_an_update_reads_as_lines(self):
        """One line per step of the update and per flow's end; nothing is wrapped or styled."""
        assert shown(
            event("create_update", {}, message="Not worth a line."),
            event("update_progress", {"state": "RUNNING"}, message="Update u-1 is RUNNING."),
            progress("QUEUED"),
            progress("STARTING"),
            progress("COMPLETED", 1, rows=(1200, 1000), quality=quality(200, a=(1000, 200))),
            progress("COMPLETED", 2, rows=(0, 1), flow="recomputed"),
            event("deprecation", {}, level="WARN", message="[old] is deprecated" + "; long" * 10),
            event("flow_definition", {}, level="ERROR", message="It failed."),
        ) == [
            "INFO  Update u-1 is RUNNING.",
            "INFO  Flow 'silver' is STARTING.",
            "INFO  Flow 'silver' is COMPLETED: 1,200 rows in, 1,000 rows out, 83.33% passed",
            "INFO  Flow 'recomputed' is COMPLETED: 1 row out",
            "WARN  [old] is deprecated" + "; long" * 10,
            "ERROR It failed.",
        ]

    def test_a_running_flow_has_a_line_every_ten_seconds(self):
        """Totals so far; batches without rows say nothing."""
        assert shown(
            progress("RUNNING", 0, rows=(10, 10)),
            progress("RUNNING", 5, rows=(10, 10)),
            progress("RUNNING", 12, rows=(0, 0)),
            progress("RUNNING", 14, rows=(10, 10)),
            progress("RUNNING", 14, rows=(1, 1), flow="other"),
            progress("RUNNING", 15, rows=(5, 5)),
            progress("STOPPED", 16),
        ) == [
            "INFO  silver: 10 rows in, 10 rows out",
            "INFO  silver: 30 rows in, 30 rows out",
            "INFO  other: 1 row in, 1 row out",
            "INFO  Flow 'silver' is STOPPED: 35 rows in, 35 rows out",
        ]

    def test_an_error_that_ends_the_update_is_not_said_twice(self):
        """The command prints it with its place and its hint."""
        failed = event("update_progress", {"state": "FAILED"}, level="ERROR", error={"fatal": True})
        last = event("update_progress", {"state": "FAILED"}, level="ERROR", message="Update u-1 is FAILED.")
        assert shown(failed, last) == ["ERROR Update u-1 is FAILED."]

    def test_a_line_begins_with_the_time(self):
        """Of the event, not of the printing."""
        out = StringIO()
        PlainLines(Console(file=out))(event("update_progress", {"state": "RUNNING"}, seq=61, message="Running."))
        assert out.getvalue() == "12:01:01 INFO  Running.\n"


def test_the_table_of_flows_shows_numbers_with_units():
    """Nothing that is not known is shown as 0."""
    state = fold(
        [
            progress("QUEUED", flow="waiting"),
            progress(
                "RUNNING",
                rows=(12000, 11000),
                quality=quality(1000, a=(11000, 1000)),
                input_rows_per_second=2345.6,
                batch_duration_ms=1500,
                watermark="2026-01-02T11:59:30.000Z",
                backlog_files=4,
            ),
            progress("RUNNING", flow="first", rows=(5, 5), watermark="1970-01-01T00:00:00.000Z"),
        ]
    )
    columns = [[str(cell) for cell in column.cells] for column in flow_table(state, "sales").columns]
    assert [list(row) for row in zip(*columns, strict=True)] == [
        ["waiting", "QUEUED", "", "", "", "", "", "", ""],
        ["silver", "RUNNING", "12,000", "11,000", "2,346", "1.5 s", "11:59:30", "4 files", "91.67%"],
        ["first", "RUNNING", "5", "5", "", "", "", "", ""],
    ]
