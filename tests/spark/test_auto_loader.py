"""Auto Loader as pipelines use it: what is inferred, what is rescued, how a schema follows its files."""

import gzip
import json

import pytest

from livetables.errors import GraphError

pytestmark = pytest.mark.spark


class Landing:
    """A pipeline of one table over a landing folder, whose options a test gives."""

    def __init__(self, bench) -> None:
        self.bench = bench
        self.folder = bench.folder / "in"
        self.folder.mkdir()

    def put(self, name, content):
        """Put a file there: rows as JSON lines, or text or bytes as they are."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def write(self, form="json", path="/in/in", schema=None, then="", confs=None, **options):
        """Write the pipeline's file: `then` follows the reader's load."""
        options = {"cloudFiles.format": form, **{key.replace("__", "."): value for key, value in options.items()}}
        options = {k if k in GENERIC or "." in k else f"cloudFiles.{k}": v for k, v in options.items()}
        [file] = self.bench.write(
            loader=f"""
            import dlt
            @dlt.table
            def drops():
                reader = spark.readStream.format("cloudFiles").options(**{options!r})
                if {schema!r}:
                    reader = reader.schema({schema!r})
                return reader.load({path!r}){then}
            """
        )
        return file

    def load(self, form="json", **options):
        """Run one update; return its state."""
        return self.bench.run(self.write(form, **options))

    def rows(self, columns="*"):
        """Return the rows of the table; rescued data as objects, their file by its name."""
        return [tuple(_rescued(value) for value in row) for row in self.bench.table("drops", columns)]


GENERIC = {
    "header", "sep", "multiLine", "mode", "rowTag", "rescuedDataColumn", "pathGlobFilter", "readerCaseSensitive",
    "ignoreMissingFiles", "ignoreCorruptFiles", "modifiedAfter", "singleVariantColumn", "columnNameOfCorruptRecord",
    "recursiveFileLookup",
}  # fmt: skip


def _rescued(value):
    if not (isinstance(value, str) and value.startswith("{") and "_file_path" in value):
        return value
    found = json.loads(value)
    return {**found, "_file_path": found["_file_path"].rpartition("/")[2]}


@pytest.fixture
def landing(bench):
    """A landing folder with nothing in it."""
    return Landing(bench)


def test_json_is_inferred_as_strings_in_alphabetical_order_with_rescued_data(landing):
    """Also nested values are strings; `_rescued_data` is there and NULL; what is in one file alone is a column too."""
    landing.put("1.json", [{"t": 2.5, "id": 1, "at": {"y": True, "x": 1}}])
    landing.put("2.json", [{"id": 2, "tags": [1, 2]}])
    landing.load()
    assert landing.rows() == [(None, "2", ["1", "2"], None, None), (("1", "true"), "1", None, "2.5", None)]
    stored = landing.bench.spark.read.format("delta").load(str(landing.bench.storage / "tables" / "drops"))
    assert ["at", "id", "t", "tags"] == sorted(stored.columns[:4])
    assert stored.columns[4] == "_rescued_data"


def test_types_are_inferred_when_that_is_asked_for(landing):
    """A value of another type is NULL and rescued as it was; a record that is no JSON is rescued as a whole."""
    landing.put("1.json", [{"id": 1, "t": 2.5}])
    landing.load(inferColumnTypes="true")
    landing.put("2.json", '{"id": 2, "t": "hot"}\n{"id": 3,\n{"id": 4, "t": null}\n')
    landing.load(inferColumnTypes="true")
    assert landing.rows("id, t, _rescued_data") == [
        (1, 2.5, None),
        (2, None, {"t": "hot", "_file_path": "2.json"}),
        (4, None, None),
        (None, None, {"_corrupt_record": '{"id": 3,', "_file_path": "2.json"}),
    ]


def test_a_new_column_ends_the_update_and_another_one_goes_on_with_it(landing):
    """By default: the schema is kept with the column at its end, nested ones too, and no row is missing or twice."""
    landing.put("1.json", [{"id": 1, "at": {"x": 1}}])
    landing.load()
    landing.put("2.json", [{"id": 2, "new": True, "at": {"x": 2, "a": 3}}, {"id": 3}])
    state = landing.load()
    assert state.outcome == "COMPLETED"
    assert landing.rows("id, new, at.x, at.a, _rescued_data") == [
        ("1", None, "1", None, None), ("2", "true", "2", "3", None), ("3", None, None, None, None),
    ]  # fmt: skip
    events = landing.bench.spark.read.format("delta").load(str(landing.bench.storage / "system" / "events"))
    causes = [row[0] for row in events.where("event_type = 'create_update'").select("details").collect()]
    assert ["SCHEMA_CHANGE" in cause for cause in causes] == [False, False, True]


@pytest.mark.parametrize(
    ("mode", "rescued"),
    [("rescue", {"new": "1", "at": {"a": "3"}, "_file_path": "2.json"}), ("none", None)],
)  # fmt: skip
def test_the_schema_stays_when_the_mode_says_so(landing, mode, rescued):
    """What is new is rescued, or ignored; a name in another case is no column, and is rescued or ignored with it."""
    options = {"schemaEvolutionMode": mode, **({"rescuedDataColumn": ""} if mode == "none" else {})}
    landing.put("1.json", [{"id": 1, "at": {"x": 1}}])
    landing.load(**options)
    landing.put("2.json", [{"id": 2, "new": 1, "at": {"x": 2, "a": 3}}])
    landing.load(**options)
    columns = "id, at.x" + (", _rescued_data" if mode == "rescue" else "")
    assert landing.rows(columns)[1] == (("2", "2", rescued) if mode == "rescue" else ("2", "2"))
    assert ("_rescued_data" in landing.bench.spark.read.format("delta").load(
        str(landing.bench.storage / "tables" / "drops")).columns) == (mode == "rescue")  # fmt: skip


def test_the_stream_fails_at_a_new_column_when_the_mode_says_so(landing):
    """It names the file and the column, and goes on once the file is gone."""
    landing.put("1.json", [{"id": 1}])
    landing.load(schemaEvolutionMode="failOnNewColumns")
    bad = landing.put("2.json", [{"id": 2, "new": 1}])
    state = landing.load(schemaEvolutionMode="failOnNewColumns")
    assert "FAILED" == state.outcome
    error = next(e.message for e in state.errors if "UNKNOWN_FIELD_EXCEPTION" in e.message)
    assert ("2.json" in error, "new" in error) == (True, True)
    bad.write_text(json.dumps({"id": 2}))
    assert landing.load(schemaEvolutionMode="failOnNewColumns").outcome == "COMPLETED"
    assert landing.rows("id") == [("1",), ("2",)]


def test_a_name_in_another_case_is_rescued_or_read_as_the_column(landing):
    """It can be no column of its own, so it never ends a stream; readerCaseSensitive=false takes it for the same."""
    landing.put("1.json", [{"id": 1}])
    landing.load()
    landing.put("2.json", [{"ID": 2}])
    assert landing.load().outcome == "COMPLETED"
    landing.load(readerCaseSensitive="false")
    landing.put("3.json", [{"Id": 3}])
    landing.load(readerCaseSensitive="false")
    assert landing.rows("id, _rescued_data") == [("1", None), ("3", None), (None, {"ID": "2", "_file_path": "2.json"})]


def test_hints_give_types_over_what_is_inferred(landing):
    """Nested ones too, for columns that no file has yet as well; a hint that changes is followed."""
    landing.put("1.json", [{"id": "7", "at": {"x": "1.5"}, "tags": ["1"]}])
    landing.load(schemaHints="id INT, at.x DOUBLE, tags.element INT, later DATE")
    assert landing.rows("id, at.x, tags, later, _rescued_data") == [(None, None, [None], None, {
        "id": "7", "at": {"x": "1.5"}, "tags": ["1"], "_file_path": "1.json",
    })]  # fmt: skip
    landing.put("2.json", [{"id": 8, "at": {"x": 2.5}, "tags": [2], "later": "2026-01-02"}])
    landing.load(schemaHints="id INT, at.x DOUBLE, tags.element INT, later DATE")
    assert landing.rows("id, at.x, tags, string(later)")[0] == (8, 2.5, [2], "2026-01-02")


def test_a_schema_of_the_users_reads_as_spark_does(landing):
    """Without rescued data, and what is new is ignored; `rescuedDataColumn` asks for it."""
    landing.put("1.json", [{"id": 1, "new": 1}, {"id": "x"}])
    landing.load(schema="id INT")
    assert landing.rows() == [(1,), (None,)]
    with landing.bench.pipeline(landing.write(schema="id INT", schemaEvolutionMode="addNewColumns")) as pipeline:
        with pytest.raises(GraphError, match="excludes a schema of your own"):
            pipeline.graph  # noqa: B018


def test_rescued_data_beside_a_schema_of_the_users(landing):
    """Under the name that is given."""
    landing.put("1.json", [{"id": 1, "new": 1}, {"id": "x"}])
    landing.load(schema="id INT", rescuedDataColumn="rest")
    assert landing.rows("id, rest") == [
        (1, {"new": "1", "_file_path": "1.json"}), (None, {"id": "x", "_file_path": "1.json"}),
    ]  # fmt: skip


def test_csv_is_read_by_the_names_in_each_files_header(landing):
    """The first line is a header by default; columns may stand in another order, and a record have too many values."""
    landing.put("1.csv", "id,t\n1,2.5\n2,hot\n3,1,more\n")
    landing.put("2.csv", "t,id\n7,4\n")
    landing.load("csv", inferColumnTypes="true", schemaHints="t DOUBLE")
    assert landing.rows("id, t, _rescued_data") == [
        (1, 2.5, None), (2, None, {"t": "hot", "_file_path": "1.csv"}),
        (3, 1.0, {"_c2": "more", "_file_path": "1.csv"}), (4, 7.0, None),
    ]  # fmt: skip
    landing.put("3.csv", "id,new\n5,x\n")
    landing.load("csv", inferColumnTypes="true", schemaHints="t DOUBLE")
    assert landing.rows("id, t, new")[-1] == (5, None, "x")


def test_xml_is_inferred_and_rescued(landing):
    """Records by rowTag; a value of another type is rescued, and the rest of its record is read."""
    landing.put("1.xml", "<rs><r><id>1</id><t>2.5</t></r></rs>")
    options = {"rowTag": "r", "schemaHints": "id INT, t DOUBLE", "schemaEvolutionMode": "rescue"}
    landing.load("xml", **options)
    landing.put("2.xml", "<rs><r><id>2</id><t>hot</t><new>x</new></r></rs>")
    landing.load("xml", **options)
    assert landing.rows("id, t, _rescued_data") == [
        (1, 2.5, None), (2, None, {"t": "hot", "new": "x", "_file_path": "2.xml"}),
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["parquet", "orc", "avro"])
def test_columnar_formats_keep_their_types(landing, form):
    """A column of another type in a later file is rescued, a new one is followed."""
    spark = landing.bench.spark
    spark.sql("SELECT 1 AS id, 2.5D AS t").coalesce(1).write.format(form).save(str(landing.folder / "a"))
    landing.load(form)
    spark.sql("SELECT 2 AS id, 'hot' AS t, 'x' AS new").coalesce(1).write.format(form).save(str(landing.folder / "b"))
    assert landing.load(form).outcome == "COMPLETED"
    [first, second] = landing.rows("id, t, new, _rescued_data")
    assert first == (1, 2.5, None, None)
    assert second[:3] == (2, None, "x")
    assert second[3]["t"] == "hot"


def test_text_and_binary_files_have_their_own_columns(landing):
    """No inference, no rescued data."""
    landing.put("1.txt", "one\ntwo\n")
    landing.load("text")
    assert landing.rows() == [("one",), ("two",)]
    other = Landing.__new__(Landing)
    other.bench, other.folder = landing.bench, landing.folder
    file = landing.write("binaryFile")
    file.write_text(file.read_text().replace("def drops", "def blobs"))
    landing.bench.run(file)
    assert landing.bench.table("blobs", "length, content") == [(8, bytearray(b"one\ntwo\n"))]


def test_folders_give_columns_that_win_over_those_of_files(landing):
    """`name=value` folders, with types when those are inferred; decoded; the hive name of NULL is NULL."""
    landing.put("day=2026-01-02/n=1/1.json", [{"id": 1, "n": 9}])
    landing.put("day=__HIVE_DEFAULT_PARTITION__/n=2/2.json", [{"id": 2}])
    landing.put("day=2026-01-03/n=3/3.json", [{"id": 3}])
    landing.load(inferColumnTypes="true", partitionColumns="day,n")
    assert landing.rows("id, day, n") == [(1, "2026-01-02", 1), (2, None, 2), (3, "2026-01-03", 3)]


def test_folders_are_ignored_when_that_is_asked_for(landing):
    """An empty partitionColumns takes none."""
    landing.put("n=1/1.json", [{"id": 1}])
    landing.load(partitionColumns="")
    assert landing.rows() == [("1", None)]


def test_metadata_is_there_for_who_asks_and_not_in_a_star(landing):
    """`_metadata` and input_file_name() tell the file of a row."""
    landing.put("1.json", [{"id": 1}])
    landing.load(then='.selectExpr("*", "_metadata.file_name", "_metadata.file_size", "input_file_name() AS f")')
    [row] = landing.rows("id, file_name, file_size, f")
    assert row[:3] == ("1", "1.json", 10)
    assert row[3].endswith("/in/1.json")
    assert "_metadata" not in landing.bench.spark.read.format("delta").load(
        str(landing.bench.storage / "tables" / "drops")).columns  # fmt: skip


def test_a_batch_has_so_many_files_or_bytes_also_in_a_triggered_run(landing):
    """Both limits hold, whichever comes first; nothing is left behind at the end."""
    for number in range(5):
        landing.put(f"{number}.json", [{"id": number}])
    assert landing.load(maxFilesPerTrigger="2").flows["drops"].batches == 3
    for number in range(5, 9):
        landing.put(f"{number}.json", [{"id": number}])
    assert landing.load(maxFilesPerTrigger="3", maxBytesPerTrigger="20b").flows["drops"].batches == 2
    assert [str(number) for number in range(9)] == [row[0] for row in landing.rows("id")]


def test_files_that_were_there_first_are_left_out_when_that_is_asked_for(landing):
    """Only at the first start; what comes later is read, also what came while nothing ran."""
    landing.put("1.json", [{"id": 1}])
    landing.load(includeExistingFiles="false")
    landing.put("2.json", [{"id": 2}])
    landing.load(includeExistingFiles="false")
    assert landing.rows("id") == [("2",)]


def test_a_file_that_is_overwritten_is_read_again_only_when_that_is_allowed(landing):
    """By default a path is read once, whatever becomes of it."""
    landing.put("1.json", [{"id": 1}])
    landing.load()
    landing.put("1.json", [{"id": 11}])
    landing.load()
    assert landing.rows("id") == [("1",)]
    landing.load(allowOverwrites="true")
    assert landing.rows("id") == [("1",), ("11",)]


def test_files_are_moved_once_they_were_read(landing):
    """They keep their folders below the destination; what is not read yet stays."""
    landing.put("a/1.json", [{"id": 1}])
    options = {
        "cleanSource": "MOVE", "cleanSource__moveDestination": str(landing.bench.folder / "done"),
        "cleanSource__retentionDuration": "0 seconds",
    }  # fmt: skip
    landing.load(**{key.replace("__", "."): value for key, value in options.items()} and
                 {"cloudFiles__" + key: value for key, value in options.items()})  # fmt: skip
    landing.put("a/2.json", [{"id": 2}])
    landing.load(**{"cloudFiles__" + key: value for key, value in options.items()})
    assert (landing.bench.folder / "done" / "a" / "1.json").is_file()
    assert not (landing.folder / "a" / "1.json").exists()
    assert landing.rows("id") == [("1",), ("2",)]


def test_a_file_that_is_gone_fails_the_flow_by_its_name_or_is_left_out(landing):
    """Offsets that are written down are kept to: the file of a batch that did not end must be there."""
    landing.put("1.json", [{"id": 1}])
    landing.load()
    gone = landing.put("2.json", [{"id": 2}])
    landing.put("3.json", [{"id": 3}])
    file = landing.write(then='.selectExpr("*", "raise_error(\'not yet\') AS failing")')
    assert landing.bench.run(file).outcome == "FAILED"
    gone.unlink()
    state = landing.load()
    assert "FAILED" == state.outcome
    assert any("2.json" in e.message and "FILE_NOT_FOUND" in e.message for e in state.errors)
    assert landing.load(ignoreMissingFiles="true").outcome == "COMPLETED"
    assert landing.rows("id") == [("1",), ("3",)]


def test_a_damaged_file_fails_the_flow_by_its_name_or_is_read_as_far_as_it_goes(landing):
    """A truncated gzip file; with ignoreCorruptFiles the stream goes on, and says so."""
    landing.put("1.json", [{"id": 1}])
    landing.load()
    whole = gzip.compress("".join(json.dumps({"id": number}) + "\n" for number in range(5000)).encode())
    landing.put("2.json.gz", whole[: len(whole) // 2])
    state = landing.load()
    assert any("2.json.gz" in e.message and "FILE_NOT_READABLE" in e.message for e in state.errors)
    assert landing.load(ignoreCorruptFiles="true").outcome == "COMPLETED"


def test_one_variant_column_holds_each_record(landing):
    """singleVariantColumn."""
    landing.put("1.json", [{"id": 1, "x": [1]}])
    landing.load(singleVariantColumn="record", then='.selectExpr("CAST(record:id AS INT) AS id")')
    assert landing.rows() == [(1,)]


def test_json_over_several_lines(landing):
    """multiLine: a file is an array of records, or one."""
    landing.put("1.json", json.dumps([{"id": 1}, {"id": 2}], indent=1))
    landing.put("2.json", json.dumps({"id": 3}, indent=1))
    landing.load(multiLine="true")
    assert landing.rows("id") == [("1",), ("2",), ("3",)]


def test_an_empty_folder_has_no_schema(landing):
    """It says what to do; empty files say nothing either."""
    landing.put("empty.json", "")
    with landing.bench.pipeline(landing.write()) as pipeline, pytest.raises(GraphError, match="shows a schema yet"):
        pipeline.graph  # noqa: B018
