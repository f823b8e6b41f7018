"""Looks whether the object store of a path can be used: s3a alone tries for minutes before it says that it can't."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from py4j.protocol import Py4JJavaError

from livetables.errors import LivetablesError, UnreachableError
from livetables.spark.jvm import classes, hadoop_conf
from livetables.spark.servers import refusal

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_S3 = ("s3", "s3a")
_OTHERS = ("abfs", "abfss", "gs", "wasb", "wasbs")
#: One try, and no wait longer than s3a allows to set.
_ONCE = {"attempts.maximum": "0", "retry.limit": "0", "connection.timeout": "15s"}
_GLOB = re.compile(r"[*?\[{]")
#: What the SDK appends to the words of a store.
_APPENDIX = re.compile(r" \((?:Service: |SDK Attempt Count: ).*", re.DOTALL)


class ObjectStores:
    """The object stores that paths of a pipeline name; each bucket is looked at once."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._usable: set[tuple[str, str]] = set()

    def check(self, path: str) -> None:
        """Raise an error that names the store and what is wrong with it, unless `path` can be read.

        Raises UnreachableError when nothing answers, LivetablesError when jars, bucket or rights are missing.
        """
        scheme, _, rest = path.partition("://")
        bucket = rest.split("/", 1)[0]
        if scheme not in (*_S3, *_OTHERS) or (scheme, bucket) in self._usable:
            return
        jvm: Any = classes(self._spark)
        conf = hadoop_conf(self._spark)
        try:
            jvm.org.apache.hadoop.fs.FileSystem.getFileSystemClass(scheme, conf)
        except Py4JJavaError as error:
            raise _not_set_up(scheme) from error
        if scheme in _S3:
            _look(jvm, conf, path, bucket)
        self._usable.add((scheme, bucket))


def _not_set_up(scheme: str) -> LivetablesError:
    if scheme in _S3:
        message = f"{scheme}:// paths need jars that are not there yet."
        hint = "Download them once (13 MB): make jars-s3, or python -m livetables.jars s3."
    else:
        message = f"{scheme}:// paths can't be read here: of the object stores, only S3 is set up."
        hint = "Copy some files to this machine, and name their folder in path_map."
    return LivetablesError("FILE_SYSTEM_NOT_SET_UP", message, hint=hint)


def _look(jvm: Any, conf: Any, path: str, bucket: str) -> None:
    """Ask for `path` once; that it does not exist is no error here."""

    def option(key: str) -> str:
        return str(conf.get(f"fs.s3a.bucket.{bucket}.{key}") or conf.get(f"fs.s3a.{key}") or "")

    endpoint = option("endpoint")
    where = endpoint or "S3"
    refused = _refused(endpoint) if endpoint and not option("proxy.host") else None
    if refused:
        raise _unreachable(where, refused)
    once = jvm.org.apache.hadoop.conf.Configuration(conf)
    for key, value in _ONCE.items():
        once.set(f"fs.s3a.bucket.{bucket}.{key}", value)
    folder = path if not _GLOB.search(path) else _GLOB.split(path)[0].rpartition("/")[0]
    asked = jvm.org.apache.hadoop.fs.Path(f"{folder}/")
    try:
        system = jvm.org.apache.hadoop.fs.FileSystem.newInstance(asked.toUri(), once)
        try:
            system.exists(asked)
        finally:
            system.close()
    except Py4JJavaError as error:
        raise _named(error.java_exception, where, path, bucket) from error


def _refused(endpoint: str) -> str | None:
    url = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    try:
        port = url.port or (80 if url.scheme == "http" else 443)
    except ValueError:
        return "its port is no number"
    return refusal(f"{url.hostname}:{port}") if url.hostname else "it names no host"


def _named(exception: Any, where: str, path: str, bucket: str) -> LivetablesError:
    """Return the error for what s3a raised."""
    kinds, words = set(), ""
    while exception is not None:
        kinds.add(exception.getClass().getSimpleName())
        words = _APPENDIX.sub("", exception.getMessage() or "").strip() or words
        exception = exception.getCause()
    if "UnknownStoreException" in kinds:
        hint = "Correct the path, or create the bucket."
        return LivetablesError("BUCKET_NOT_FOUND", f"There is no bucket '{bucket}' at {where}.", hint=hint)
    if kinds & {"AccessDeniedException", "NoAuthWithAWSException"}:
        why = "" if words in {"", "null"} else f": {words.rstrip('.')}"
        hint = (
            "Correct spark.hadoop.fs.s3a.access.key and spark.hadoop.fs.s3a.secret.key in the configuration "
            "({{secrets/SCOPE/KEY}} keeps them out of it), or the rights of that key."
        )
        return LivetablesError("STORE_ACCESS_DENIED", f"{where} refuses access to {path}{why}.", hint=hint)
    return _unreachable(where, words.rstrip(".") or "it gives no reason")


def _unreachable(where: str, cause: str) -> UnreachableError:
    hint = "Start it (make s3-up runs one here), or correct spark.hadoop.fs.s3a.endpoint in the configuration."
    return UnreachableError("STORE_UNREACHABLE", f"No object store answers at {where}: {cause}.", hint=hint)
