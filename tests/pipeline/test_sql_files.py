"""Pipelines in SQL, alone and beside Python: their tables, their event log, and queries of both."""

import json
from textwrap import dedent

import pytest

from livetables.errors import GraphError
from livetables.pipeline import Pipeline
from livetables.storage.layout import Storage
from tests.event_log import rule_counts

pytestmark = pytest.mark.pipeline


@pytest.fixture
def sql(bench):
    """Write a SQL file into the workbench."""

    def write(text, name="pipeline"):
        path = bench.folder / f"{name}.sql"
        path.write_text(dedent(text))
        return path

    return write


ORDERS = """
    -- Databricks notebook source
    -- MAGIC %md A title; with a semicolon
    -- COMMAND ----------
    SET orders.limit = 100
    -- COMMAND ----------
    CREATE FUNCTION vat(amount DOUBLE) RETURNS DOUBLE RETURN round(amount * 1.2, 2);

    create or refresh streaming table bronze
    (CONSTRAINT json EXPECT (doc:customer IS NOT NULL OR doc:op = "D"))
    TBLPROPERTIES ("quality" = "bronze", pipelines.reset.allowed = true)
    AS SELECT *, _metadata.file_name AS file
    FROM STREAM read_files('/in/${folder}', format => "json", schema => 'id BIGINT, doc STRING, "k" STRING'
    )
    -- COMMAND ----------
    CREATE OR REFRESH STREAMING TABLE silver (
      amount DOUBLE COMMENT 'with VAT', id BIGINT, customer STRING, missing INT,
      CONSTRAINT `has a customer` EXPECT (b.id > 0 AND customer IS NOT NULL) ON VIOLATION DROP ROW,
      CONSTRAINT small EXPECT (amount < ${orders.limit}),
      CONSTRAINT pk PRIMARY KEY (id)
    )
    COMMENT "typed; checked" PARTITIONED BY (customer)
    AS SELECT b.id, b.doc:customer, vat(b.doc:amount) AS amount FROM STREAM(LIVE.bronze) b
    -- COMMAND ----------
    CREATE TEMPORARY VIEW changes AS SELECT id, doc:customer AS customer, doc:op, doc:at::int AS at FROM STREAM bronze;
    CREATE STREAMING TABLE customers;
    APPLY CHANGES INTO LIVE.customers FROM STREAM(LIVE.changes) KEYS (id)
      APPLY AS DELETE WHEN op = "D" SEQUENCE BY at COLUMNS * EXCEPT (op, at) STORED AS SCD TYPE 2;
    CREATE FLOW more AS INSERT INTO silver_by_hand BY NAME SELECT customer, id FROM STREAM(silver);
    CREATE FLOW once AS INSERT INTO ONCE silver_by_hand BY NAME SELECT 99L AS id, :greeting AS customer;
    CREATE STREAMING TABLE silver_by_hand (id BIGINT, customer STRING);
"""
GOLD = """
    import dlt

    @dlt.table
    def by_customer():
        return spark.sql("SELECT customer, sum(amount) AS amount FROM LIVE.silver GROUP BY ALL")
"""
REPORT = "CREATE MATERIALIZED VIEW report AS SELECT *, customer = 'Ada' AS known FROM IDENTIFIER(:source)"


def order(key, **doc):
    """Return a row whose document is JSON in a string."""
    return {"id": key, "doc": json.dumps(doc)}


def rules(storage):
    """The records that passed and failed, by rule, over all updates."""
    return {name: (count.passed, count.failed) for (_, name), count in rule_counts(storage).items()}


@pytest.mark.shows(
    "A predicate may use an alias of the dataset's query: `EXPECT (o.id IS NOT NULL)`",
    "`CREATE FLOW name AS INSERT INTO table BY NAME query`, also with `ONCE`, or as `FLOW INSERT` in the table",
    "`CREATE FUNCTION`",
    "Files of both languages make one graph",
    "`IDENTIFIER(:name)` is the table of that name",
    "`column:path.to[0].field` extracts a value from JSON in a string, also in an expectation",
)
def test_sql_and_python_files_make_one_graph(bench, sql):
    """A SQL notebook, a Python file that reads its tables, and a SQL file that reads those of Python are one graph."""
    text = ORDERS.replace(', "k" STRING', "")
    files = [sql(text, "orders"), *bench.write(gold=GOLD), sql(REPORT, "report")]
    options = {"overrides": {"folder": "orders"}, "parameters": {"source": "by_customer", "greeting": "it's me"}}
    bench.rows(
        "orders",
        [
            order(1, customer="Ada", amount="10", op="U", at=1),
            order(2, customer=None, amount="5", op="U", at=1),
            order(3, customer="Bob", amount="500", op="U", at=1),
            order(4, customer="Eve", amount="much", op="D", at=1),
        ],
    )
    bench.rows("orders", [order(1, customer="Ann", amount="1", op="U", at=2)], file="2.json")
    assert "COMPLETED" == bench.run(*files, **options).state
    assert [(1, "Ada", 12.0, None), (1, "Ann", 1.2, None), (3, "Bob", 600.0, None), (4, "Eve", None, None)] == (
        bench.table("silver", "id, customer, amount, missing")
    )
    silver = bench.spark.read.format("delta").load(str(Storage(bench.storage).table("silver")))
    assert ["amount", "id", "customer", "missing"] == silver.columns
    assert [(99, "it's me")] == [row for row in bench.table("silver_by_hand", "id, customer") if row[0] == 99]
    assert 5 == len(bench.table("silver_by_hand"))
    assert [("Ada", 12.0, True), ("Ann", 1.2, False), ("Bob", 600.0, False), ("Eve", None, False)] == (
        bench.table("report")
    )
    assert {"json": (4, 1), "has a customer": (4, 1), "small": (3, 2)} == rules(bench.storage)
    assert {"1.json", "2.json"} == {row[0] for row in bench.table("bronze", "file")}
    with bench.pipeline(*files, **options) as pipeline:
        history = pipeline.query("SELECT id, customer, __START_AT, __END_AT FROM customers ORDER BY id, __START_AT")
        assert [(1, "Ada", 1, 2), (1, "Ann", 2, None), (2, None, 1, None), (3, "Bob", 1, None)] == (
            [tuple(row) for row in history.collect()]
        )
        locations = [dataset.definition.location for dataset in pipeline.graph.datasets.values()]
        assert {"orders.sql", "gold.py", "report.sql"} == {location.file for location in locations}


#: What people ask the event log, as they write it.
QUERIES = {
    "SELECT details:flow_progress.data_quality.expectations FROM event_log WHERE details:flow_progress.data_quality"
    " IS NOT NULL": [('[{"name":"ok","dataset":"checked","passed_records":1,"failed_records":2}]',)],
    "SELECT e.dataset, e.name, sum(e.passed_records) AS passing, sum(e.failed_records) AS failing FROM (SELECT explode("
    "from_json(details:flow_progress:data_quality:expectations, 'array<struct<name: string, dataset: string,"
    " passed_records: int, failed_records: int>>')) AS e FROM event_log(TABLE(checked)) WHERE event_type ="
    " 'flow_progress' AND origin.update_id = (SELECT max_by(origin.update_id, timestamp) FROM event_log WHERE"
    " event_type = 'create_update')) GROUP BY ALL": [("checked", "ok", 1, 2)],
    "SELECT e.failed_records FROM (SELECT explode(from_json(details:flow_progress:data_quality:expectations,"
    """ schema_of_json("[{'name':'str','dataset':'str','passed_records':42,'failed_records':42}]"))) AS e"""
    " FROM event_log('any-id') WHERE details LIKE '%flow_progress%data_quality%expectations%')": [(2,)],
    "SELECT e.value:name::string, e.value:failed_records::int FROM event_log, LATERAL variant_explode(parse_json("
    "details:flow_progress.data_quality.expectations)) AS e": [("ok", 2)],
    "SELECT details:user_action:action FROM event_log WHERE event_type = 'user_action'": [("START",)],
    "SELECT details:flow_definition.output_dataset, details:flow_definition.input_datasets,"
    " details:flow_definition.language FROM event_log WHERE event_type = 'flow_definition' AND"
    " details:flow_definition.output_dataset <> 'numbers'": [("checked", '["numbers"]', "SQL")],
}


@pytest.mark.shows(
    "`event_log(TABLE(name))`, `event_log('id')`", "The usual queries of the event log, with paths into `details`"
)
def test_queries_that_users_ask_the_event_log(bench, sql):
    """The documented queries of the event log run unchanged; a dataset of the pipeline can read it, too."""
    path = sql("""
        CREATE MATERIALIZED VIEW numbers AS SELECT * FROM range(3);
        CREATE MATERIALIZED VIEW checked (CONSTRAINT ok EXPECT (id > 1)) AS SELECT id FROM numbers;
    """)
    before = sql("CREATE MATERIALIZED VIEW before AS SELECT count(*) AS n FROM event_log('x')", "before")
    with bench.pipeline(before) as pipeline:
        assert ["n"] == pipeline.graph.datasets["before"].schema.names  # nothing has happened yet
    bench.run(path)
    with bench.pipeline(path) as pipeline:
        for text, rows in QUERIES.items():
            assert rows == [tuple(row) for row in pipeline.query(text).collect()], text
    reading = sql(
        "CREATE MATERIALIZED VIEW updates AS SELECT count(*) AS n FROM event_log(TABLE(numbers)) WHERE"
        " event_type = 'create_update'",
        "log",
    )
    bench.run(reading)
    assert [(1,)] == bench.table("updates")


def test_all_that_is_wrong_is_reported_at_once(bench, sql):
    """All errors of statements and queries are reported together, each with its line and a caret; nothing runs."""
    path = sql("""
        CREATE STREAMING TABEL a AS SELECT 1;
        CREATE MATERIALIZED VIEW b AS SELECT nope FROM range(2);
        CREATE MATERIALIZED VIEW c (CONSTRAINT ok EXPECT (nope > 1)) AS SELECT * FROM LIVE.missing;
        CREATE MATERIALIZED VIEW d (CONSTRAINT ok EXPECT (nope > 1)) AS SELECT id FROM range(2);
        CREATE MATERIALIZED VIEW e AS SELECT * FROM STREAM(d);
    """)
    with pytest.raises(GraphError) as caught:
        bench.run(path)
    found = [
        (diagnostic.code, str(diagnostic.location), diagnostic.excerpt.count("^"))
        for diagnostic in caught.value.diagnostics
    ]
    assert [
        ("SQL_SYNTAX", "pipeline.sql:2:18", 1),
        ("UNRESOLVED_COLUMN.WITH_SUGGESTION", "pipeline.sql:3:38", 1),
        ("DATASET_NOT_FOUND", "pipeline.sql:4:79", 1),
        ("INVALID_EXPECTATION", "pipeline.sql:5:29", 1),
        ("STREAM_OF_MATERIALIZED_VIEW", "pipeline.sql:6:52", 1),
    ] == found


@pytest.mark.shows("A cast that fails gives NULL")
def test_casts_are_lenient_unless_they_are_asked_to_be_strict(bench, sql):
    """A text that is no number is cast to NULL, as on the platform; with `ansi: true` it fails the flow."""
    path = sql("CREATE MATERIALIZED VIEW a AS SELECT CAST(concat('x', id) AS INT) AS number FROM range(1)")
    strict = {"spark.sql.ansi.enabled": "true", "pipelines.maxFlowRetryAttempts": "0"}
    assert "FAILED" == bench.run(path, overrides=strict).state
    assert "COMPLETED" == bench.run(path).state
    assert [(None,)] == bench.table("a")


def test_readers_of_a_broken_statement_are_no_second_error(bench, sql):
    """A reader of a dataset whose statement is wrong is no second error."""
    path = sql("""
        CREATE STREAMING TABLE raw AS SELECT '${nope}' AS x FROM STREAM(other);
        CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM LIVE.raw;
        CREATE FLOW more AS INSERT INTO raw BY NAME SELECT 'y' AS x FROM STREAM(counted);
    """)
    with pytest.raises(GraphError) as caught:
        bench.run(path)
    assert [("UNKNOWN_VARIABLE", "pipeline.sql:2:39")] == [(p.code, str(p.location)) for p in caught.value.diagnostics]


@pytest.mark.shows(
    "The same as a stream: ``STREAM json.`/p` ``",
    "`cloud_files('path', 'format', map(...))`",
    "`read_kafka(bootstrapServers => ..., subscribe => ...)`, batch or with `STREAM`",
    "`table_changes('table', from, to)`",
    ways=["`cloud_files(...)` in SQL"],
)
def test_sources_of_a_pipeline_are_seen_by_its_graph(bench, sql, tmp_path):
    """The graph has the columns of each source that only the platform's SQL has, and reads none of their rows."""
    bench.rows("in", [{"id": 1, "name": "a"}])
    path = sql("""
        CREATE STREAMING TABLE old
        AS SELECT * FROM cloud_files('/in/in', 'json', map('cloudFiles.inferColumnTypes', 'true'));
        CREATE STREAMING TABLE by_path AS SELECT * FROM STREAM json.`/in/in`;
        CREATE STREAMING TABLE kafka AS SELECT topic, offset, CAST(value AS STRING) AS value
          FROM STREAM read_kafka(bootstrapServers => 'nowhere:9092', subscribe => 't', startingOffsets => 'earliest');
        CREATE STREAMING TABLE feed TBLPROPERTIES ('delta.enableChangeDataFeed' = true) AS SELECT id FROM STREAM(old);
        CREATE MATERIALIZED VIEW changes AS SELECT id, _change_type FROM table_changes('feed', 0);
        CREATE FUNCTION f(x INT) RETURNS INT RETURN nope;
    """)
    with bench.pipeline(path) as pipeline:
        with pytest.raises(GraphError) as caught:
            _ = pipeline.graph
        found = [(diagnostic.code, diagnostic.location.line) for diagnostic in caught.value.diagnostics]
        assert [("BROKER_UNREACHABLE", 6), ("FUNCTION_REFUSED", 9)] == found
    path.write_text(path.read_text().replace("RETURN nope", "RETURN x"))
    with dry(bench.pipeline(path), tmp_path) as pipeline:
        found = {d.name: (d.schema.simpleString(), d.flows[0].streaming) for d in pipeline.graph.datasets.values()}
    assert {
        "old": ("struct<id:bigint,name:string,_rescued_data:string>", True),
        "by_path": ("struct<id:bigint,name:string>", True),
        "kafka": ("struct<topic:string,offset:bigint,value:string>", True),
        "feed": ("struct<id:bigint>", True),
        "changes": ("struct<id:bigint,_change_type:string>", False),
    } == found


def dry(pipeline, folder):
    """Return the pipeline as `check` opens it: no server is asked."""
    return Pipeline(pipeline.settings, scratch=folder / "scratch")
