"""Auto Loader (`format("cloudFiles")`) on Spark's own file stream: the same options, each file exactly once.

What is here: text, json, csv, parquet, orc, avro, xml and binaryFile with a schema of the user's, and json, csv
and xml inferred as strings once, from the files that are there at the first start (the schema is then kept).
Schema evolution and `_rescued_data` are not here yet: `NOT_HERE` says so by name.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql.types import StructType

from livetables.errors import LivetablesError, SettingsError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyspark.sql import DataFrame, SparkSession

FORMATS = ("avro", "binaryFile", "csv", "json", "orc", "parquet", "text", "xml")
_FIXED = {"text": "value STRING"}
_LIMITS = ("maxfilespertrigger", "maxbytespertrigger")
#: Options about cloud notifications and listing: there is nothing to do on a file system.
_NO_EFFECT = frozenset({
    "usenotifications", "usemanagedfileevents", "useincrementallisting", "backfillinterval", "fetchparallelism",
    "listonstart", "validateoptions", "queueurl", "region", "resourcegroup", "subscriptionid", "schemalocation",
    "inferschema", "usestrictglobber",
})  # fmt: skip
#: Options that would change the rows, and do not work here yet.
NOT_HERE = frozenset({
    "schemahints", "allowoverwrites", "cleansource", "maxfileage", "partitioncolumns", "rescueddatacolumn",
    "schemaevolutionmode", "includeexistingfiles",
})  # fmt: skip
_HARMLESS_VALUES = {
    "allowoverwrites": "false", "cleansource": "off", "schemaevolutionmode": "none", "includeexistingfiles": "true",
}  # fmt: skip
_PREFIX = "cloudfiles."


def open_stream(
    spark: SparkSession,
    options: Mapping[str, str],
    schema: StructType | str | None,
    path: str,
    schemas: Path,
    warn: Callable[[str, str], None],
) -> DataFrame:
    """Return the stream of the files below `path`; `schemas` is the folder that keeps inferred schemas.

    Raises LivetablesError when the folder is missing, SettingsError when the format is.
    """
    own, generic = _split(options)
    format_ = _format(own)
    _say_options(own, warn)
    _must_exist(path)
    native = _batch_size(spark, own, warn)
    if format_ == "csv" and schema is None:
        generic.setdefault("header", "true")  # inference takes the names from there
    reader = spark.readStream.format(format_).options(**native, **generic)
    reader = reader.option("recursiveFileLookup", generic.get("recursiveFileLookup", "true"))
    known = schema or _FIXED.get(format_) or _inferred(spark, format_, own, generic, path, schemas)
    if isinstance(known, StructType | str):
        reader = reader.schema(known)
    return reader.load(path)


def _split(options: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    own = {key.lower().removeprefix(_PREFIX): v for key, v in options.items() if key.lower().startswith(_PREFIX)}
    generic = {key: v for key, v in options.items() if not key.lower().startswith(_PREFIX) and key != "path"}
    return own, generic


def _format(own: Mapping[str, str]) -> str:
    given = own.get("format")
    by_lower = {name.lower(): name for name in FORMATS}
    if given is None or given.lower() not in by_lower:
        said = "is missing" if given is None else f"is '{given}', which Auto Loader does not read"
        hint = did_you_mean(given or "", FORMATS, f"Use one of {', '.join(FORMATS)}.")
        raise SettingsError("WRONG_VALUE", f"The option cloudFiles.format {said}.", hint=hint)
    return by_lower[given.lower()]


def _batch_size(spark: SparkSession, own: Mapping[str, str], warn: Callable[[str, str], None]) -> dict[str, str]:
    """Return the limit of a batch: Spark's file stream takes files or bytes, not both."""
    if "maxbytespertrigger" not in own:
        return {"maxFilesPerTrigger": own.get("maxfilespertrigger", "1000")}
    if "maxfilespertrigger" in own:
        warn("OPTION_WITHOUT_EFFECT", "cloudFiles.maxFilesPerTrigger has no effect beside maxBytesPerTrigger.")
    utils = spark._jvm.org.apache.spark.network.util.JavaUtils  # type: ignore[union-attr] # noqa: SLF001
    try:
        size = utils.byteStringAsBytes(own["maxbytespertrigger"])
    except Exception as error:
        said = f"The option cloudFiles.maxBytesPerTrigger is '{own['maxbytespertrigger']}', which is not a size."
        raise SettingsError("WRONG_VALUE", said, hint="Write it as 10g, 500m or a number of bytes.") from error
    return {"maxBytesPerTrigger": str(size)}


def _say_options(own: Mapping[str, str], warn: Callable[[str, str], None]) -> None:
    known = {"format", "infercolumntypes", *_LIMITS}
    for key, value in own.items():
        if key in known or _HARMLESS_VALUES.get(key) == value.lower():
            continue
        if key in NOT_HERE:
            raise LivetablesError("NOT_SUPPORTED", f"The option cloudFiles.{key}={value} does not work here yet.")
        if key not in _NO_EFFECT:
            warn("UNKNOWN_OPTION", f"The option cloudFiles.{key} is not known and has no effect.")


def _must_exist(path: str) -> None:
    if "://" in path and not path.startswith("file:"):
        return
    local = Path(path.removeprefix("file:"))
    if not local.exists() and not any(mark in path for mark in "*?[{"):
        raise LivetablesError(
            "LANDING_FOLDER_NOT_FOUND",
            f"The folder that Auto Loader should read, {local}, does not exist.",
            hint=f"Create it (mkdir -p {local}), or correct the path in the configuration or its path map.",
        )


def _inferred(
    spark: SparkSession, format_: str, own: Mapping[str, str], generic: Mapping[str, str], path: str, schemas: Path,
) -> StructType:  # fmt: skip
    # A stream must keep its schema over restarts, so the first inference is kept.
    kept = schemas / f"{hashlib.sha256(f'{format_}:{path}'.encode()).hexdigest()[:16]}.json"
    if kept.is_file():
        return StructType.fromJson(json.loads(kept.read_text(encoding="utf-8")))
    reader = spark.read.format(format_).options(**generic).option("recursiveFileLookup", "true")
    if own.get("infercolumntypes", "false").lower() == "true":
        reader = reader.option("inferSchema", "true")
    else:
        reader = reader.option("primitivesAsString", "true").option("inferSchema", "false")
    try:
        schema = reader.load(path).schema
    except Exception as error:
        if "UNABLE_TO_INFER_SCHEMA" not in str(error):
            raise
        schema = StructType()
    if not schema.fields:
        raise LivetablesError(
            "SCHEMA_INFERENCE_FAILED",
            f"No file in {path} shows a schema yet.",
            hint="Give the reader .schema(...), or put a first file there.",
        )
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(schema.json(), encoding="utf-8")
    return schema
