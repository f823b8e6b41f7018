"""Which tests show what the options, modes and formats of Auto Loader do. `dev.docs.auto_loader` makes tables of it."""

from __future__ import annotations

_STREAMS = "tests/spark/test_auto_loader.py"
_OPTIONS = "tests/unit/test_autoloader_reader_options.py"
_FILES = "tests/unit/test_autoloader_files.py"
_LISTING = "tests/unit/test_autoloader_selection.py"
_SQL = "tests/spark/test_sql_queries.py::test_files_by_read_files_and_by_their_path"
_SQL_STREAM = "tests/pipeline/test_sensors_sql.py::test_sql_and_python_make_the_same_tables"
_SQL_OLDER = "tests/pipeline/test_sql_files.py::test_sources_of_a_pipeline_are_seen_by_its_graph"
_RESTART = "tests/spark/test_sources.py::test_auto_loader_follows_a_new_column_in_the_same_run"

_ALLOWED = f"{_OPTIONS}::test_an_option_means_one_thing"
_JSON = f"{_STREAMS}::test_json_is_inferred_as_strings_in_alphabetical_order_with_rescued_data"
_TYPES = f"{_STREAMS}::test_types_are_inferred_when_that_is_asked_for"
_NEW = f"{_STREAMS}::test_a_new_column_ends_the_stream_once_and_is_read_by_the_next_one"
_FROZEN = f"{_STREAMS}::test_the_schema_stays_when_the_mode_says_so"
_FAILS = f"{_STREAMS}::test_the_stream_fails_at_a_new_column_when_the_mode_says_so"
_WIDER = f"{_STREAMS}::test_wider_types_are_followed_when_the_mode_says_so"
_CASE = f"{_STREAMS}::test_a_name_in_another_case_is_rescued_or_read_as_the_column"
_HINTS = f"{_STREAMS}::test_hints_give_types_over_what_is_inferred"
_GIVEN = f"{_STREAMS}::test_rescued_data_beside_a_schema_of_the_users"
_CSV = f"{_STREAMS}::test_csv_is_read_by_the_names_in_each_files_header"
_XML = f"{_STREAMS}::test_xml_is_inferred_and_rescued"
_COLUMNAR = f"{_STREAMS}::test_columnar_formats_keep_their_types"
_FIXED = f"{_STREAMS}::test_text_and_binary_files_have_their_own_columns"
_FOLDERS = f"{_STREAMS}::test_folders_give_columns_that_win_over_those_of_files"
_NO_FOLDERS = f"{_STREAMS}::test_folders_are_ignored_when_that_is_asked_for"
_LIMITS = f"{_STREAMS}::test_a_batch_has_so_many_files_or_bytes_also_in_a_run_that_ends"
_EXISTING = f"{_STREAMS}::test_files_that_were_there_first_are_left_out_when_that_is_asked_for"
_AGAIN = f"{_STREAMS}::test_a_file_that_is_overwritten_is_read_again_only_when_that_is_allowed"
_CHOSEN = f"{_STREAMS}::test_only_files_of_some_names_and_times_are_read"
_MOVED = f"{_STREAMS}::test_files_are_moved_once_they_were_read"
_GONE = f"{_STREAMS}::test_a_file_that_is_gone_ends_the_stream_by_its_name_or_is_left_out"
_DAMAGED = f"{_STREAMS}::test_a_damaged_file_ends_the_stream_by_its_name_or_is_read_as_far_as_it_goes"
_VARIANT = f"{_STREAMS}::test_one_variant_column_holds_each_record"
_LINES = f"{_STREAMS}::test_json_over_several_lines"
_MODE = f"{_STREAMS}::test_only_malformed_records_are_dropped_or_fail"
_BAD = f"{_STREAMS}::test_bad_records_and_files_go_to_their_own_folder"
_CORRUPT = f"{_STREAMS}::test_the_column_of_malformed_records_is_filled_when_the_schema_has_it"
_DELETED = f"{_FILES}::test_files_are_deleted_when_their_time_has_come"
_TAKEN = f"{_FILES}::test_the_options_say_which_files_are_taken"

#: Of options that have no effect, and of those of which that is said.
NONE = (f"{_OPTIONS}::test_what_nobody_misses_is_taken_in_silence",)
SAID = (f"{_OPTIONS}::test_what_somebody_could_rely_on_is_said_to_have_no_effect",)

#: By the names in livetables.autoloader.options.OPTIONS.
OPTION_TESTS: dict[str, tuple[str, ...]] = {
    "format": (f"{_OPTIONS}::test_a_format_is_known_by_its_name_in_any_case",),
    "inferColumnTypes": (_TYPES,),
    "schemaHints": (_HINTS,),
    "schemaEvolutionMode": (f"{_OPTIONS}::test_the_modes_of_the_platform_are_there",),
    "allowOverwrites": (_AGAIN,),
    "includeExistingFiles": (_EXISTING,),
    "maxFilesPerTrigger": (_LIMITS,),
    "maxBytesPerTrigger": (_LIMITS,),
    "maxFileAge": (f"{_FILES}::test_files_of_an_age_are_forgotten_and_not_taken",),
    "partitionColumns": (_FOLDERS, _NO_FOLDERS),
    "cleanSource": (_MOVED, _DELETED),
    "cleanSource.retentionDuration": (_DELETED,),
    "cleanSource.moveDestination": (_MOVED,),
    "useStrictGlobber": (*NONE, f"{_LISTING}::TestSelection::test_globs_in_the_load_path"),
    "validateOptions": (f"{_OPTIONS}::test_unknown_options_can_be_taken_in_silence",),
    "resourceTag.": (f"{_OPTIONS}::test_the_tags_of_a_cloud_are_one_option",),
    "rescuedDataColumn": (_GIVEN,),
    "pathGlobFilter": (_CHOSEN,),
    "fileNamePattern": (_TAKEN,),
    "recursiveFileLookup": (_TAKEN,),
    "modifiedAfter": (_CHOSEN,),
    "modifiedBefore": (_CHOSEN,),
    "ignoreCorruptFiles": (_DAMAGED,),
    "ignoreMissingFiles": (_GONE,),
    "readerCaseSensitive": (_CASE,),
    "badRecordsPath": (_BAD,),
    "columnNameOfCorruptRecord": (_CORRUPT,),
    "singleVariantColumn": (_VARIANT,),
}

#: Options of Spark's own readers that mean something more here; all others go to them as they are.
READER_OPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "`header`": ("the first line of a CSV file has the names (default true when the schema is inferred)", (_CSV,)),
    "`multiLine`": ("a record may have several lines, and a file of JSON be an array of records", (_LINES,)),
    "`mode`": (
        "`DROPMALFORMED` and `FAILFAST` are about malformed records only, not about values of another type",
        (_MODE,),
    ),
    "`rowTag`": ("the element of XML that is a record", (_XML,)),
    "any other": ("goes to Spark's reader of the format as it is", (_ALLOWED,)),
}

MODE_TESTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "addNewColumns": (
        "the default. The wider schema is kept, the update ends, and another one reads the same files with it",
        (_NEW, _RESTART),
    ),
    "addNewColumnsWithTypeWidening": ("the same, also for wider types: an INT column becomes a BIGINT", (_WIDER,)),
    "rescue": ("the schema stays, and what is new is rescued", (_FROZEN,)),
    "failOnNewColumns": ("the flow fails (`UNKNOWN_FIELD_EXCEPTION`) and names file and column", (_FAILS,)),
    "none": (
        (
            "the default beside a schema of your own. What is new is ignored. "
            "Nothing is rescued unless `rescuedDataColumn` is set"
        ),
        (_FROZEN, _GIVEN),
    ),
}

_STRINGS = "strings, in alphabetical order; also inside of objects and arrays"
_OWN = "those of the files, with their types"
FORMAT_TESTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "avro": (_OWN, (_COLUMNAR,)),
    "binaryFile": ("`path`, `modificationTime`, `length`, `content`; nothing is rescued", (_FIXED,)),
    "csv": ("strings; each file is read by the names in its own header", (_CSV,)),
    "json": (_STRINGS, (_JSON,)),
    "orc": (_OWN, (_COLUMNAR,)),
    "parquet": (_OWN, (_COLUMNAR,)),
    "text": ("`value`, a line; nothing is rescued", (_FIXED,)),
    "xml": ("strings, as Spark finds them", (_XML,)),
}

WAYS: dict[str, tuple[str, tuple[str, ...]]] = {
    '`spark.readStream.format("cloudFiles")`': ("a stream: each file once", (_NEW,)),
    "`STREAM read_files(...)` in SQL": ("the same, with `inferColumnTypes`; options have no prefix", (_SQL_STREAM,)),
    "`cloud_files(...)` in SQL": ("the same, as `cloudFiles` is in Python", (_SQL_OLDER,)),
    "`read_files(...)` in SQL": (
        "a batch of all files that are there; its columns are inferred at each read, and nothing is kept of them",
        (_SQL, _NO_FOLDERS),
    ),
}
