"""Opens what is outside the pipeline: external tables, mapped paths, Auto Loader, servers that must answer."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.autoloader.loader import StreamStorage, open_stream, read_files
from livetables.autoloader.options import PATHS
from livetables.errors import SettingsError, UnreachableError
from livetables.events.log import SCHEMA, has_events
from livetables.queries.reads import TableFrame
from livetables.settings import map_path
from livetables.spark.object_stores import ObjectStores
from livetables.spark.servers import PROBE_SECONDS, refusal
from livetables.storage import delta
from livetables.storage.layout import Storage, SystemFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyspark.sql import DataFrame, SparkSession

    from livetables.autoloader.stream import FileSource
    from livetables.settings import Settings

_BROKER_KEYS = ("bootstrap_servers", "bootstrap.servers")


class Sources:
    """Opens names, paths and servers that are not datasets of the pipeline (`queries.reads.OutsideSources`)."""

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        system: Path,
        warn: Callable[[str, str], None],
        *,
        dry: bool = False,
        probes: dict[str, Future[UnreachableError | None]] | None = None,
    ) -> None:
        """Open what `settings` names; `dry` only asks what a source looks like, not whether it is there."""
        self._spark = spark
        self._settings = settings
        self._system = SystemFolder(system)
        self.warn = warn
        self._dry = dry
        self._tables = {name.lower(): path for name, path in settings.tables.items()}
        event_log = settings.document.get("event_log") or {}
        parts = [str(event_log[part]).lower() for part in ("catalog", "schema", "name") if event_log.get(part)]
        #: The names of the event log: the function's, and that of the table which the settings make of it.
        self._event_logs = {"event_log", *(".".join(parts[first:]) for first in range(len(parts)))}
        self._probes = probes or {}
        self._answering: set[str] = set()
        self._stores = ObjectStores(spark)

    def read(self, name: str, *, streaming: bool, options: Mapping[str, str]) -> TableFrame | None:
        """Return a table that was registered with `--table`, or None to let the session look the name up."""
        key = name.replace("`", "").lower()
        path = self._tables.get(key)
        if path is None and key in self._event_logs:
            folder = Storage(self._settings.storage).events
            if not (streaming or has_events(folder)):  # a first update: nothing has happened yet
                from pyspark.sql.pandas.types import from_arrow_schema

                return TableFrame(self._spark.createDataFrame([], from_arrow_schema(SCHEMA)).alias("event_log"))
            path = str(folder)
        if path is None:
            return None
        frame = self._open(self.map_path(path), streaming=streaming, options=options)
        return TableFrame(frame.alias(name.rsplit(".", maxsplit=1)[-1]))

    def read_files(self, options: Mapping[str, str], schema: Any, path: str) -> DataFrame:
        """Return all files below a path as a batch, with Auto Loader's options."""
        return read_files(self._spark, options, schema, self.map_path(path), self.warn)

    def stream_files(
        self, options: Mapping[str, str], schema: Any, path: str, ledger: Path | None = None
    ) -> tuple[DataFrame, FileSource]:
        """Return an Auto Loader stream and its source; without the file of its ledger it can only be analysed."""
        options = {key: self.map_path(value) if key.lower() in PATHS else value for key, value in options.items()}
        target = self.map_path(path)
        folder = Path(target.removeprefix("file:"))
        if self._dry and not folder.exists() and "://" not in target:
            # The graph can be checked where the files are not; running it needs them.
            self.warn("LANDING_FOLDER_NOT_FOUND", f"{folder} does not exist; `run` will need it.")
            folder = self._system.empty
            folder.mkdir(exist_ok=True)
        target = target if "://" in target else str(folder)
        storage = StreamStorage(self._system.schemas, ledger)
        return open_stream(self._spark, options, schema, target, storage, self.warn)

    def prepare(self, source: str, options: Mapping[str, str]) -> None:
        """Ask a Kafka broker for its topics first: Spark alone would hang for minutes on one that is down."""
        servers = options.get("kafka.bootstrap.servers")
        if not self._dry and source.lower() == "kafka" and servers and servers not in self._answering:
            probe = self._probes.pop(servers, None)
            error = probe.result() if probe else probe_kafka(servers)
            if error is not None:
                raise error
            self._answering.add(servers)

    def map_path(self, path: str) -> str:
        """Return where a path of the platform lies here. Raises LivetablesError when that is a store without access."""
        mapped = map_path(path, self._settings.path_map, self._settings.root)
        self._stores.check(mapped)
        return mapped

    def _open(self, path: str, *, streaming: bool, options: Mapping[str, str]) -> DataFrame:
        format_ = table_format(path)
        if format_ is None:
            msg = f"The table at '{path}' does not exist."
            raise SettingsError(
                "TABLE_NOT_FOUND", msg, hint="Correct the path after --table NAME= or in livetables.yml."
            )
        if format_ == "csv":
            options = {"header": "true", "inferSchema": "true", **options}
        if not streaming:
            return self._spark.read.format(format_).options(**options).load(path)
        reader = self._spark.readStream.format(format_).options(**options)
        if format_ != "delta":
            reader = reader.schema(self._open(path, streaming=False, options={}).schema)
        return reader.load(path)


def table_format(path: str) -> str | None:
    """Tell the format of a table by what lies at its path; None when nothing does."""
    if "://" in path and not path.startswith("file:"):
        return "delta"
    local = Path(path.removeprefix("file:"))
    if delta.is_table(local):
        return "delta"
    files = [local] if local.is_file() else sorted(local.rglob("*")) if local.is_dir() else []
    names = {".json": "json", ".jsonl": "json", ".csv": "csv", ".parquet": "parquet", ".orc": "orc"}
    suffixes = (suffix for file in files for suffix in file.suffixes)  # also of events.json.gz
    return next((names[suffix] for suffix in suffixes if suffix in names), None)


def start_probes(configuration: Mapping[str, str]) -> dict[str, Future[UnreachableError | None]]:
    """Ask the brokers that a configuration names, while Spark starts: the answer is there when it is needed."""
    named = {value for key, value in configuration.items() if key.lower().endswith(_BROKER_KEYS) and value}
    if not named:
        return {}
    threads = ThreadPoolExecutor(max_workers=len(named), thread_name_prefix="livetables-probe")
    probes = {servers: threads.submit(probe_kafka, servers) for servers in named}
    threads.shutdown(wait=False)
    return probes


def probe_kafka(servers: str) -> UnreachableError | None:
    """Return an error that names host, port and cause when no broker of `servers` answers in time, else None."""
    refused = [refusal(server.strip()) for server in servers.split(",")]
    cause = refused[0] if all(refused) else _list_topics(servers)
    if cause is None:
        return None
    return UnreachableError(
        "BROKER_UNREACHABLE",
        f"No Kafka broker answers at {servers}: {cause}.",
        hint="Start it (make kafka-up), or correct the bootstrap servers in the configuration.",
    )


def _list_topics(servers: str) -> str | None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    settings: dict[str, Any] = {
        "bootstrap.servers": servers,
        "socket.timeout.ms": int(PROBE_SECONDS * 1000),
        "log_level": 0,
    }
    try:
        AdminClient(settings).list_topics(timeout=PROBE_SECONDS)
    except KafkaException as error:
        return str(error.args[0].str())
    return None
