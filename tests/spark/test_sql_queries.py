"""Query texts of the platform's SQL: datasets, sources, JSON paths, and locations of errors in a file."""

import json
from datetime import date

import pytest
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession

from livetables.autoloader.loader import read_files
from livetables.collect.binding import bound
from livetables.collect.reporter import Reporter
from livetables.errors import DefinitionError
from livetables.model import Namespace
from livetables.queries import reads
from livetables.queries.locations import location_of
from livetables.queries.sql_queries import SqlQuery
from livetables.sql.edits import Edited
from livetables.sql.script import Script

pytestmark = pytest.mark.spark
DOC = json.dumps({"a": {"b": [{"c": 1}, {"c": 2}], "x y": "z"}, "n": None})


class Tables:
    """A Reader of the frames of a test; it records how each was read."""

    def __init__(self, **frames):
        self.frames, self.reads = frames, []

    def read(self, name, *, streaming, options):
        """Return a frame, or the stream of the same name."""
        key = Namespace("main", "sales").own(name)
        if key not in self.frames:
            return None
        self.reads.append((key, streaming, dict(options)))
        return reads.TableFrame(self.frames[key + "_stream" if streaming else key], key == "rewritten")

    def read_files(self, options, schema, path):
        """Read files as the runtime does."""
        return read_files(SparkSession.builder.getOrCreate(), options, schema, path, pytest.fail)

    def prepare(self, source, options):
        """Check nothing."""

    def map_path(self, path):
        """Remove the scheme of the platform."""
        return path.removeprefix("dbfs:")


@pytest.fixture(scope="module")
def tables(spark, tmp_path_factory):
    """Return frames: `raw` has JSON as a string and as a VARIANT, `orders` is also a stream."""
    raw = spark.createDataFrame([(1, DOC)], "id INT, doc STRING").selectExpr("*", "parse_json(doc) AS v")
    orders = spark.createDataFrame([(1, "x"), (2, "y")], "id INT, name STRING")
    stream = spark.readStream.schema("id INT, name STRING, at TIMESTAMP").json(str(tmp_path_factory.mktemp("none")))
    complete_mode = orders.limit(1)
    return {"raw": raw, "orders": orders, "orders_stream": stream, "rewritten": complete_mode}


@pytest.fixture
def reader(tables):
    """Return a reader of these tables."""
    return Tables(**tables)


@pytest.fixture(autouse=True)
def _bound():
    """Patch the reading methods, as while a pipeline is open."""
    with bound([]):
        yield


@pytest.fixture
def sql(spark, reader):
    """Return a function that runs a text as a query function does, and returns its columns and rows."""

    def ask(text, args=None, **kwargs):
        frame = spark.sql(text, args, **kwargs)
        return frame.columns, [tuple(row) for row in frame.collect()]

    with reads.reading_with(reader):
        yield ask


@pytest.fixture
def query(spark, reader, tmp_path):
    """Return a function that makes the query of a SQL statement, and returns it with its reporter."""
    del spark

    def make(text, at="SELECT", **options):
        reporter, start = Reporter(tmp_path), text.index(at)
        return SqlQuery(Edited(text).part(start, len(text)), Script("a.sql", text), reporter.warn, **options), reporter

    with reads.reading_with(reader):
        yield make


@pytest.mark.shows(
    "`column:path.to[0].field` extracts a value from JSON in a string, also in an expectation",
    "A column that is only a path has the name of its last field",
)
def test_json_paths_of_strings(sql):
    """A path returns the text at it, or NULL; a column that is only a path has the name of its last field."""
    columns, rows = sql(
        "SELECT doc:a.b[1].c::int, doc:a.b[*].c AS all, doc:a:b[0]:c AS chained, doc:a['x y'] AS spaced, r.doc:a.`x y`,"
        " doc:n, doc:none, upper(doc:a['x y']) AS u FROM raw r WHERE r.doc:a.b[0].c = 1 ORDER BY doc:n"
    )
    assert ["all", "chained", "spaced", "x y", "n", "none", "u"] == columns[1:]
    assert [(2, "[1,2]", "1", "z", "z", None, None, "Z")] == rows


@pytest.mark.shows("A path into a VARIANT gives a VARIANT")
def test_json_paths_of_variants_stay_variants(sql):
    """A path on a VARIANT returns a VARIANT, also beside paths on strings."""
    columns, rows = sql(
        "SELECT v:a.b[0].c::int + doc:a.b[1].c::int AS both, schema_of_variant(v:a.b) AS t, v:n FROM raw"
    )
    assert ["both", "t", "n"] == columns
    assert (3, "ARRAY<OBJECT<c: BIGINT>>") == rows[0][:2]


def test_colons_that_are_no_paths(sql):
    """Colons of types, casts and parameters are no JSON paths."""
    _, rows = sql("SELECT CAST(named_struct('a', '1', 'b', '2') AS STRUCT<a:INT, b: INT>).b, '3'::int, ':x' FROM raw")
    assert [(2, 3, ":x")] == rows


@pytest.mark.shows("`spark.sql(text, args)` fills in `:name` and `?`")
def test_arguments_of_spark_sql(sql, tables):
    """Arguments by name, in order, and as parts of the text are replaced, which Spark with Delta does not do."""
    args = {"x": "it's", "id": 1, "at": date(2026, 1, 2)}
    assert sql("SELECT :x AS x, doc:n, :at FROM raw WHERE id = :id", args)[1] == [("it's", None, date(2026, 1, 2))]
    assert [(1.5, 1)] == sql("SELECT ?, id FROM raw WHERE id < ?", [1.5, 2])[1]
    assert [(5, "x")] == sql("SELECT {x} AS x, o.name FROM raw JOIN {o} o USING (id)", x=5, o=tables["orders"])[1]


@pytest.mark.shows(
    "A dataset is found by its names: bare, `LIVE.name`, with schema and catalog, also in front of columns"
)
def test_datasets_under_all_their_names(sql, reader):
    """A dataset and its columns can be qualified by LIVE, schema and catalog; a CTE of that name hides it."""
    _, rows = sql(
        "WITH raw AS (SELECT id FROM LIVE.orders) SELECT LIVE.orders.name, o.id FROM LIVE.orders"
        " JOIN orders AS b ON orders.id = b.id"
        " JOIN main.sales.`orders` AS o ON orders.id = o.id AND o.id IN (SELECT id FROM raw WHERE id > 1)"
    )
    assert [("y", 2)] == rows
    assert {"orders"} == {key for key, *_ in reader.reads}


@pytest.mark.shows(
    "`STREAM(name)` and `STREAM name` read a table or view as a stream",
    "Options of a stream: `STREAM name WITH (skipChangeCommits = true)`, `read_stream('name', ...)`",
    "`WATERMARK column DELAY OF INTERVAL ...` after a source",
)
@pytest.mark.parametrize(
    "source",
    [
        "STREAM orders",
        "STREAM(orders)",
        "stream( LIVE.orders ) AS o",
        "STREAM read_stream('orders')",
        "STREAM sales.orders WATERMARK at DELAY OF INTERVAL 1 HOUR",
        "STREAM orders WITH (skipChangeCommits = true, maxFilesPerTrigger = 1)",
    ],
)
def test_streams_in_all_spellings(query, reader, source):
    """Every spelling of a stream is read as one, with its options."""
    made, reporter = query(f"CREATE STREAMING TABLE t AS SELECT count(*) AS n FROM {source}", streams=True)
    assert made().isStreaming
    assert not reporter.warnings
    assert all(streaming for _, streaming, _ in reader.reads)
    if "WITH" in source:
        assert {"skipChangeCommits": "true", "maxFilesPerTrigger": "1"} == reader.reads[-1][2]


@pytest.mark.shows(
    "Without `STREAM`, a source is read as a batch, and a streaming table needs a stream",
    "The same over a table in complete mode, which cannot be the source of a stream",
)
def test_a_streaming_table_reads_its_first_source_as_a_stream(query):
    """Without STREAM the first source is read as a stream, with a warning; a table in complete mode is not."""
    made, reporter = query("CREATE STREAMING TABLE t AS\nSELECT o.id FROM orders o JOIN raw USING (id)", streams=True)
    assert made().isStreaming
    (warning,) = reporter.warnings
    assert ("STREAM_MISSING", "a.sql:2:18") == (warning.code, str(warning.location))
    made, reporter = query("CREATE STREAMING TABLE t AS SELECT id FROM rewritten", streams=True)
    assert not made().isStreaming
    assert ["RECOMPUTED_TABLE"] == [warning.code for warning in reporter.warnings]
    made, _ = query("CREATE STREAMING TABLE t AS SELECT 1 AS one", streams=True)
    with pytest.raises(DefinitionError) as caught:
        made()
    assert ("BATCH_IN_STREAMING_TABLE", "a.sql:1:29") == (caught.value.code, str(caught.value.diagnostic.location))


def test_a_flow_that_runs_once_reads_no_stream(query, reader):
    """A flow that runs once reads a batch, although its source has STREAM."""
    made, _ = query("AUTO CDC ONCE INTO t FROM STREAM(orders)", at="STREAM", streams=False)
    made.text = made.text.replaced([(0, 0, "SELECT * FROM ")])
    assert not made().isStreaming
    assert [("orders", False, {})] == reader.reads
    made, _ = query("AUTO CDC ONCE INTO t FROM STREAM read_pubsub(topic => 't')", at="STREAM", streams=False)
    made.text = made.text.replaced([(0, 0, "SELECT * FROM ")])
    with pytest.raises(DefinitionError) as caught:
        made()
    assert "a.sql:1:34" == str(caught.value.diagnostic.location)  # though STREAM was taken away before it


def test_statements_that_are_no_queries(spark, sql):
    """SET is passed to Spark unchanged, although its value has a colon."""
    sql("SET livetables.test.url = jdbc:postgresql:orders")
    assert "jdbc:postgresql:orders" == spark.conf.get("livetables.test.url")
    spark.conf.unset("livetables.test.url")


@pytest.mark.shows(
    "Files and tables by their path: ``json.`/p` ``, ``csv.`/p` ``",
    "`read_files` infers columns with their types and adds `_rescued_data`; it takes Auto Loader's options",
    "`read_files` without `format` detects the format",
    "`_metadata` of files is not in `*`, and is read by its name",
    ways=["`read_files(...)` in SQL"],
)
def test_files_by_read_files_and_by_their_path(sql, tmp_path):
    """read_files has literal or computed options, and detects a format by the path; `*` has no `_metadata`."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.csv").write_text("id;name\n1;a\n2;b\n")
    (tmp_path / "1.json").write_text('{"id": 1, "t": "x"}\n')
    columns, rows = sql(
        f"SELECT *, _metadata.file_name AS file FROM read_files(concat('{tmp_path}', '/in'), format => 'csv',"
        " header => true, `sep` => ';', schema => 'id INT, name STRING') ORDER BY id"
    )
    assert (columns, rows) == (["id", "name", "file"], [(1, "a", "1.csv"), (2, "b", "1.csv")])
    _, rows = sql(f"SELECT f.* EXCEPT (t), f._metadata.file_size > 5 FROM read_files('{tmp_path}/1.json') f")
    assert [(1, None, True)] == rows
    columns, rows = sql(f"SELECT * FROM read_files('{tmp_path}/1.json', schemaHints => 't INT')")
    assert (["id", "t", "_rescued_data"], (1, None)) == (columns, rows[0][:2])
    assert "x" == json.loads(rows[0][2])["t"]
    _, rows = sql(f"SELECT id, (SELECT count(*) FROM csv.`dbfs:{tmp_path}/in`) AS lines FROM json.`{tmp_path}/1.json`")
    assert [(1, 3)] == rows


@pytest.mark.shows("Double quotes delimit a string, not a name", "A cast that fails gives NULL")
def test_double_quotes_are_strings_and_failed_casts_null(sql):
    """A text in double quotes is a string, and a failed cast is NULL, as on the platform."""
    assert [("it's", None, None)] == sql("""SELECT "it's", CAST("x" AS INT), to_date("never") FROM raw""")[1]


@pytest.mark.parametrize(
    ("text", "location", "caret"),
    [
        ("CREATE VIEW v AS\n  SELECT id,\n  nope FROM orders", "a.sql:3:3", "nope"),
        ("CREATE VIEW v AS SELECT doc:a, nope(id) FROM raw", "a.sql:1:32", "nope"),
        ("CREATE VIEW v AS SELECT id FROM LIVE.raw JOIN\n nowhere.orders USING (id)", "a.sql:2:2", "nowhere"),
        ("CREATE VIEW v AS SELECT id FROM raw r GROUP r.id", "a.sql:1:45", "r.id"),
        ("CREATE VIEW v AS SELECT doc:a, id,, id FROM raw", "a.sql:1:35", ","),
    ],
)
def test_what_spark_refuses_is_shown_where_it_stands(query, text, location, caret):
    """An error of Spark has its location in the file, also after replaced names and paths."""
    made, _ = query(text)
    with pytest.raises(PySparkException) as caught:
        made()
    where = location_of(caught.value)
    assert str(where) == location
    line, below = Script("a.sql", text).excerpt(where).splitlines()
    assert line[below.index("^") :].startswith(caret)


@pytest.mark.shows("`read_pubsub`, `read_kinesis`, `read_pulsar`")
@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("read_files(format => 'json')", "read_files needs a path."),
        ("read_files('/in', format => 'json', FORMAT => 'csv')", "The option 'FORMAT' is given twice."),
        ("read_kafka(subscribe => 't')", "read_kafka needs bootstrapServers, and takes its options by name."),
        ("read_pubsub(topic => 't')", "read_pubsub reads a service of the cloud, which does not work here."),
        ("cloud_files('/in')", "cloud_files takes a path, a format, and a map of options."),
        ("kafka.`t` OPTIONS ('subscribe' = )", "Expected the value of 'subscribe', found ')'."),
    ],
)
def test_sources_that_are_not_given_what_they_need(query, source, says):
    """A source with wrong arguments is an error with the correct call."""
    made, _ = query(f"CREATE STREAMING TABLE t AS SELECT * FROM STREAM {source}", streams=True)
    with pytest.raises(DefinitionError) as caught:
        made()
    diagnostic = caught.value.diagnostic
    assert (diagnostic.code, diagnostic.message, diagnostic.location.line) == ("SQL_SYNTAX", says, 1)
    assert diagnostic.hint or "Expected" in says
    assert diagnostic.location.column > 1


@pytest.mark.shows("The list of a view has names and comments")
def test_columns_of_a_view_are_renamed_by_their_order(query):
    """A list of names, with comments, renames the columns of a view in order."""
    made, _ = query(
        "CREATE VIEW v (a, b COMMENT 'the name') AS SELECT * FROM orders", columns=(("a", None), ("b", "the name"))
    )
    assert ["a", "b"] == made().columns
    assert {"comment": "the name"} == made().schema["b"].metadata
    made, _ = query("CREATE VIEW v (a) AS SELECT * FROM orders", columns=(("a", None),))
    with pytest.raises(DefinitionError, match="The list has 1 columns, and the query has 2"):
        made()


def test_views_of_a_text_are_gone_after_it(spark, sql):
    """After a text, also after an error, the session has none of its temporary views."""
    views = "SHOW VIEWS IN default"  # with the temporary ones
    before = spark.sql(views).collect()
    sql("SELECT * FROM raw")
    with pytest.raises(AnalysisException):
        sql("SELECT nope FROM orders")
    assert before == spark.sql(views).collect()
