"""What Auto Loader does on the platform, and what becomes of it here.

Section 6 of the reference. Each option, with its test, is in docs/auto-loader.md.
"""

from __future__ import annotations

from dev.docs._differences_rule import differs, no_effect, supported, warned

STREAMS, OPTIONS = "tests/spark/test_auto_loader.py", "tests/unit/test_autoloader_reader_options.py"
LISTING, FILE_TESTS = "tests/unit/test_autoloader_selection.py", "tests/unit/test_autoloader_files.py"

_JSON = f"{STREAMS}::test_json_is_inferred_as_strings_in_alphabetical_order_with_rescued_data"
_TYPES = f"{STREAMS}::test_types_are_inferred_when_that_is_asked_for"
_NEW = f"{STREAMS}::test_a_new_column_ends_the_stream_once_and_is_read_by_the_next_one"
_GIVEN = f"{STREAMS}::test_rescued_data_beside_a_schema_of_the_users"
_FOLDERS = f"{STREAMS}::test_folders_give_columns_that_win_over_those_of_files"
_AGAIN = f"{STREAMS}::test_a_file_that_is_overwritten_is_read_again_only_when_that_is_allowed"
_GONE = f"{STREAMS}::test_a_file_that_is_gone_ends_the_stream_by_its_name_or_is_left_out"
_DAMAGED = f"{STREAMS}::test_a_damaged_file_ends_the_stream_by_its_name_or_is_read_as_far_as_it_goes"
_SAID = f"{OPTIONS}::test_what_somebody_could_rely_on_is_said_to_have_no_effect"

FILES = (
    supported(
        "Each file is read once, also over crashes and restarts",
        "tests/pipeline/test_autoloader_kills.py::test_after_kills_at_random_moments_every_line_is_there_exactly_once",
        _AGAIN,
    ),
    supported(
        "Formats: avro, binaryFile, csv, json, orc, parquet, text, xml",
        f"{STREAMS}::test_columnar_formats_keep_their_types",
        f"{STREAMS}::test_text_and_binary_files_have_their_own_columns",
        f"{STREAMS}::test_csv_is_read_by_the_names_in_each_files_header",
        f"{STREAMS}::test_xml_is_inferred_and_rescued",
        _JSON,
    ),
    supported(
        "Columns are inferred, merged over files; values of json, csv and xml are strings, unless `inferColumnTypes`",
        _JSON,
        _TYPES,
    ),
    supported(
        "`schemaHints` with paths through structs, arrays and maps",
        f"{STREAMS}::test_hints_give_types_over_what_is_inferred",
        "tests/unit/test_autoloader_hints.py::test_a_path_goes_through_structs_arrays_and_maps",
    ),
    supported(
        "`addNewColumns`: the schema is recorded with the new columns at its end, and the stream stops with"
        " UNKNOWN_FIELD_EXCEPTION",
        _NEW,
    ),
    supported(
        "`addNewColumnsWithTypeWidening`, `rescue`, `failOnNewColumns`, `none`",
        f"{STREAMS}::test_wider_types_are_followed_when_the_mode_says_so",
        f"{STREAMS}::test_the_schema_stays_when_the_mode_says_so",
        f"{STREAMS}::test_the_stream_fails_at_a_new_column_when_the_mode_says_so",
    ),
    supported(
        "A schema of the user's excludes the modes that add columns",
        f"{OPTIONS}::test_columns_can_not_be_added_to_a_schema_of_the_users",
    ),
    supported(
        "`_rescued_data` is there when the schema was inferred: unknown fields, values of another type, names in"
        " another case, and `_file_path`; NULL when nothing was rescued",
        _JSON,
        _TYPES,
        _GIVEN,
        f"{STREAMS}::test_a_name_in_another_case_is_rescued_or_read_as_the_column",
    ),
    supported("A record that can't be parsed is rescued as `_corrupt_record`", _TYPES, unverified=True),
    supported(
        "`_metadata` and `input_file_name()`", f"{STREAMS}::test_metadata_is_there_for_who_asks_and_not_in_a_star"
    ),
    supported(
        "`name=value` folders give columns, which win over those of files",
        _FOLDERS,
        f"{STREAMS}::test_folders_are_ignored_when_that_is_asked_for",
    ),
    supported(
        "`maxFilesPerTrigger` and `maxBytesPerTrigger`, also in a triggered update",
        f"{STREAMS}::test_a_batch_has_so_many_files_or_bytes_also_in_a_run_that_ends",
    ),
    supported(
        "`includeExistingFiles`, `allowOverwrites`",
        f"{STREAMS}::test_files_that_were_there_first_are_left_out_when_that_is_asked_for",
        _AGAIN,
    ),
    supported(
        "`cleanSource` deletes or moves files some time after their batch; DELETE needs more than 7 days",
        f"{STREAMS}::test_files_are_moved_once_they_were_read",
        f"{FILE_TESTS}::test_files_are_deleted_when_their_time_has_come",
        f"{OPTIONS}::test_files_are_not_deleted_before_a_week",
    ),
    supported(
        "`maxFileAge`: older files are forgotten",
        f"{FILE_TESTS}::test_files_of_an_age_are_forgotten_and_not_taken",
        note="by their modification times; one that arrives with an older time is not read",
        unverified=True,
    ),
    supported("`ignoreMissingFiles`, `ignoreCorruptFiles`", _GONE, _DAMAGED, note="what is left out is said aloud"),
    supported(
        "Files and folders whose names begin with `_` or `.` are skipped",
        f"{LISTING}::TestSelection::test_hidden_files_and_folders_are_skipped",
    ),
    supported("An empty folder needs a schema", f"{STREAMS}::test_an_empty_folder_has_no_schema"),
    differs(
        "`*` in the path may stand for several folders, unless `useStrictGlobber` is true",
        "it always stands for one name",
        f"{LISTING}::TestSelection::test_globs_in_the_load_path",
        unverified=True,
    ),
    differs(
        "A file is read as soon as it is there",
        "one that a program has open for writing is left until it is closed; where that can't be asked, and on other"
        " file systems, until it is a second old",
        "tests/unit/test_autoloader_settling.py::TestHalfWritten::test_a_file_that_is_open_for_writing_waits",
    ),
    warned("`badRecordsPath` collects malformed records", "they are in the rescued data", _SAID),
    warned("`useNotifications`, file events, queues and their credentials", "folders are listed", _SAID),
    no_effect(
        "`schemaLocation`, `backfillInterval`, `useIncrementalListing`, `listOnStart`, `fetchParallelism`",
        "schemas are in the storage folder, and each listing finds all that is new",
        f"{OPTIONS}::test_what_nobody_misses_is_taken_in_silence",
    ),
    supported(
        "Unknown options are warned about, unless `validateOptions` is false",
        f"{OPTIONS}::test_an_unknown_option_is_named_and_never_refused",
        f"{OPTIONS}::test_unknown_options_can_be_taken_in_silence",
    ),
)
