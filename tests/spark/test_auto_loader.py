"""Auto Loader's streams: inference, rescued data, schema evolution, and the files that are read."""

import gzip
import json

import pytest
from pyspark.errors import StreamingQueryException

from livetables.autoloader.find.ledger import list_entries
from livetables.autoloader.loader import StreamStorage, in_sql, open_stream, read_files
from livetables.autoloader.schema.schemas import SchemaStore
from livetables.errors import LivetablesError, NewColumnsError, SettingsError
from livetables.storage.checkpoint import Checkpoint

pytestmark = pytest.mark.spark


class Landing:
    """A folder in which files arrive, a stream that continues at each load, and the rows that it wrote."""

    def __init__(self, folder, spark) -> None:
        self.spark = spark
        self.home = folder
        self.folder = folder / "in"
        self.folder.mkdir()
        self.warnings = []

    def put(self, name, content):
        """Write a file: rows as JSON lines, or text or bytes unchanged."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, form="json", schema=None, columns=("*",), **options):
        """Read all files that have arrived; return the number of batches. Raises what the source raised."""
        checkpoint = self.home / "checkpoint"
        frame, source = open_stream(
            self.spark,
            {"cloudFiles.format": form, **_named(options)},
            schema,
            str(self.folder),
            StreamStorage(self.home / "schemas", Checkpoint.at(checkpoint).ledger(0)),
            lambda *warning: self.warnings.append(warning),
        )
        result = frame.selectExpr(*columns)
        source.queried(result)
        writer = result.writeStream.format("json").option("ignoreNullFields", "false")
        query = (
            writer.option("checkpointLocation", str(checkpoint))
            .trigger(availableNow=True)
            .start(str(self.home / "out"))
        )
        try:
            query.awaitTermination()
        except StreamingQueryException as error:
            raise source.raised or error from None
        finally:
            for progress in query.recentProgress:
                source.written(json.loads(progress.json))
            source.close()
        return len([progress for progress in query.recentProgress if progress.numInputRows])

    def rows(self, *names):
        """Return what was written, sorted: all rows as dicts, or tuples of the named columns."""
        files = (self.home / "out").glob("part-*.json")
        rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        for row in rows:
            for name, value in row.items():
                if isinstance(value, str) and "_file_path" in value:
                    found = json.loads(value)
                    row[name] = {**found, "_file_path": found["_file_path"].rpartition("/")[2]}
        return sorted(([row[name] for name in names] if names else list(row.items()) for row in rows), key=repr)

    def files(self):
        """Return the name, state and rows of each file in the ledger."""
        [ledger] = Checkpoint.at(self.home / "checkpoint").ledgers().values()
        return [(entry.path.rpartition("/")[2], entry.state, entry.rows) for entry in list_entries(ledger)]


def _named(options):
    return {key if key in GENERIC else f"cloudFiles.{key.replace('_', '.')}": value for key, value in options.items()}


GENERIC = {
    "header",
    "sep",
    "multiLine",
    "mode",
    "rowTag",
    "rescuedDataColumn",
    "pathGlobFilter",
    "readerCaseSensitive",
    "ignoreMissingFiles",
    "ignoreCorruptFiles",
    "modifiedAfter",
    "singleVariantColumn",
    "columnNameOfCorruptRecord",
    "recursiveFileLookup",
    "badRecordsPath",
    "encoding",
    "lineSep",
    "allowUnquotedFieldNames",
}


@pytest.fixture
def landing(tmp_path, spark):
    """A landing folder with nothing in it."""
    return Landing(tmp_path, spark)


@pytest.mark.shows(
    "Formats: avro, binaryFile, csv, json, orc, parquet, text, xml",
    "Columns are inferred, merged over files; values of json, csv and xml are strings, unless `inferColumnTypes`",
    "`_rescued_data` of an inferred schema: unknown fields, other types, names in another case, `_file_path`",
    formats=["json"],
)
def test_json_is_inferred_as_strings_in_alphabetical_order_with_rescued_data(landing):
    """Nested values are strings too; `_rescued_data` exists and is NULL; a field of only one file is a column too."""
    landing.put("1.json", [{"t": 2.5, "id": 1, "at": {"y": True, "x": 1}}])
    landing.put("2.json", [{"id": 2, "tags": [1, 2]}])
    landing.load()
    assert landing.rows() == [
        [("at", None), ("id", "2"), ("t", None), ("tags", ["1", "2"]), ("_rescued_data", None)],
        [("at", {"x": "1", "y": "true"}), ("id", "1"), ("t", "2.5"), ("tags", None), ("_rescued_data", None)],
    ]


def test_the_session_of_the_program_stays_that_of_the_pipeline(landing):
    """Also after a restart: in the session that reads files, names differ by case and temporary views are missing."""
    for number in (1, 2):
        landing.put(f"{number}.json", [{"id": number}])
        landing.load()
    active = landing.spark.getActiveSession()
    assert active.conf.get("spark.sql.caseSensitive") == landing.spark.conf.get("spark.sql.caseSensitive") == "false"


@pytest.mark.shows(
    "Columns are inferred, merged over files; values of json, csv and xml are strings, unless `inferColumnTypes`",
    "`_rescued_data` of an inferred schema: unknown fields, other types, names in another case, `_file_path`",
    "A record that can't be parsed is rescued as `_corrupt_record`",
    options=["inferColumnTypes"],
)
def test_types_are_inferred_when_that_is_asked_for(landing):
    """A value of another type is NULL and rescued as it was; a record that is not JSON is rescued as a whole."""
    landing.put("1.json", [{"id": 1, "t": 2.5}])
    landing.load(inferColumnTypes="true")
    landing.put("2.json", '{"id": 2, "t": "hot"}\n{"id": 3,\n{"id": 4, "t": null}\n')
    landing.load(inferColumnTypes="true")
    assert landing.rows("id", "t", "_rescued_data") == [
        [1, 2.5, None],
        [2, None, {"t": "hot", "_file_path": "2.json"}],
        [4, None, None],
        [None, None, {"_corrupt_record": '{"id": 3,', "_file_path": "2.json"}],
    ]


@pytest.mark.shows(
    "`addNewColumns`: the stored schema gets the new columns, and the stream stops with UNKNOWN_FIELD_EXCEPTION",
    modes=["addNewColumns"],
    ways=['`spark.readStream.format("cloudFiles")`'],
)
def test_a_new_column_ends_the_stream_once_and_is_read_by_the_next_one(landing):
    """By default: the schema is stored with the new column last, also inside a struct, before the stream ends."""
    landing.put("1.json", [{"id": 1, "at": {"x": 1}}])
    landing.load()
    landing.put("2.json", [{"id": 2, "a_new": True, "at": {"x": 2, "a": 3}}, {"id": 3}])
    with pytest.raises(NewColumnsError, match=r"1 new file .* showed new columns, .* now: at.a, a_new"):
        landing.load()
    landing.load()
    assert landing.rows("id", "at", "_rescued_data") == [
        ["1", {"x": "1"}, None],
        ["2", {"x": "2", "a": "3"}, None],
        ["3", None, None],
    ]
    assert [names for names, _ in landing.rows()[0]] == ["at", "id", "a_new", "_rescued_data"]
    [kept] = (landing.home / "schemas").iterdir()
    assert [(version.number, version.reason) for version in SchemaStore(kept).versions()] == [
        (0, "inferred from 1 file"),
        (1, "new columns: at.a, a_new"),
    ]
    assert landing.files() == [("1.json", "READ", 1), ("2.json", "READ", 2)]


RESCUED = {"new": "1", "at": {"a": "3"}, "_file_path": "2.json"}


@pytest.mark.shows("`addNewColumnsWithTypeWidening`, `rescue`, `failOnNewColumns`, `none`", modes=["rescue", "none"])
@pytest.mark.parametrize(
    ("options", "extra"),
    [
        ({"schemaEvolutionMode": "rescue"}, [("_rescued_data", RESCUED)]),
        ({"schemaEvolutionMode": "none"}, [("_rescued_data", None)]),
        ({"schemaEvolutionMode": "none", "rescuedDataColumn": "rest"}, [("rest", RESCUED)]),
        ({"schemaEvolutionMode": "none", "rescuedDataColumn": ""}, []),
    ],
)
def test_the_schema_stays_when_the_mode_says_so(landing, options, extra):
    """A new field is rescued or ignored: with `none`, the column exists, and has values if an option names it."""
    landing.put("1.json", [{"id": 1, "at": {"x": 1}}])
    landing.load(**options)
    landing.put("2.json", [{"id": 2, "new": 1, "at": {"x": 2, "a": 3}}])
    landing.load(**options)
    assert landing.rows()[1] == [("at", {"x": "2"}), ("id", "2"), *extra]


@pytest.mark.shows("`addNewColumnsWithTypeWidening`, `rescue`, `failOnNewColumns`, `none`", modes=["failOnNewColumns"])
def test_the_stream_fails_at_a_new_column_when_the_mode_says_so(landing):
    """The error names the file and the column; the stream continues once the file is corrected."""
    landing.put("1.json", [{"id": 1}])
    landing.load(schemaEvolutionMode="failOnNewColumns")
    bad = landing.put("2.json", [{"id": 2, "new": 1}])
    with pytest.raises(LivetablesError, match=r"2.json has fields that the schema lacks: new") as caught:
        landing.load(schemaEvolutionMode="failOnNewColumns")
    assert (caught.value.code, isinstance(caught.value, NewColumnsError)) == ("UNKNOWN_FIELD_EXCEPTION", False)
    bad.write_text(json.dumps({"id": 2}))
    landing.load(schemaEvolutionMode="failOnNewColumns")
    assert landing.rows("id") == [["1"], ["2"]]


@pytest.mark.shows(
    "`addNewColumnsWithTypeWidening`, `rescue`, `failOnNewColumns`, `none`", modes=["addNewColumnsWithTypeWidening"]
)
def test_wider_types_are_followed_when_the_mode_says_so(landing):
    """An int becomes a long; a value of a type that is not wider is rescued."""
    options = {"schemaEvolutionMode": "addNewColumnsWithTypeWidening"}
    landing.spark.sql("SELECT 1 AS id").write.parquet(str(landing.folder / "a"))
    landing.load("parquet", **options)
    landing.spark.sql("SELECT 3000000000L AS id").write.parquet(str(landing.folder / "b"))
    with pytest.raises(NewColumnsError, match="wider types"):
        landing.load("parquet", **options)
    landing.load("parquet", **options)
    landing.spark.sql("SELECT 'x' AS id").coalesce(1).write.parquet(str(landing.folder / "c"))
    landing.load("parquet", **options)
    ids = landing.rows("id")
    assert ids == [[1], [3000000000], [None]]
    assert landing.rows()[-1][1][1]["id"] == "x"


@pytest.mark.shows(
    "`_rescued_data` of an inferred schema: unknown fields, other types, names in another case, `_file_path`",
    options=["readerCaseSensitive"],
)
def test_a_name_in_another_case_is_rescued_or_read_as_the_column(landing):
    """It can't be a second column, so it never ends a stream; readerCaseSensitive=false reads it as the column."""
    landing.put("1.json", [{"id": 1}])
    landing.load()
    landing.put("2.json", [{"ID": 2}])
    landing.load()
    landing.put("3.json", [{"Id": 3}])
    landing.load(readerCaseSensitive="false")
    assert landing.rows("id", "_rescued_data") == [
        ["1", None],
        ["3", None],
        [None, {"ID": "2", "_file_path": "2.json"}],
    ]


@pytest.mark.shows("`schemaHints` with paths through structs, arrays and maps", options=["schemaHints"])
def test_hints_give_types_over_what_is_inferred(landing):
    """Nested fields too, and columns that no file has yet; a changed hint is followed."""
    hints = "id INT, at.x DOUBLE, tags.element INT, later DATE"
    landing.put("1.json", [{"id": 8, "at": {"x": 2.5}, "tags": [2], "later": "2026-01-02"}, {"id": "7"}])
    landing.load(schemaHints=hints)
    landing.put("2.json", [{"id": 9}])
    landing.load(schemaHints=f"{hints}, id STRING")
    assert landing.rows("id", "at", "tags", "later", "_rescued_data") == [
        ["9", None, None, None, None],
        [8, {"x": 2.5}, [2], "2026-01-02", None],
        [None, None, None, None, {"id": "7", "_file_path": "1.json"}],
    ]


def test_a_schema_of_the_users_is_read_as_spark_does(landing):
    """No rescued data, and new fields are ignored; it excludes the modes that add columns."""
    landing.put("1.json", [{"id": 1, "new": 1}, {"id": "x"}])
    landing.load(schema="id INT")
    assert landing.rows() == [[("id", 1)], [("id", None)]]
    with pytest.raises(SettingsError, match="excludes a schema of your own"):
        landing.load(schema="id INT", schemaEvolutionMode="addNewColumns")


@pytest.mark.shows(
    "`_rescued_data` of an inferred schema: unknown fields, other types, names in another case, `_file_path`",
    options=["rescuedDataColumn"],
    modes=["none"],
)
def test_rescued_data_beside_a_schema_of_the_users(landing):
    """Under the given name; also values inside arrays and maps, and nested values of another type."""
    rows = [
        {"id": 1, "new": 1},
        {"id": "x"},
        {"id": 2, "list": [{"a": 1}, {"a": 2, "b": 3}]},
        {"id": 3, "at": {"x": "no", "y": 2}, "m": {"k": 1}},
        {"id": 4, "at": 5},
    ]
    landing.put("1.json", rows)
    schema = "id INT, at STRUCT<x: INT, y: INT>, list ARRAY<STRUCT<a: INT>>, m MAP<STRING, INT>"
    landing.load(schema=schema, rescuedDataColumn="rest")
    path = {"_file_path": "1.json"}
    assert landing.rows("id", "at", "list", "rest") == [
        [1, None, None, {"new": "1", **path}],
        [2, None, [{"a": 1}, {"a": 2}], {"list": [{"a": 1}, {"a": 2, "b": "3"}], **path}],
        [3, {"x": None, "y": 2}, None, {"at": {"x": "no"}, **path}],
        [4, None, None, {"at": "5", **path}],
        [None, None, None, {"id": "x", **path}],
    ]


@pytest.mark.shows("Formats: avro, binaryFile, csv, json, orc, parquet, text, xml", options=["header"], formats=["csv"])
def test_csv_is_read_by_the_names_in_each_files_header(landing):
    """The first line is a header by default; columns may stand in another order, and a record have too many values."""
    options = {"inferColumnTypes": "true", "schemaHints": "t DOUBLE"}
    landing.put("1.csv", "id,t\n1,2.5\n2,hot\n3,1,more\n")
    landing.put("2.csv", "t,id\n7,4\n")
    landing.load("csv", **options)
    landing.put("3.csv", "id,new\n5,x\n")
    with pytest.raises(NewColumnsError, match="new"):
        landing.load("csv", **options)
    landing.load("csv", **options)
    assert landing.rows("id", "t", "_rescued_data") == [
        [1, 2.5, None],
        [2, None, {"t": "hot", "_file_path": "1.csv"}],
        [3, 1.0, {"_c2": "more", "_file_path": "1.csv"}],
        [4, 7.0, None],
        [5, None, None],
    ]
    assert ("new", "x") in landing.rows()[-1]


@pytest.mark.shows("Formats: avro, binaryFile, csv, json, orc, parquet, text, xml", options=["rowTag"], formats=["xml"])
def test_xml_is_inferred_and_rescued(landing):
    """Records by rowTag; a value of another type is rescued, and the rest of its record is read."""
    options = {"rowTag": "r", "schemaHints": "id INT, t DOUBLE", "schemaEvolutionMode": "rescue"}
    landing.put("1.xml", "<rs><r><id>1</id><t>2.5</t></r></rs>")
    landing.load("xml", **options)
    landing.put("2.xml", "<rs><r><id>2</id><t>hot</t><new>x</new></r></rs>")
    landing.load("xml", **options)
    assert landing.rows("id", "t", "_rescued_data") == [
        [1, 2.5, None],
        [2, None, {"t": "hot", "new": "x", "_file_path": "2.xml"}],
    ]


@pytest.mark.shows("Formats: avro, binaryFile, csv, json, orc, parquet, text, xml", formats=["avro", "orc", "parquet"])
@pytest.mark.parametrize("form", ["parquet", "orc", "avro"])
def test_columnar_formats_keep_their_types(landing, form):
    """A column of another type in a later file is rescued, a new one is followed."""
    write = landing.spark.sql("SELECT 1 AS id, 2.5D AS t").coalesce(1).write
    write.format(form).save(str(landing.folder / "a"))
    landing.load(form)
    write = landing.spark.sql("SELECT 2 AS id, 'hot' AS t, 'x' AS new").coalesce(1).write
    write.format(form).save(str(landing.folder / "b"))
    with pytest.raises(NewColumnsError, match="new"):
        landing.load(form)
    landing.load(form)
    [first, second] = landing.rows("id", "t", "_rescued_data")
    assert (first, second[:2], second[2]["t"]) == ([1, 2.5, None], [2, None], "hot")
    assert ("new", "x") in landing.rows()[1]


@pytest.mark.shows("Formats: avro, binaryFile, csv, json, orc, parquet, text, xml", formats=["binaryFile", "text"])
def test_text_and_binary_files_have_their_own_columns(landing):
    """No inference, no rescued data."""
    landing.put("1.txt", "one\ntwo\n")
    landing.load("text")
    assert landing.rows() == [[("value", "one")], [("value", "two")]]
    frame = read_files(landing.spark, in_sql({"format": "binaryFile"}), None, str(landing.folder), pytest.fail)
    assert [(8, bytearray(b"one\ntwo\n"))] == [tuple(row) for row in frame.select("length", "content").collect()]


@pytest.mark.shows("`name=value` folders give columns, which win over those of files", options=["partitionColumns"])
def test_folders_give_columns_that_win_over_those_of_files(landing):
    """`name=value` folders, with types when those are inferred; decoded; the hive name of NULL is NULL."""
    landing.put("day=2026-01-02/n=1/1.json", [{"id": 1, "n": 9}])
    landing.put("day=2026-01-02/n=2/2.json", [{"id": 2}])
    landing.load(inferColumnTypes="true")
    landing.put("day=__HIVE_DEFAULT_PARTITION__/n=3/3.json", [{"id": 3}])
    landing.load(inferColumnTypes="true")
    assert landing.rows("id", "day", "n") == [[1, "2026-01-02", 1], [2, "2026-01-02", 2], [3, None, 3]]


@pytest.mark.shows(
    "`name=value` folders give columns, which win over those of files",
    "`read_files` infers columns with their types and adds `_rescued_data`; it takes Auto Loader's options",
    options=["partitionColumns"],
    ways=["`read_files(...)` in SQL"],
)
def test_folders_are_ignored_when_that_is_asked_for(landing):
    """An empty partitionColumns takes none; a named one that no folder has is NULL."""
    landing.put("n=1/1.json", [{"id": 1}])
    frame = read_files(
        landing.spark, in_sql({"format": "json", "partitionColumns": ""}), None, str(landing.folder), print
    )
    assert frame.columns == ["id", "_rescued_data"]
    landing.load(partitionColumns="n, other")
    assert landing.rows("id", "n", "other") == [["1", "1", None]]


@pytest.mark.shows("`_metadata` and `input_file_name()`")
def test_metadata_is_there_for_who_asks_and_not_in_a_star(landing):
    """`_metadata` and input_file_name() return the file of a row, also when its name needs an escape."""
    landing.put("a b.json", [{"id": 1}])
    landing.load(columns=("*", "_metadata.file_name", "_metadata.file_size", "input_file_name() AS f"))
    [row] = landing.rows()
    assert row[:4] == [("id", "1"), ("_rescued_data", None), ("file_name", "a%20b.json"), ("file_size", 10)]
    assert row[4][1].endswith("/in/a%20b.json")
    assert landing.files() == [("a b.json", "READ", 1)]


@pytest.mark.shows(
    "`maxFilesPerTrigger` and `maxBytesPerTrigger`, also in a triggered update",
    options=["maxFilesPerTrigger", "maxBytesPerTrigger"],
)
def test_a_batch_has_so_many_files_or_bytes_also_in_a_run_that_ends(landing):
    """Both limits apply, whichever comes first; at the end all files are read."""
    for number in range(5):
        landing.put(f"{number}.json", [{"id": number}])
    assert landing.load(maxFilesPerTrigger="2") == 3
    for number in range(5, 9):
        landing.put(f"{number}.json", [{"id": number}])
    assert landing.load(maxFilesPerTrigger="3", maxBytesPerTrigger="20b") == 2
    assert [[str(number)] for number in range(9)] == landing.rows("id")


@pytest.mark.shows("`includeExistingFiles`, `allowOverwrites`", options=["includeExistingFiles"])
def test_files_that_were_there_first_are_left_out_when_that_is_asked_for(landing):
    """Only at the first start; files that arrive later are read, also those that arrive while nothing runs."""
    landing.put("1.json", [{"id": 1}])
    landing.load(includeExistingFiles="false")
    landing.put("2.json", [{"id": 2}])
    landing.load(includeExistingFiles="false")
    assert landing.rows("id") == [["2"]]
    assert landing.files() == [("1.json", "SKIPPED", None), ("2.json", "READ", 1)]


@pytest.mark.shows(
    "Each file is read once, also after crashes and restarts",
    "`includeExistingFiles`, `allowOverwrites`",
    options=["allowOverwrites"],
)
def test_a_file_that_is_overwritten_is_read_again_only_when_that_is_allowed(landing):
    """By default a path is read once, even if it is overwritten."""
    landing.put("1.json", [{"id": 1}])
    landing.load()
    landing.put("1.json", [{"id": 11}])
    landing.load()
    assert landing.rows("id") == [["1"]]
    landing.load(allowOverwrites="true")
    assert landing.rows("id") == [["1"], ["11"]]


@pytest.mark.shows(options=["pathGlobFilter", "modifiedAfter", "modifiedBefore"])
def test_only_files_of_some_names_and_times_are_read(landing):
    """PathGlobFilter and modifiedAfter; hidden files never."""
    for name in ("a.json", "b.txt", "_hidden.json", ".hidden.json"):
        landing.put(name, [{"id": name}])
    landing.load(pathGlobFilter="*.json", modifiedAfter="2020-01-01T00:00:00")
    assert landing.rows("id") == [["a.json"]]
    frame = read_files(
        landing.spark,
        in_sql({"format": "json", "modifiedBefore": "2020-01-01T00:00:00"}),
        "id STRING",
        str(landing.folder),
        print,
    )
    assert (frame.count(), frame.columns) == (0, ["id"])


@pytest.mark.shows(
    "`cleanSource` deletes or moves files some time after their batch; DELETE needs more than 7 days",
    options=["cleanSource", "cleanSource.moveDestination"],
)
def test_files_are_moved_once_they_were_read(landing):
    """They keep their folders below the destination; files that this run reads stay until the next batch."""
    landing.put("a/1.json", [{"id": 1}])
    options = {
        "cleanSource": "MOVE",
        "cleanSource_moveDestination": str(landing.home / "done"),
        "cleanSource_retentionDuration": "0 seconds",
    }
    landing.load(**options)
    landing.put("a/2.json", [{"id": 2}])
    landing.load(**options)
    assert (landing.home / "done" / "a" / "1.json").is_file()
    assert not (landing.folder / "a" / "1.json").exists()
    assert landing.rows("id") == [["1"], ["2"]]


@pytest.mark.shows("`ignoreMissingFiles`, `ignoreCorruptFiles`", options=["ignoreMissingFiles"])
def test_a_file_that_is_gone_ends_the_stream_by_its_name_or_is_left_out(landing):
    """Logged offsets are binding: the files of a batch that did not end must exist."""
    landing.put("1.json", [{"id": 1}])
    landing.load()
    gone = landing.put("2.json", [{"id": 2}])
    landing.put("3.json", [{"id": 3}])
    with pytest.raises(Exception, match="not yet"):
        landing.load(columns=("*", "raise_error('not yet') AS failing"))
    gone.unlink()
    with pytest.raises(LivetablesError, match=r"2.json was found at .* and is gone") as caught:
        landing.load()
    assert caught.value.code == "FILE_NOT_FOUND"
    landing.load(ignoreMissingFiles="true")
    assert landing.rows("id") == [["1"], ["3"]]
    assert landing.files()[1] == ("2.json", "FAILED", None)


@pytest.mark.shows("`ignoreMissingFiles`, `ignoreCorruptFiles`", options=["ignoreCorruptFiles"])
def test_a_damaged_file_ends_the_stream_by_its_name_or_is_read_as_far_as_it_goes(landing):
    """A truncated gzip file; with ignoreCorruptFiles the stream goes on, and says so."""
    landing.put("1.json", [{"id": 1}])
    landing.load()
    whole = gzip.compress("".join(json.dumps({"id": number}) + "\n" for number in range(50_000)).encode())
    landing.put("2.json.gz", whole[: len(whole) // 2])
    with pytest.raises(LivetablesError, match=r"2.json.gz can't be read") as caught:
        landing.load()
    assert caught.value.code == "FILE_NOT_READABLE"
    landing.load(ignoreCorruptFiles="true")
    assert 1 < len(landing.rows("id")) < 50_000
    assert landing.files()[1][:2] == ("2.json.gz", "FAILED")
    landing.put("3.json.gz", gzip.compress(b'{"id": 3}\n')[:-9])
    landing.load(ignoreCorruptFiles="true")
    assert landing.files()[2][:2] == ("3.json.gz", "FAILED")
    assert ("FILE_NOT_READABLE", True) == (landing.warnings[-1][0], "3.json.gz" in landing.warnings[-1][1])


@pytest.mark.shows(options=["singleVariantColumn"])
def test_one_variant_column_holds_each_record(landing):
    """SingleVariantColumn."""
    landing.put("1.json", [{"id": 1, "x": [1]}])
    landing.load(singleVariantColumn="record", columns=("CAST(record:id AS INT) AS id", "to_json(record) AS text"))
    assert landing.rows("id", "text") == [[1, '{"id":1,"x":[1]}']]


@pytest.mark.shows(options=["multiLine"])
def test_json_over_several_lines(landing):
    """multiLine: a file is an array of records, or one."""
    landing.put("1.json", json.dumps([{"id": 1}, {"id": 2}], indent=1))
    landing.put("2.json", json.dumps({"id": 3}, indent=1))
    landing.load(multiLine="true")
    assert landing.rows("id") == [["1"], ["2"], ["3"]]


@pytest.mark.parametrize(
    ("options", "end", "encoding"),
    [
        ({"encoding": "UTF-16LE", "lineSep": "\n"}, "\n", "utf-16-le"),
        ({"encoding": "ISO-8859-1", "lineSep": "|"}, "|", "latin-1"),
        ({"allowUnquotedFieldNames": "true"}, "\n{id: 3, new: 2}\n", "utf-8"),
    ],
)
def test_new_fields_are_noticed_in_what_only_spark_can_read(landing, options, end, encoding):
    """Other encodings, line ends and what JSON does not allow; values that do not fit are rescued there, too."""
    landing.put("1.json", '{"id": 1}'.encode(encoding))
    landing.load(inferColumnTypes="true", schemaEvolutionMode="rescue", **options)
    landing.put("2.json", ('{"id": 2, "new": 1}' + end + '{"id": "é", "new": 2}' + end).encode(encoding))
    landing.load(inferColumnTypes="true", schemaEvolutionMode="rescue", **options)
    assert [row for row in landing.rows("id", "_rescued_data") if row[0] != 3] == [
        [1, None],
        [2, {"new": "1", "_file_path": "2.json"}],
        [None, {"id": "é", "new": "2", "_file_path": "2.json"}],
    ]


@pytest.mark.shows(options=["mode"])
@pytest.mark.parametrize("mode", ["DROPMALFORMED", "FAILFAST"])
def test_only_malformed_records_are_dropped_or_fail(landing, mode):
    """A value of another type is no malformed record where there is a column for rescued data."""
    landing.put("1.json", [{"id": 1}, {"id": "x"}])
    landing.load(schemaHints="id INT", mode=mode)
    landing.put("2.json", '{"id": 2}\n{"id":\n')
    if mode == "FAILFAST":
        with pytest.raises(Exception, match="MALFORMED_RECORD_IN_PARSING"):
            landing.load(schemaHints="id INT", mode=mode)
    else:
        landing.load(schemaHints="id INT", mode=mode)
    assert landing.rows("id") == [[1], *([[2]] if mode == "DROPMALFORMED" else []), [None]]


@pytest.mark.shows(options=["badRecordsPath"])
@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [(None, [[1], [None]], ['{"id":']), ("id INT", [[1]], ['{"id":', '{"id": "x"}'])],
    ids=["inferred", "given"],
)
def test_bad_records_and_files_go_to_their_own_folder(landing, tmp_path, schema, good, bad):
    """The option badRecordsPath: what does not fit is no bad record where it is rescued."""
    landing.put("1.json", [{"id": 1}])
    options = {"badRecordsPath": str(tmp_path / "bad"), **({} if schema else {"schemaHints": "id INT"})}
    landing.load(schema=schema, **options)
    assert not (tmp_path / "bad").exists()
    landing.put("2.json", '{"id": "x"}\n{"id":\n')
    landing.put("3.json.gz", b"no gzip")
    landing.load(schema=schema, **options)
    written = {
        kind: [
            json.loads(line) for file in tmp_path.glob(f"bad/*/{kind}/*.json") for line in file.read_text().splitlines()
        ]
        for kind in ("bad_records", "bad_files")
    }
    assert sorted(record["record"] for record in written["bad_records"]) == bad
    assert {record["path"].rpartition("/")[2] for record in written["bad_records"]} == {"2.json"}
    assert [file["path"].rpartition("/")[2] for file in written["bad_files"]] == ["3.json.gz"]
    assert landing.rows("id") == good
    assert ("2.json", "READ", len(good) - 1) in landing.files()


@pytest.mark.shows(options=["columnNameOfCorruptRecord"])
def test_the_column_of_malformed_records_is_filled_when_the_schema_has_it(landing):
    """The option columnNameOfCorruptRecord: a column of a hint, or of the user's schema, where nothing is rescued."""
    landing.put("1.json", '{"id": 1}\n{"id":\n')
    landing.load(schemaHints="id INT, bad STRING", columnNameOfCorruptRecord="bad")
    assert landing.rows("id", "bad") == [[1, None], [None, '{"id":']]
    given = in_sql({"format": "json", "columnNameOfCorruptRecord": "bad"})
    frame = read_files(landing.spark, given, "id INT, bad STRING", str(landing.folder), print)
    assert [(1, None), (None, '{"id":')] == [tuple(row) for row in frame.orderBy("id", ascending=False).collect()]


@pytest.mark.shows("An empty folder needs a schema")
def test_an_empty_folder_has_no_schema(landing):
    """The error has a hint; empty files have no schema either."""
    landing.put("empty.json", "")
    with pytest.raises(LivetablesError, match="shows a schema yet"):
        landing.load()


def test_the_ledger_must_be_there_while_offsets_are(landing):
    """Without it files would be read again: nothing is read, and the hint names a way out."""
    landing.put("1.json", [{"id": 1}])
    landing.load()
    for file in Checkpoint.at(landing.home / "checkpoint").ledger(0).parent.iterdir():
        file.unlink()
    with pytest.raises(LivetablesError, match="full-refresh") as caught:
        landing.load()
    assert caught.value.code == "LEDGER_LOST"
    assert landing.rows("id") == [["1"]]
