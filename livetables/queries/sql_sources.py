"""The sources that only the platform's SQL has: functions such as `read_files`, and paths with options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livetables.errors import did_you_mean
from livetables.queries import reads
from livetables.sql.cursor import SqlError, options_at
from livetables.sql.lexer import END, NAME, NUMBER, STRING, SYMBOL, WORD, Token, name_value, string_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyspark.sql import DataFrame, SparkSession

#: Formats whose tables can be named by their path: json.`/p`.
_FORMATS = {name.lower(): name for name in ("delta", "json", "parquet", "csv", "text", "orc", "avro", "kafka")}
_RELATION_BEFORE = ("FROM", "JOIN", "STREAM", ",", "(")


@dataclass(frozen=True)
class Source:
    """A source in a query: its characters [start, stop), what it is called there, how it is opened."""

    start: int
    stop: int
    name: str
    streaming: bool
    open: Callable[[bool], DataFrame]


@dataclass(frozen=True)
class Arguments:
    """Arguments of a function: those by position, those by name (in lower case); texts, or dicts of texts."""

    positional: tuple[Any, ...]
    named: dict[str, tuple[str, Any]]


def sources(session: SparkSession, text: str, tokens: Sequence[Token], value: Callable[[str], Any]) -> list[Source]:
    """Return the sources in a query; `value` evaluates an expression that is no literal. Raises SqlError."""
    found: list[Source] = []
    for index, token in enumerate(tokens):
        if found and token.start < found[-1].stop:
            continue
        before = tokens[index - 1] if index else Token(END, "", 0)
        after = tokens[index + 1] if index + 1 < len(tokens) else token
        if token.kind == WORD and after.text == "(" and before.text != "." and token.text.lower() in _FUNCTIONS:
            found.append(_function(session, text, tokens, index, value))
        elif token.text.lower() in _FORMATS and after.text == "." and before.upper in _RELATION_BEFORE:
            source = _path(session, text, tokens, index)
            if source is not None:
                found.append(source)
    return found


def _function(
    session: SparkSession, text: str, tokens: Sequence[Token], index: int, value: Callable[[str], Any]
) -> Source:
    name = tokens[index].text.lower()
    arguments, last = _arguments(text, tokens, index + 1, value)
    first, last, streaming = _in_stream(tokens, index, last)
    opens = _FUNCTIONS[name]
    at = tokens[index].start
    return Source(
        tokens[first].start,
        tokens[last].stop,
        name,
        streaming or name == "cloud_files",
        lambda streams: opens(session, arguments, streams, at),
    )


def _in_stream(tokens: Sequence[Token], first: int, last: int) -> tuple[int, int, bool]:
    """Return the first and the last token of a relation with the STREAM around it, and whether there is one."""
    before = tokens[first - 1].upper if first else ""
    if before == "STREAM":
        return first - 1, last, True
    brackets = before == "(" and first > 1 and tokens[first - 2].upper == "STREAM" and tokens[last + 1].text == ")"
    return (first - 2, last + 1, True) if brackets else (first, last, False)


def _path(session: SparkSession, text: str, tokens: Sequence[Token], index: int) -> Source | None:
    """Return the source that ``format.`path` `` is, with its options; None for another dotted name."""
    location = tokens[index + 2]
    source_format = _FORMATS[tokens[index].text.lower()]
    first, last, streaming = _in_stream(tokens, index, index + 2)
    options: dict[str, str] = {}
    following = tokens[last + 1] if last + 1 < len(tokens) else tokens[-1]
    given = following.upper in ("OPTIONS", "WITH") and tokens[last + 2].text == "("
    if location.kind != NAME or not (given or any(mark in location.text for mark in "/:")):
        return None
    if given:
        options, last = options_at(text, tokens, last + 2)
    path = name_value(location)

    def opened(streams: bool) -> DataFrame:
        reader: Any = (session.readStream if streams else session.read).format(source_format).options(**options)
        if streams and source_format not in ("delta", "kafka", "text"):  # a stream of files infers no schema
            reader = reader.schema(opened(False).schema)
        frame: DataFrame = reader.load() if source_format == "kafka" else reader.load(path)
        return frame

    return Source(tokens[first].start, tokens[last].stop, source_format, streaming, opened)


def _arguments(text: str, tokens: Sequence[Token], index: int, value: Callable[[str], Any]) -> tuple[Arguments, int]:
    """Return the arguments in the brackets that tokens[index] opens, and the index of the closing one."""
    positional: list[Any] = []
    named: dict[str, tuple[str, Any]] = {}
    start, depth = index + 1, 0
    for at in range(index, len(tokens)):
        token = tokens[at]
        said = token.text if token.kind == SYMBOL else ""
        depth += (said in ("(", "[")) - (said in (")", "]"))
        if (said == "," and depth == 1) or depth == 0:
            if at > start:
                _argument(text, tokens[start:at], value, positional, named)
            start = at + 1
        if depth == 0:
            return Arguments(tuple(positional), named), at
    raise SqlError(tokens[index].start, "This bracket is not closed.", "Add ')'.")


def _argument(
    text: str,
    tokens: Sequence[Token],
    value: Callable[[str], Any],
    positional: list[Any],
    named: dict[str, tuple[str, Any]],
) -> None:
    dotted = next((at for at, token in enumerate(tokens) if token.text == "=>"), None)
    if dotted is None:
        positional.append(_value(text, tokens, value))
        return
    name = ".".join(name_value(token) for token in tokens[:dotted] if token.text != ".")
    if name.lower() in named:
        raise SqlError(tokens[0].start, f"The option '{name}' is given twice.", "Leave one out.")
    if dotted + 1 == len(tokens):
        raise SqlError(tokens[dotted].start, f"The option '{name}' has no value.", f"Write {name} => value.")
    named[name.lower()] = (name, _value(text, tokens[dotted + 1 :], value))


def _value(text: str, tokens: Sequence[Token], value: Callable[[str], Any]) -> Any:
    if tokens[0].upper == "TABLE" and len(tokens) > 1:  # TABLE(name), which the event log is asked for
        return text[tokens[0].start : tokens[-1].stop]
    if len(tokens) == 1 and tokens[0].kind == STRING:
        return string_value(tokens[0])
    if len(tokens) == 1 and (tokens[0].kind == NUMBER or tokens[0].upper in ("TRUE", "FALSE")):
        return tokens[0].text.lower()
    found = value(text[tokens[0].start : tokens[-1].stop])
    if isinstance(found, bool):
        return str(found).lower()
    return found if isinstance(found, dict) or found is None else str(found)


#: Names of read_kafka that Spark calls otherwise.
_KAFKA = {"bootstrapservers": "kafka.bootstrap.servers", "subscribepattern": "subscribePattern"}


def _read_files(session: SparkSession, given: Arguments, streams: bool, at: int) -> DataFrame:
    del session  # the reader has its own
    path = _first(given, "path", "read_files", "'/Volumes/main/in', format => 'json'", at)
    options = {name: str(value) for key, (name, value) in given.named.items() if key not in ("path", "schema")}
    if "format" not in given.named:
        options["format"] = _format_of(path)
    reader = reads.current.get()
    if reader is None:
        raise SqlError(at, "read_files is read by a pipeline, and none is active.", "Call it in a query function.")
    source = "STREAM read_files" if streams else "read_files"
    return reader.load(source, options, given.named.get("schema", ("", None))[1], path)


def _format_of(path: str) -> str:
    """Return the format that the end of a file's name tells; a folder without one holds Parquet files."""
    suffix = path.rsplit("/", 1)[-1].rpartition(".")[2].lower()
    return _FORMATS.get(suffix, {"txt": "text"}.get(suffix, "parquet"))


def _cloud_files(session: SparkSession, given: Arguments, streams: bool, at: int) -> DataFrame:
    del streams  # it always does
    example = "'/Volumes/main/in', 'json', map('cloudFiles.inferColumnTypes', 'true')"
    path = _first(given, "path", "cloud_files", example, at)
    options = given.positional[2] if len(given.positional) > 2 else {}  # noqa: PLR2004 (path, format, options)
    if len(given.positional) < 2 or not isinstance(options, dict):  # noqa: PLR2004
        raise SqlError(at, "cloud_files takes a path, a format, and a map of options.", f"cloud_files({example})")
    options = {str(key): str(value) for key, value in options.items()}
    schema = options.pop("schema", None)
    reader: Any = session.readStream.format("cloudFiles").option("cloudFiles.format", given.positional[1])
    reader = reader.options(**options)
    if schema is not None:
        reader = reader.schema(schema)
    frame: DataFrame = reader.load(path)
    return frame


def _read_kafka(session: SparkSession, given: Arguments, streams: bool, at: int) -> DataFrame:
    options = {_KAFKA.get(key, name): str(value) for key, (name, value) in given.named.items()}
    if given.positional or "kafka.bootstrap.servers" not in options:
        raise SqlError(
            at,
            "read_kafka needs bootstrapServers, and takes its options by name.",
            "read_kafka(bootstrapServers => 'localhost:9092', subscribe => 'topic')",
        )
    reader: Any = (session.readStream if streams else session.read).format("kafka")
    frame: DataFrame = reader.options(**options).load()
    return frame


def _read_stream(session: SparkSession, given: Arguments, streams: bool, at: int) -> DataFrame:
    del streams  # it always does
    name = _first(given, "table", "read_stream", "'orders', skipChangeCommits => true", at)
    options = {key: str(value) for name_, (key, value) in given.named.items() if name_ != "table"}
    frame: DataFrame = session.readStream.options(**options).table(name)
    return frame


def _table_changes(session: SparkSession, given: Arguments, streams: bool, at: int) -> DataFrame:
    name = _first(given, "table", "table_changes", "'orders', 1", at)
    bounds = dict(zip(("starting", "ending"), given.positional[1:], strict=False))
    options = {
        f"{bound}{'Version' if str(value).isdigit() else 'Timestamp'}": str(value) for bound, value in bounds.items()
    }
    reader: Any = session.readStream if streams else session.read
    frame: DataFrame = reader.options(readChangeFeed="true", **options).table(name)
    return frame


def _event_log(session: SparkSession, given: Arguments, streams: bool, at: int) -> DataFrame:
    del given, at  # of all pipelines and tables that it may name, only this pipeline is here
    reader: Any = session.readStream if streams else session.read
    frame: DataFrame = reader.table("event_log")
    return frame


def _first(given: Arguments, name: str, function: str, example: str, at: int) -> str:
    value = given.positional[0] if given.positional else given.named.get(name, ("", None))[1]
    if not isinstance(value, str):
        raise SqlError(at, f"{function} needs a {name}.", f"{function}({example})")
    return value


def _out_of_reach(name: str) -> Callable[..., DataFrame]:
    def refused(session: SparkSession, given: Arguments, streams: bool, at: int) -> DataFrame:
        del session, given, streams
        hint = did_you_mean(name, ("read_kafka", "read_files"), "Read it through Kafka, or from files.")
        raise SqlError(at, f"{name} reads a service of the cloud, which does not work here.", hint)

    return refused


_FUNCTIONS: dict[str, Callable[..., DataFrame]] = {
    "read_files": _read_files,
    "cloud_files": _cloud_files,
    "read_kafka": _read_kafka,
    "read_stream": _read_stream,
    "table_changes": _table_changes,
    "event_log": _event_log,
    **{name: _out_of_reach(name) for name in ("read_pubsub", "read_kinesis", "read_pulsar", "read_statestore")},
}
