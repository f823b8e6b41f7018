"""The options of a reader with `format("cloudFiles")`: the known ones, their effect here, and their parsed values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from livetables.autoloader import option_values as values
from livetables.errors import SettingsError, did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FORMATS = ("avro", "binaryFile", "csv", "json", "orc", "parquet", "text", "xml")
MODES = ("addNewColumns", "addNewColumnsWithTypeWidening", "rescue", "failOnNewColumns", "none")
RESCUED = "_rescued_data"
_DELETE_AFTER_MS = 7 * values.DAY_MS
_PREFIX = "cloudFiles."


class Option(NamedTuple):
    """An option: its description, whether it has the prefix `cloudFiles.`, and its effect here.

    `works`: it has its effect. `warned`: it has none, and the user could rely on it, so a warning names it. `ignored`:
    it has none, and needs none here.
    """

    about: str
    prefixed: bool = True
    effect: Literal["works", "warned", "ignored"] = "works"


def _cloud(about: str) -> Option:
    return Option(about, effect="warned")


def _plain(about: str) -> Option:
    return Option(about, prefixed=False)


#: All options of Auto Loader itself, without those of the formats. A name that ends in `.` is the prefix of others.
OPTIONS: dict[str, Option] = {
    "format": Option(f"the format of the files: {', '.join(FORMATS)}"),
    "schemaLocation": Option("schemas are kept in the pipeline's own storage", effect="ignored"),
    "inferColumnTypes": Option("infers types; otherwise json, csv and xml have strings only (default false)"),
    "schemaHints": Option("types of columns, over what was inferred: `a INT, b.c DATE, d.element.e STRING`"),
    "schemaEvolutionMode": Option(f"what happens at new columns: {', '.join(MODES)}"),
    "allowOverwrites": Option("a file that was modified is read again (default false)"),
    "includeExistingFiles": Option("reads the files that are there at the first start (default true)"),
    "maxFilesPerTrigger": Option("files of a micro-batch at most (default 1000)"),
    "maxBytesPerTrigger": Option("bytes of a micro-batch; one file may exceed it: `10g`"),
    "maxFileAge": Option("files that were modified longer ago are forgotten once read, and not taken: `90 days`"),
    "partitionColumns": Option("columns to take from `name=value` folders; an empty text takes none (default: all)"),
    "cleanSource": Option("what happens to files that were read: OFF, DELETE, MOVE"),
    "cleanSource.retentionDuration": Option("how long they stay before that (default 30 days)"),
    "cleanSource.moveDestination": Option("the folder that MOVE moves them to"),
    "useStrictGlobber": Option(
        "`*` in the path always stands for one name, as in Spark's own sources", effect="ignored"
    ),
    "validateOptions": Option("with false, unknown options are not warned about (default true)"),
    "backfillInterval": Option("every listing finds what an earlier one missed", effect="ignored"),
    "useIncrementalListing": Option("listing is incremental where the file system allows it", effect="ignored"),
    "listOnStart": Option("folders are always listed at the start", effect="ignored"),
    "fetchParallelism": Option("threads that fetch messages of a queue: there is none", effect="ignored"),
    "useNotifications": _cloud("new files are found by listing, without cloud notifications"),
    "useManagedFileEvents": _cloud("new files are found by listing, without file events"),
    "queueUrl": _cloud("a queue of cloud notifications"),
    "pathRewrites": _cloud("rewrites the paths that notifications name"),
    "resourceTag.": _cloud("tags of the notification services that would be created"),
    **dict.fromkeys(
        (
            "region",
            "resourceGroup",
            "subscriptionId",
            "tenantId",
            "clientId",
            "clientSecret",
            "connectionString",
            "queueName",
            "projectId",
            "subscription",
            "client",
            "clientEmail",
            "privateKey",
            "privateKeyId",
            "awsAccessKey",
            "awsSecretKey",
            "roleArn",
            "roleExternalId",
            "roleSessionName",
            "stsEndpoint",
        ),
        _cloud("a credential or a name of a cloud's notification services"),
    ),
    "rescuedDataColumn": _plain(f"the column of what does not fit the schema (default {RESCUED} when inferred)"),
    "pathGlobFilter": _plain("a pattern that the name of a file must match"),
    "fileNamePattern": _plain("another name of pathGlobFilter"),
    "recursiveFileLookup": _plain("reads folders below the path too (default true)"),
    "modifiedAfter": _plain("only files modified after this time: `2026-01-01T00:00:00`"),
    "modifiedBefore": _plain("only files modified before this time"),
    "ignoreCorruptFiles": _plain("reads damaged files as far as they can be read (default false)"),
    "ignoreMissingFiles": _plain("leaves out files that are gone before they are read (default false)"),
    "readerCaseSensitive": _plain("a name in another case is rescued, and with false the column (default true)"),
    "badRecordsPath": _plain("a folder for malformed records of csv, json and xml, and for the names of bad files"),
    "columnNameOfCorruptRecord": _plain("a column of the schema that gets malformed records as they are"),
    "singleVariantColumn": _plain("one column of this name holds each record as a VARIANT"),
}
_NAMES = {name.lower(): name for name in OPTIONS}
#: The options whose values are paths, in lower case.
PATHS = ("badrecordspath", "cloudfiles.cleansource.movedestination")


@dataclass(frozen=True)
class Options:
    """The parsed options of a reader. Ages are in milliseconds, times in milliseconds since 1970 (UTC)."""

    format: str
    infer_types: bool
    hints: str | None
    mode: str
    max_files: int
    max_bytes: int | None
    max_file_age_ms: int | None
    include_existing: bool
    allow_overwrites: bool
    #: None: all `name=value` folders.
    partition_columns: tuple[str, ...] | None
    clean_source: str
    retention_ms: int
    move_to: str | None
    #: None: the source has no such column.
    rescued_column: str | None
    #: False: the column of rescued data is always NULL.
    rescues: bool
    ignore_corrupt: bool
    ignore_missing: bool
    corrupt_column: str | None
    #: The folder for malformed records and the names of unreadable files; None: they are not collected.
    bad_records: str | None
    name_glob: str | None
    recursive: bool
    modified_after: int | None
    modified_before: int | None
    case_sensitive: bool
    variant_column: str | None
    #: The options of Spark's reader of the format, unchanged.
    generic: dict[str, str]


def options_of(given: Mapping[str, str], has_schema: bool, warn: Callable[[str, str], None]) -> Options:
    """Return the parsed options of a reader; `has_schema` when the user gave it a schema.

    Raises SettingsError for a wrong value. `warn` takes a code and a sentence.
    """
    found, generic, unknown = _split(given)
    if _flag(found, "validateOptions", default=True):
        _warn_of_unknown(unknown, generic, warn)
    _warn_of_no_effect(found, has_schema, warn)
    clean = _word(found, "cleanSource", ("OFF", "DELETE", "MOVE")) or "OFF"
    return Options(
        format=_format(found),
        infer_types=_flag(found, "inferColumnTypes", default=False),
        hints=None if has_schema else found.get("schemaHints"),
        mode=_mode(found, has_schema),
        max_files=_parsed(found, "maxFilesPerTrigger", values.positive_integer) or 1000,
        max_bytes=_parsed(found, "maxBytesPerTrigger", values.byte_size),
        max_file_age_ms=_parsed(found, "maxFileAge", values.interval_ms),
        include_existing=_flag(found, "includeExistingFiles", default=True),
        allow_overwrites=_flag(found, "allowOverwrites", default=False),
        partition_columns=_columns(found.get("partitionColumns")),
        clean_source=clean,
        retention_ms=_retention(found, clean),
        move_to=_move_to(found, clean),
        rescues="rescuedDataColumn" in found or _mode(found, has_schema) != "none",
        rescued_column=found.get("rescuedDataColumn", "" if has_schema else RESCUED) or None,
        ignore_corrupt=_flag(found, "ignoreCorruptFiles", default=False) or "badRecordsPath" in found,
        ignore_missing=_flag(found, "ignoreMissingFiles", default=False) or "badRecordsPath" in found,
        corrupt_column=found.get("columnNameOfCorruptRecord"),
        bad_records=found.get("badRecordsPath"),
        name_glob=found.get("pathGlobFilter", found.get("fileNamePattern")),
        recursive=_flag(found, "recursiveFileLookup", default=True),
        modified_after=_parsed(found, "modifiedAfter", values.moment_ms),
        modified_before=_parsed(found, "modifiedBefore", values.moment_ms),
        case_sensitive=_flag(found, "readerCaseSensitive", default=True),
        variant_column=found.get("singleVariantColumn"),
        generic=generic,
    )


def full_name(name: str) -> str:
    """Return the name of an option as a reader takes it: with its prefix, if it has one."""
    return f"{_PREFIX}{name}" if OPTIONS[name].prefixed else name


def full_name_of(key: str) -> str:
    """Return the name that a reader takes for an option that is written without prefix, in any case."""
    name = _NAMES.get(key.lower()) or _NAMES.get(key.lower().partition(".")[0] + ".")
    return key if name is None or not OPTIONS[name].prefixed else f"{_PREFIX}{name if not name.endswith('.') else key}"


def _split(given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Split options: known ones by their names in OPTIONS, those of the format, unknown names with the prefix."""
    found: dict[str, str] = {}
    generic: dict[str, str] = {}
    unknown = []
    for key, value in given.items():
        prefixed = key.lower().startswith(_PREFIX.lower())
        bare = key[len(_PREFIX) :] if prefixed else key
        name = _NAMES.get(bare.lower()) or _NAMES.get(bare.lower().partition(".")[0] + ".")
        if name and (OPTIONS[name].prefixed == prefixed or name == "rescuedDataColumn"):
            found[name] = value
        elif prefixed:
            unknown.append(key)
        elif key.lower() != "path":
            generic[key] = value
    return found, generic, unknown


def _warn_of_unknown(unknown: list[str], generic: Mapping[str, str], warn: Callable[[str, str], None]) -> None:
    for key in unknown:
        close = nearest(key[len(_PREFIX) :], OPTIONS)
        suggestion = f" Did you mean {full_name(close)}?" if close else ""
        warn("UNKNOWN_OPTION", f"The option {key} is not known and has no effect.{suggestion}")
    for key in generic:
        name = _NAMES.get(key.lower())
        if name and OPTIONS[name].effect == "works":
            warn("UNKNOWN_OPTION", f"The option {key} is not known and has no effect. Did you mean {full_name(name)}?")


def _warn_of_no_effect(found: Mapping[str, str], has_schema: bool, warn: Callable[[str, str], None]) -> None:
    for name, value in found.items():
        option, shown = OPTIONS[name], full_name(name).rstrip(".")
        if option.effect == "warned" and value.lower() != "false":
            warn("OPTION_WITHOUT_EFFECT", f"The option {shown} has no effect here: {option.about}.")
    if has_schema and "schemaHints" in found:
        warn("OPTION_WITHOUT_EFFECT", "The option cloudFiles.schemaHints has no effect beside a schema.")


def _flag(found: Mapping[str, str], name: str, *, default: bool) -> bool:
    return values.boolean(full_name(name), found[name]) if name in found else default


def _parsed(found: Mapping[str, str], name: str, parse: Callable[[str, str], int]) -> int | None:
    return parse(full_name(name), found[name]) if name in found else None


def _word(found: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str | None:
    return values.one_of(full_name(name), found[name], allowed) if name in found else None


def _format(found: Mapping[str, str]) -> str:
    given = found.get("format")
    by_lower = {name.lower(): name for name in FORMATS}
    if given is None or given.lower() not in by_lower:
        problem = "is missing" if given is None else f"is '{given}', which Auto Loader does not read"
        hint = did_you_mean(given or "", FORMATS, f"Use one of {', '.join(FORMATS)}.")
        raise SettingsError("WRONG_VALUE", f"The option cloudFiles.format {problem}.", hint=hint)
    return by_lower[given.lower()]


def _mode(found: Mapping[str, str], has_schema: bool) -> str:
    mode = _word(found, "schemaEvolutionMode", MODES)
    if has_schema and mode in MODES[:2]:
        message = f"The option cloudFiles.schemaEvolutionMode is '{mode}', which excludes a schema of your own."
        raise SettingsError("WRONG_OPTION", message, hint="Give the schema as cloudFiles.schemaHints.")
    return mode or ("none" if has_schema else "addNewColumns")


def _columns(given: str | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(name.strip() for name in given.split(",") if name.strip())


def _retention(found: Mapping[str, str], clean: str) -> int:
    name = "cleanSource.retentionDuration"
    retention = _parsed(found, name, values.interval_ms)
    if retention is None:
        return 30 * values.DAY_MS
    if clean == "DELETE" and retention <= _DELETE_AFTER_MS:
        problem = "which is too short for cleanSource DELETE"
        raise values.wrong_value(full_name(name), found[name], problem, "Use more than 7 days.")
    return retention


def _move_to(found: Mapping[str, str], clean: str) -> str | None:
    if clean != "MOVE":
        return None
    if not found.get("cleanSource.moveDestination"):
        message = "The option cloudFiles.cleanSource.moveDestination is missing, and cloudFiles.cleanSource is MOVE."
        raise SettingsError("WRONG_VALUE", message, hint="Name the folder that files are moved to.")
    return found["cleanSource.moveDestination"]
