"""What the platform's SQL for pipelines has, and what becomes of each here.

Sections 2.1 to 2.4 of the reference. Whatever else stands in a query is Spark's.
"""

from __future__ import annotations

from dev.docs._differences_rule import differs, no_effect, refused, supported, warned

QUERIES, VARIABLES = "tests/spark/test_sql_queries.py", "tests/unit/test_sql_variables.py"
WHOLE, AUTO_LOADER = "tests/pipeline/test_sql_files.py", "tests/spark/test_auto_loader.py"
ROUND_TRIP, SETTINGS = "tests/unit/test_sql_round_trip.py", "tests/unit/test_settings_databricks.py"

_PARSED = "tests/unit/test_sql_parser.py::test_statements_are_understood"
_DEFINED = "tests/unit/test_sql_parser.py::test_files_define_datasets_and_flows"
_BROKEN = "tests/unit/test_sql_errors.py::test_broken_sql_is_explained"
_ANY_FORM = f"{ROUND_TRIP}::test_statements_are_read_as_they_are_meant"
_SENSORS = "tests/pipeline/test_sensors_sql.py::test_sql_and_python_make_the_same_tables"
_ONE_GRAPH = f"{WHOLE}::test_sql_and_python_files_make_one_graph"
_GRAPH = f"{WHOLE}::test_sources_of_a_pipeline_are_seen_by_its_graph"
_EVENTS = f"{WHOLE}::test_queries_that_users_ask_the_event_log"
_LISTING = "tests/pipeline/test_sql_listing.py::test_the_listing_runs_as_it_was_written"
_REPLACED = "tests/pipeline/test_replacing.py::test_newer_rows_of_a_key_replace_older_ones"
_FUNCTIONS = "tests/spark/test_functions.py::test_a_session_has_the_functions_of_a_file_for_a_while"
_INTERVAL = "tests/unit/test_jobs.py::test_the_nearest_trigger_interval_counts"
_PATHS = "tests/unit/test_sql_json_paths.py::test_a_path_behind_an_operand_becomes_a_call"
_STREAMS = f"{QUERIES}::test_streams_in_all_spellings"
_FIRST = f"{QUERIES}::test_a_streaming_table_reads_its_first_source_as_a_stream"
_BY_PATH = f"{QUERIES}::test_files_by_read_files_and_by_their_path"
_LACKING = f"{QUERIES}::test_sources_that_are_not_given_what_they_need"
_ON_STRINGS = f"{QUERIES}::test_json_paths_of_strings"
_LENIENT = f"{QUERIES}::test_double_quotes_are_strings_and_failed_casts_null"
_TEXT = f"{VARIABLES}::test_variables_stand_for_text"
_VALUES = f"{VARIABLES}::test_parameters_stand_for_strings_and_names"

STATEMENTS = (
    supported(
        "`CREATE [OR REFRESH] [PRIVATE] STREAMING TABLE`, with a query, with a flow, or alone",
        _PARSED,
        _DEFINED,
        _SENSORS,
        note="`OR REPLACE` and `IF NOT EXISTS` make no difference; `TEMPORARY` is `PRIVATE`",
    ),
    supported("`CREATE [OR REFRESH] [PRIVATE] MATERIALIZED VIEW`", _PARSED, _DEFINED, _SENSORS),
    supported(
        "The older forms: `LIVE TABLE`, `STREAMING LIVE TABLE`, `INCREMENTAL LIVE TABLE`, `LIVE VIEW`,"
        " `STREAMING LIVE VIEW`",
        _PARSED,
        _LISTING,
        _SENSORS,
    ),
    supported("`CREATE TEMPORARY VIEW`, batch or streaming", _DEFINED, _SENSORS),
    differs(
        "`CREATE VIEW` is published, and batch only",
        "as a temporary view: what reads it evaluates it, and `livetables query` does not know it",
        _DEFINED,
    ),
    supported(
        "`CREATE TABLE` with the property `delta.live.table` is a streaming table of the pipeline",
        _DEFINED,
        _LISTING,
        note="any other `CREATE TABLE` is refused",
        unverified=True,
    ),
    supported(
        "The list behind a name has columns with types, constraints, or both; a column has `NOT NULL`, `COMMENT`,"
        " `GENERATED ALWAYS AS (...)`",
        _PARSED,
        _DEFINED,
    ),
    supported(
        "The list of a view has names and comments",
        f"{QUERIES}::test_columns_of_a_view_are_renamed_by_their_order",
        note="that of a table too, by the order of its query's columns",
    ),
    supported(
        "`CONSTRAINT name EXPECT (...) [ON VIOLATION DROP ROW or FAIL UPDATE]` on tables and `LIVE` views",
        _DEFINED,
        _SENSORS,
        _BROKEN,
        note="here on any `CREATE TEMPORARY VIEW` too; on a `CREATE VIEW` it is refused",
    ),
    supported("A predicate may use an alias of the dataset's query: `EXPECT (o.id IS NOT NULL)`", _ONE_GRAPH),
    no_effect("`PRIMARY KEY` and `FOREIGN KEY` inform", "they are read and not kept", _PARSED, _DEFINED),
    refused("`MASK` of a column", _BROKEN),
    supported(
        "`COMMENT`, `TBLPROPERTIES`, `PARTITIONED BY`, `CLUSTER BY (...)`, `LOCATION`, `WITH ROW FILTER`, in any order",
        _ANY_FORM,
        _DEFINED,
        note="as the parameters of the same meaning; `TBLPROPERTIES` of a view have no effect",
    ),
    supported("`USING DELTA`", _PARSED, _BROKEN, note="any other format is refused"),
    warned("`CLUSTER BY AUTO`", "clustering columns are not chosen automatically", _DEFINED),
    warned("`SCHEDULE`, `TRIGGER ON UPDATE`", "start updates with a scheduler of your own", _DEFINED),
    warned(
        "`REFRESH POLICY INCREMENTAL STRICT`",
        "recomputed in full, as with every policy; the others are taken without a word",
        _DEFINED,
    ),
    supported(
        "`CREATE FLOW name AS INSERT INTO table BY NAME query`, also with `ONCE`, or as `FLOW INSERT` in the table",
        _PARSED,
        _DEFINED,
        _ONE_GRAPH,
        note="without `BY NAME`, columns are matched by name too",
    ),
    supported("`REPLACE USING (...) SEQUENCE BY` and `REPLACE WHERE`", _DEFINED, _REPLACED),
    supported(
        "`CREATE FLOW name AS AUTO CDC INTO`, `FLOW AUTO CDC`, `APPLY CHANGES INTO`, with all clauses in any order",
        _ANY_FORM,
        _DEFINED,
        _SENSORS,
    ),
    supported("`AUTO CDC INTO` as a statement of its own", _DEFINED, unverified=True),
    refused("`STORED AS BITEMPORAL`, `SYSTEM SEQUENCE BY`", _BROKEN),
    supported(
        "`SET key = value`, of `spark.` or `pipelines.`, is a setting for the datasets below it in the file; `SET key`"
        " alone does nothing",
        _DEFINED,
    ),
    supported("`SET pipelines.trigger.interval`", _DEFINED, _INTERVAL),
    warned(
        "`USE CATALOG`, `USE SCHEMA` hold for what follows", "all tables lie in the pipeline's own schema", _DEFINED
    ),
    supported(
        "`CREATE FUNCTION`",
        _DEFINED,
        _FUNCTIONS,
        _ONE_GRAPH,
        note="a temporary function while the pipeline is open, under the last part of its name, for all files; in SQL"
        " only. `livetables query` does not have it",
        unverified=True,
    ),
    refused("A query alone, `INSERT`, `MERGE`, `DROP` and other statements that belong to no pipeline", _BROKEN),
    supported(
        "In a notebook (`.sql`), `-- COMMAND ----------` ends a statement, also without `;`; lines with `-- MAGIC` are"
        " comments",
        _PARSED,
    ),
    supported(
        "`;`, quotes and comment marks inside of strings, names and comments end nothing",
        f"{ROUND_TRIP}::test_only_a_semicolon_ends_a_statement",
        _PARSED,
    ),
    supported("Keywords in any letter case, names in back-quotes", _ANY_FORM),
    supported("Files of both languages make one graph", _SENSORS, _ONE_GRAPH),
)

SOURCES = (
    supported(
        "A dataset has all its names: bare, `LIVE.name`, with schema and catalog, also before its columns",
        f"{QUERIES}::test_datasets_under_all_their_names",
    ),
    supported("`STREAM(name)` and `STREAM name` read a table or view as a stream", _STREAMS, _SENSORS),
    supported(
        "Options of a stream: `STREAM name WITH (skipChangeCommits = true)`, `read_stream('name', ...)`", _STREAMS
    ),
    supported("`WATERMARK column DELAY OF INTERVAL ...` behind a source", _STREAMS, _SENSORS),
    differs(
        "Without `STREAM`, a source is read as a batch, and a streaming table needs a stream",
        "where nothing in its query streams, the first source is read as a stream, with the warning `STREAM_MISSING`",
        _FIRST,
        _LISTING,
        unverified=True,
    ),
    differs(
        "So too over a table that is written in complete mode, which is no source of a stream",
        "the streaming table is recomputed as a materialized view, with the warning `RECOMPUTED_TABLE`",
        _FIRST,
        _LISTING,
        unverified=True,
    ),
    supported("Files and tables by their path: ``json.`/p` ``, ``csv.`/p` ``", _BY_PATH),
    supported(
        "The same as a stream: ``STREAM json.`/p` ``", _GRAPH, note="columns are inferred at each start of the flow"
    ),
    supported(
        "`read_files` infers columns with their types and adds `_rescued_data`; it takes Auto Loader's options",
        _BY_PATH,
        f"{AUTO_LOADER}::test_folders_are_ignored_when_that_is_asked_for",
    ),
    differs(
        "`read_files` without `format` finds out which it is",
        "the end of the file's name tells it, and a folder holds Parquet",
        _BY_PATH,
        unverified=True,
    ),
    supported("`STREAM read_files` is Auto Loader, with `inferColumnTypes`", _SENSORS),
    supported(
        "`cloud_files('path', 'format', map(...))`",
        _GRAPH,
        note="Auto Loader, without `inferColumnTypes` unless it is given",
    ),
    supported(
        "`read_kafka(bootstrapServers => ..., subscribe => ...)`, batch or with `STREAM`",
        _GRAPH,
        note="Spark's own connector",
    ),
    supported("``kafka.`topic` OPTIONS (...)``", _LISTING, unverified=True),
    refused("`read_pubsub`, `read_kinesis`, `read_pulsar`", _LACKING, note="the services are out of reach"),
    supported("`table_changes('table', from, to)`", _GRAPH),
    differs("`event_log(TABLE(name))`, `event_log('id')`", "the log of this pipeline, whatever they name", _EVENTS),
    supported("`_metadata` of files is not in `*`, and is read by its name", _BY_PATH, _SENSORS),
)

VALUES = (
    supported(
        "`${key}` is replaced by its text, inside of quotes too", _TEXT, _DEFINED, note="a value is not filled in again"
    ),
    supported("The text is that of `configuration`, or of a `SET` above in the same file", _DEFINED),
    refused(
        "`${key}` without a value",
        f"{VARIABLES}::test_what_has_no_value_is_said",
        note="`UNKNOWN_VARIABLE`",
        unverified=True,
    ),
    supported(
        "`:name` is a value of `parameters`",
        _VALUES,
        _DEFINED,
        f"{SETTINGS}::test_parameters_are_what_sql_files_name_with_a_colon",
        f"{SETTINGS}::test_a_parameter_of_the_command_line_wins",
        note="always a string: cast it where a query needs another type; `--parameter NAME=VALUE` wins",
    ),
    supported("`IDENTIFIER(:name)` is the table of that name", _VALUES, _ONE_GRAPH),
    differs(
        "`IDENTIFIER` takes an expression",
        "a parameter alone; an expression is left to Spark, which does not know the pipeline's datasets",
        _VALUES,
        unverified=True,
    ),
    supported("`spark.sql(text, args)` fills in `:name` and `?`", f"{QUERIES}::test_arguments_of_spark_sql"),
)

EXPRESSIONS = (
    supported(
        "`column:path.to[0].field` takes a value out of JSON in a string, also in an expectation",
        _PATHS,
        _ON_STRINGS,
        _ONE_GRAPH,
        note="`get_json_object`",
    ),
    differs(
        "In such a path, letter case does not count in `.field`, and counts in `['field']`",
        "it counts in both",
        unverified=True,
    ),
    supported("Behind a VARIANT, it gives a VARIANT", f"{QUERIES}::test_json_paths_of_variants_stay_variants"),
    supported("A column that is only a path is called like its last field", _ON_STRINGS),
    supported("The queries that people ask the event log, with paths into `details`", _EVENTS),
    supported("Double quotes make a string, no name", _LENIENT),
    supported(
        "A cast that fails gives NULL",
        _LENIENT,
        f"{WHOLE}::test_casts_are_lenient_unless_they_are_asked_to_be_strict",
        note="also in Python: `spark.sql.ansi.enabled` is `false`; `ansi: true` in `livetables.yml` makes it an error",
        unverified=True,
    ),
    differs("`PIVOT` is refused in a pipeline", "runs as in Spark", unverified=True),
)
