"""The options of `format("cloudFiles")`: their parsed values, wrong values, and warnings."""

import re

import pytest

from livetables.autoloader.cleaning import check_move_to
from livetables.autoloader.options import FORMATS, MODES, OPTIONS, full_name, options_of
from livetables.errors import SettingsError

#: The options of table 6.1 of the reference; `queueUrl…` stands there for all names of notification services.
TABLE = {
    "cloudFiles.": {
        "format",
        "schemaLocation",
        "inferColumnTypes",
        "schemaHints",
        "schemaEvolutionMode",
        "allowOverwrites",
        "includeExistingFiles",
        "maxFilesPerTrigger",
        "maxBytesPerTrigger",
        "maxFileAge",
        "partitionColumns",
        "cleanSource",
        "cleanSource.retentionDuration",
        "cleanSource.moveDestination",
        "backfillInterval",
        "useIncrementalListing",
        "useNotifications",
        "useManagedFileEvents",
        "listOnStart",
        "fetchParallelism",
        "queueUrl",
        "resourceTag.",
        "pathRewrites",
        "useStrictGlobber",
        "validateOptions",
    },
    "": {
        "rescuedDataColumn",
        "pathGlobFilter",
        "fileNamePattern",
        "recursiveFileLookup",
        "modifiedAfter",
        "modifiedBefore",
        "ignoreCorruptFiles",
        "ignoreMissingFiles",
        "readerCaseSensitive",
        "badRecordsPath",
        "columnNameOfCorruptRecord",
        "singleVariantColumn",
    },
}
DAY = 24 * 60 * 60 * 1000


def read(options=(), has_schema=False):
    """Return the parsed options of a json reader, and its warnings."""
    said = []
    given = {"cloudFiles.format": "json", **dict(options)}
    return options_of(given, has_schema, lambda code, message: said.append((code, message))), said


def meaning(name, value, has_schema=False):
    """Return what one option changes: fields of the result, with their values."""
    plain, given = read(has_schema=has_schema)[0], read({name: value}, has_schema)[0]
    return {key: new for key, new in vars(given).items() if new != getattr(plain, key)}


@pytest.mark.parametrize("prefix", TABLE)
def test_every_option_of_the_platform_is_known(prefix):
    """None of them is called unknown; the written list is that of the reference."""
    known = {name for name in OPTIONS if full_name(name) == f"{prefix}{name}"}
    assert TABLE[prefix] <= known


def test_without_evolution_nothing_is_rescued_unless_that_is_asked_for():
    """The column still exists, so that queries can name it."""
    options, _ = read({"cloudFiles.schemaEvolutionMode": "none"})
    assert (options.rescued_column, options.rescues) == ("_rescued_data", False)
    options, _ = read({"cloudFiles.schemaEvolutionMode": "none", "rescuedDataColumn": "rest"})
    assert (options.rescued_column, options.rescues) == ("rest", True)


def test_every_option_says_what_it_does():
    """A document is generated from the table."""
    assert [name for name, option in OPTIONS.items() if len(option.about) < 10] == []


def test_without_options_it_reads_as_the_platform_does():
    """The defaults of the reference, for a schema that is inferred."""
    options, said = read()
    assert vars(options) == {
        "format": "json",
        "infer_types": False,
        "hints": None,
        "mode": "addNewColumns",
        "max_files": 1000,
        "max_bytes": None,
        "max_file_age_ms": None,
        "include_existing": True,
        "allow_overwrites": False,
        "partition_columns": None,
        "clean_source": "OFF",
        "retention_ms": 30 * DAY,
        "move_to": None,
        "rescued_column": "_rescued_data",
        "rescues": True,
        "ignore_corrupt": False,
        "ignore_missing": False,
        "corrupt_column": None,
        "bad_records": None,
        "name_glob": None,
        "recursive": True,
        "modified_after": None,
        "modified_before": None,
        "case_sensitive": True,
        "variant_column": None,
        "generic": {},
    }
    assert said == []


def test_a_schema_of_the_users_is_frozen_and_nothing_is_rescued():
    """It changes only when the user changes it."""
    options, said = read(has_schema=True)
    assert (options.mode, options.rescued_column, said) == ("none", None, [])


@pytest.mark.shows(options=["any other"])
@pytest.mark.parametrize(
    ("name", "value", "changes"),
    [
        ("cloudFiles.format", "BINARYFILE", {"format": "binaryFile"}),
        ("CLOUDFILES.INFERCOLUMNTYPES", "TRUE", {"infer_types": True}),
        ("cloudFiles.schemaHints", "a INT", {"hints": "a INT"}),
        ("cloudFiles.schemaEvolutionMode", "FailOnNewColumns", {"mode": "failOnNewColumns"}),
        ("cloudFiles.maxFilesPerTrigger", "7", {"max_files": 7}),
        ("cloudFiles.maxFileAge", "90 days", {"max_file_age_ms": 90 * DAY}),
        ("cloudFiles.includeExistingFiles", "false", {"include_existing": False}),
        ("cloudFiles.allowOverwrites", "true", {"allow_overwrites": True}),
        ("cloudFiles.partitionColumns", "site, day", {"partition_columns": ("site", "day")}),
        ("cloudFiles.partitionColumns", "", {"partition_columns": ()}),
        ("cloudFiles.cleanSource", "delete", {"clean_source": "DELETE"}),
        ("cloudFiles.cleanSource.retentionDuration", "1 hour", {"retention_ms": 3_600_000}),
        ("rescuedDataColumn", "_rest", {"rescued_column": "_rest"}),
        ("cloudFiles.rescuedDataColumn", "_rest", {"rescued_column": "_rest"}),
        ("rescuedDataColumn", "", {"rescued_column": None}),
        ("IGNORECORRUPTFILES", "true", {"ignore_corrupt": True}),
        ("ignoreMissingFiles", "true", {"ignore_missing": True}),
        ("columnNameOfCorruptRecord", "_bad", {"corrupt_column": "_bad"}),
        ("pathGlobFilter", "*.json", {"name_glob": "*.json"}),
        ("fileNamePattern", "*.json", {"name_glob": "*.json"}),
        ("recursiveFileLookup", "false", {"recursive": False}),
        ("modifiedAfter", "2026-01-01T00:00:00", {"modified_after": 1_767_225_600_000}),
        ("modifiedBefore", "2026-01-01", {"modified_before": 1_767_225_600_000}),
        ("readerCaseSensitive", "false", {"case_sensitive": False}),
        ("singleVariantColumn", "doc", {"variant_column": "doc"}),
        ("multiLine", "true", {"generic": {"multiLine": "true"}}),
        ("mode", "FAILFAST", {"generic": {"mode": "FAILFAST"}}),
        ("path", "/in", {}),
    ],
)
def test_an_option_means_one_thing(name, value, changes):
    """Its name and its words may be written in any case; those of the format go to its reader as they are."""
    assert meaning(name, value) == changes


@pytest.mark.shows(options=["format"])
@pytest.mark.parametrize("format_", FORMATS)
def test_a_format_is_known_by_its_name_in_any_case(format_):
    """Spark's own readers take it so."""
    assert read({"cloudFiles.format": format_.upper()})[0].format == format_


@pytest.mark.shows(options=["schemaEvolutionMode"])
@pytest.mark.parametrize("mode", MODES)
def test_the_modes_of_the_platform_are_there(mode):
    """Without a schema of the user's, each of them can be chosen."""
    assert read({"cloudFiles.schemaEvolutionMode": mode})[0].mode == mode


@pytest.mark.parametrize("mode", ["rescue", "failOnNewColumns", "none"])
def test_modes_that_add_no_column_go_with_a_schema(mode):
    """The column of what does not fit is there when it is asked for."""
    options, _ = read({"cloudFiles.schemaEvolutionMode": mode, "rescuedDataColumn": "_rest"}, has_schema=True)
    assert (options.mode, options.rescued_column) == (mode, "_rest")


@pytest.mark.shows("A schema of the user's excludes the modes that add columns")
@pytest.mark.parametrize("mode", ["addNewColumns", "addnewcolumnswithtypewidening"])
def test_columns_can_not_be_added_to_a_schema_of_the_users(mode):
    """The platform refuses it too; hints do what is meant."""
    with pytest.raises(SettingsError, match="excludes a schema of your own") as caught:
        read({"cloudFiles.schemaEvolutionMode": mode}, has_schema=True)
    assert (caught.value.code, caught.value.diagnostic.hint) == (
        "WRONG_OPTION",
        "Give the schema as cloudFiles.schemaHints.",
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1b", 1),
        ("2k", 2048),
        ("3kb", 3072),
        ("500m", 500 * 2**20),
        ("10g", 10 * 2**30),
        ("10GB", 10 * 2**30),
        (" 1t ", 2**40),
        ("1pb", 2**50),
    ],
)
def test_a_size_is_read_as_spark_reads_it(text, size):
    """The same texts, the same bytes."""
    assert meaning("cloudFiles.maxBytesPerTrigger", text) == {"max_bytes": size}


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("14 days", 14),
        ("1 day", 1),
        ("2 WEEKS", 14),
        ("interval 12 hours", 0.5),
        ("1 week 12 hours", 7.5),
        ("1 month", 31),
        ("1 year", 372),
        ("86400 seconds", 1),
        ("1440  minutes", 1),
    ],
)
def test_an_interval_is_read_as_spark_reads_it(text, days):
    """Units in one or many, several of them one after the other; a month has 31 days."""
    assert meaning("cloudFiles.maxFileAge", text) == {"max_file_age_ms": days * DAY}


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01 01:30:00.25",
        "2026-01-01T01:30:00.250Z",
        "2026-01-01 01:30:00.250000 UTC+0",
        "2026-01-01T03:30:00.25+02:00",
        "2025-12-31T20:30:00.25 UTC-5",
        "2026-01-01T03:00:00.25+0130",
    ],
)
def test_a_point_in_time_may_have_a_zone_and_a_fraction(text):
    """Without a zone it is UTC, the time zone of the session."""
    assert meaning("modifiedAfter", text) == {"modified_after": 1_767_231_000_250}


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("cloudFiles.format", "jsno", "Did you mean 'json'?"),
        ("cloudFiles.format", "delta", f"Use one of {', '.join(FORMATS)}."),
        ("cloudFiles.inferColumnTypes", "yes", "Use true or false."),
        ("cloudFiles.schemaEvolutionMode", "addColumns", f"Use one of {', '.join(MODES)}."),
        ("cloudFiles.maxFilesPerTrigger", "0", "Write it as 1000."),
        ("cloudFiles.maxFilesPerTrigger", "1e3", "Write it as 1000."),
        ("cloudFiles.maxBytesPerTrigger", "10 g", "Write it as 10g, 500m or a number of bytes."),
        ("cloudFiles.maxBytesPerTrigger", "1.5g", "Write it as 10g, 500m or a number of bytes."),
        ("cloudFiles.maxBytesPerTrigger", "1x", "Write it as 10g, 500m or a number of bytes."),
        ("cloudFiles.maxBytesPerTrigger", "1bb", "Write it as 10g, 500m or a number of bytes."),
        ("cloudFiles.maxBytesPerTrigger", "0", "Write it as 10g, 500m or a number of bytes."),
        ("cloudFiles.maxFileAge", "14", "Write it as '14 days', '1 week' or '12 hours'."),
        ("cloudFiles.maxFileAge", "14d", "Write it as '14 days', '1 week' or '12 hours'."),
        ("cloudFiles.maxFileAge", "1 moon", "Write it as '14 days', '1 week' or '12 hours'."),
        ("cloudFiles.cleanSource", "ARCHIVE", "Use one of OFF, DELETE, MOVE."),
        ("modifiedAfter", "yesterday", "Write it as 2026-01-01T00:00:00; without a zone it is UTC."),
        ("modifiedBefore", "2026-02-30", "Write it as 2026-01-01T00:00:00; without a zone it is UTC."),
        ("modifiedBefore", "2026-01-01T25:00", "Write it as 2026-01-01T00:00:00; without a zone it is UTC."),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name, value, hint):
    """The error comes before anything starts."""
    with pytest.raises(SettingsError, match=f"The option {re.escape(name)} is '{re.escape(value)}', which ") as caught:
        read({name: value})
    diagnostic = caught.value.diagnostic
    assert (diagnostic.code, diagnostic.hint) == ("WRONG_VALUE", hint)


def test_a_missing_format_is_said():
    """Auto Loader can't guess it."""
    with pytest.raises(SettingsError, match=r"The option cloudFiles\.format is missing\."):
        options_of({}, False, print)


@pytest.mark.shows("`cleanSource` deletes or moves files some time after their batch; DELETE needs more than 7 days")
@pytest.mark.parametrize("retention", ["7 days", "12 hours"])
def test_files_are_not_deleted_before_a_week(retention):
    """The platform refuses it; MOVE has no such limit."""
    name = "cloudFiles.cleanSource.retentionDuration"
    move = {"cloudFiles.cleanSource": "MOVE", "cloudFiles.cleanSource.moveDestination": "/done"}
    assert read({**move, name: retention})[0].move_to == "/done"
    with pytest.raises(SettingsError, match=f"{name} is '{retention}', which is too short") as caught:
        read({"cloudFiles.cleanSource": "DELETE", name: retention})
    assert caught.value.diagnostic.hint == "Use more than 7 days."


def test_files_are_deleted_after_more_than_a_week():
    """A millisecond more than the limit is enough."""
    given = {"cloudFiles.cleanSource": "DELETE", "cloudFiles.cleanSource.retentionDuration": "7 days 1 millisecond"}
    assert read(given)[0].retention_ms == 7 * DAY + 1


def test_moving_needs_a_folder():
    """There is no default that would be right."""
    with pytest.raises(SettingsError, match="moveDestination is missing"):
        read({"cloudFiles.cleanSource": "MOVE"})


@pytest.mark.parametrize(
    ("move_to", "load"),
    [
        ("/in/done", "/in"),
        ("/in", "/in/"),
        ("file:/in/done", "/in"),
        ("/x/../in/done", "file:///in"),
        ("/in/done", "/in/*.json"),
        ("s3://b/in/done", "s3://b/in"),
        ("s3://b/done", "s3://b"),
        ("done", "."),
    ],
)
def test_files_are_not_moved_into_the_path_that_is_read(move_to, load):
    """They would be found, and read, again."""
    with pytest.raises(SettingsError, match="its files would be read again"):
        check_move_to(move_to, load)


@pytest.mark.parametrize(
    ("move_to", "load"),
    [("/in-done", "/in"), ("/", "/in"), ("s3://c/in/done", "s3://b/in"), ("/in/done", "s3://b/in"), ("/d", "/in/*")],
)
def test_files_are_moved_to_any_other_folder(move_to, load):
    """A folder whose name begins alike is another folder."""
    assert check_move_to(move_to, load) is None


@pytest.mark.shows(
    "`badRecordsPath` collects malformed records",
    "`useNotifications`, file events, queues and their credentials",
    effects=["warned"],
)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cloudFiles.useNotifications", "true"),
        ("cloudFiles.useManagedFileEvents", "true"),
        ("cloudFiles.queueUrl", "https://q"),
        ("cloudFiles.roleArn", "arn"),
        ("cloudFiles.pathRewrites", "{}"),
    ],
)
def test_what_somebody_could_rely_on_is_said_to_have_no_effect(name, value):
    """They need a service of a cloud; the value may be a secret and is not shown."""
    options, said = read({name: value})
    assert options == read()[0]
    assert [(code, message.partition(":")[0]) for code, message in said] == [
        ("OPTION_WITHOUT_EFFECT", f"The option {name} has no effect here")
    ]


@pytest.mark.shows(options=["resourceTag."])
def test_the_tags_of_a_cloud_are_one_option():
    """Their names are the user's; they are named once."""
    _, said = read({"cloudFiles.resourceTag.team": "a", "cloudFiles.resourceTag.cost": "b"})
    assert [message.partition(":")[0] for _, message in said] == [
        "The option cloudFiles.resourceTag has no effect here"
    ]


def test_hints_beside_a_schema_are_said_to_have_no_effect():
    """As on the platform, where they are used only without one."""
    options, said = read({"cloudFiles.schemaHints": "a INT"}, has_schema=True)
    assert options.hints is None
    assert said == [("OPTION_WITHOUT_EFFECT", "The option cloudFiles.schemaHints has no effect beside a schema.")]


@pytest.mark.shows(
    "`schemaLocation`, `backfillInterval`, `useIncrementalListing`, `listOnStart`, `fetchParallelism`",
    effects=["no effect"],
)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cloudFiles.useNotifications", "false"),
        ("cloudFiles.schemaLocation", "/x"),
        ("cloudFiles.backfillInterval", "1 day"),
        ("cloudFiles.useIncrementalListing", "auto"),
        ("cloudFiles.fetchParallelism", "4"),
        ("cloudFiles.listOnStart", "true"),
        ("cloudFiles.validateOptions", "true"),
        ("cloudFiles.useStrictGlobber", "true"),
    ],
)
def test_what_nobody_misses_is_taken_in_silence(name, value):
    """They ask for what happens here anyway."""
    assert read({name: value}) == read()


@pytest.mark.shows("Unknown options are warned about, unless `validateOptions` is false")
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("cloudFiles.maxFilesPerTriger", " Did you mean cloudFiles.maxFilesPerTrigger?"),
        ("cloudFiles.pathGlobFilter", " Did you mean pathGlobFilter?"),
        ("maxFilesPerTrigger", " Did you mean cloudFiles.maxFilesPerTrigger?"),
        ("cloudFiles.qqq", ""),
    ],
)
def test_an_unknown_option_is_named_and_never_refused(name, asked):
    """Public pipelines use some; the warning shows the nearest known name."""
    assert read({name: "1"})[1] == [("UNKNOWN_OPTION", f"The option {name} is not known and has no effect.{asked}")]


@pytest.mark.shows("Unknown options are warned about, unless `validateOptions` is false", options=["validateOptions"])
def test_unknown_options_can_be_taken_in_silence():
    """That is what validateOptions is for."""
    assert read({"cloudFiles.inferSchema": "true", "cloudFiles.validateOptions": "false"})[1] == []
