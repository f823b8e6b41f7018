"""Sources that only the platform's SQL has: functions such as `read_files`, and paths with options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livetables.autoloader.loader import in_sql
from livetables.errors import did_you_mean
from livetables.queries import reads
from livetables.sql.cursor import SqlError, options_at
from livetables.sql.lexer import END, NAME, NUMBER, STRING, SYMBOL, WORD, Token, name_value, string_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyspark.sql import DataFrame, SparkSession

#: Formats whose tables are named by a path: json.`/p`.
_FORMATS = {name.lower(): name for name in ("delta", "json", "parquet", "csv", "text", "orc", "avro", "kafka")}
_RELATION_BEFORE = ("FROM", "JOIN", "STREAM", ",", "(")


@dataclass(frozen=True)
class SqlSource:
    """A source in a query: its range [start, stop), its name there, and `open(streaming)`, which reads it."""

    start: int
    stop: int
    name: str
    streaming: bool
    open: Callable[[bool], DataFrame]


@dataclass(frozen=True)
class FunctionArguments:
    """Arguments of a table function: texts, or dicts of texts.

    `positional` are in order. `named` are by name in lower case; each has its name as written, and its value.
    """

    positional: tuple[Any, ...]
    named: dict[str, tuple[str, Any]]

    def value(self, name: str) -> Any:
        """Return the value of a named argument; None when it is missing."""
        return self.named.get(name, ("", None))[1]


def sources(session: SparkSession, text: str, tokens: Sequence[Token], value: Callable[[str], Any]) -> list[SqlSource]:
    """Return the sources in a query, in order; `value` evaluates arguments that are no literals. Raises SqlError."""
    result: list[SqlSource] = []
    for index, token in enumerate(tokens):
        if result and token.start < result[-1].stop:  # an argument of that source
            continue
        before = tokens[index - 1] if index else Token(END, "", 0)
        after = tokens[index + 1] if index + 1 < len(tokens) else token
        if token.kind == WORD and after.text == "(" and before.text != "." and token.text.lower() in _FUNCTIONS:
            result.append(_function(session, text, tokens, index, value))
        elif token.text.lower() in _FORMATS and after.text == "." and before.upper in _RELATION_BEFORE:
            source = _path(session, text, tokens, index)
            if source is not None:
                result.append(source)
    return result


def _function(
    session: SparkSession, text: str, tokens: Sequence[Token], index: int, value: Callable[[str], Any]
) -> SqlSource:
    name = tokens[index].text.lower()
    arguments, last = _arguments(text, tokens, index + 1, value)
    first, last, streaming = _in_stream(tokens, index, last)
    opens = _FUNCTIONS[name]
    at = tokens[index].start
    return SqlSource(
        tokens[first].start,
        tokens[last].stop,
        name,
        streaming or name == "cloud_files",
        lambda streaming: opens(session, arguments, streaming, at),
    )


def _in_stream(tokens: Sequence[Token], first: int, last: int) -> tuple[int, int, bool]:
    """Return the first and the last token of a relation, with STREAM around it, and whether there is a STREAM."""
    before = tokens[first - 1].upper if first else ""
    if before == "STREAM":
        return first - 1, last, True
    brackets = before == "(" and first > 1 and tokens[first - 2].upper == "STREAM" and tokens[last + 1].text == ")"
    return (first - 2, last + 1, True) if brackets else (first, last, False)


def _path(session: SparkSession, text: str, tokens: Sequence[Token], index: int) -> SqlSource | None:
    """Return the source of ``format.`path` `` with its options; None for any other dotted name."""
    location = tokens[index + 2]
    source_format = _FORMATS[tokens[index].text.lower()]
    first, last, streaming = _in_stream(tokens, index, index + 2)
    options: dict[str, str] = {}
    following = tokens[last + 1] if last + 1 < len(tokens) else tokens[-1]
    has_options = following.upper in ("OPTIONS", "WITH") and tokens[last + 2].text == "("
    if location.kind != NAME or not (has_options or any(mark in location.text for mark in "/:")):
        return None
    if has_options:
        options, last = options_at(text, tokens, last + 2)
    path = name_value(location)

    def opened(streaming: bool) -> DataFrame:
        reader: Any = (session.readStream if streaming else session.read).format(source_format).options(**options)
        if streaming and source_format not in ("delta", "kafka", "text"):  # a stream of files infers no schema
            reader = reader.schema(opened(False).schema)
        frame: DataFrame = reader.load() if source_format == "kafka" else reader.load(path)
        return frame

    return SqlSource(tokens[first].start, tokens[last].stop, source_format, streaming, opened)


def _arguments(
    text: str, tokens: Sequence[Token], index: int, value: Callable[[str], Any]
) -> tuple[FunctionArguments, int]:
    """Return the arguments in the brackets that tokens[index] opens, and the index of the closing one."""
    positional: list[Any] = []
    named: dict[str, tuple[str, Any]] = {}
    start, depth = index + 1, 0
    for at in range(index, len(tokens)):
        token = tokens[at]
        symbol = token.text if token.kind == SYMBOL else ""
        depth += (symbol in ("(", "[")) - (symbol in (")", "]"))
        if (symbol == "," and depth == 1) or depth == 0:
            if at > start:
                _argument(text, tokens[start:at], value, positional, named)
            start = at + 1
        if depth == 0:
            return FunctionArguments(tuple(positional), named), at
    raise SqlError(tokens[index].start, "This bracket is not closed.", "Add ')'.")


def _argument(
    text: str,
    tokens: Sequence[Token],
    value: Callable[[str], Any],
    positional: list[Any],
    named: dict[str, tuple[str, Any]],
) -> None:
    """Add one argument to `positional` or to `named`."""
    arrow = next((at for at, token in enumerate(tokens) if token.text == "=>"), None)
    if arrow is None:
        positional.append(_value(text, tokens, value))
        return
    name = ".".join(name_value(token) for token in tokens[:arrow] if token.text != ".")
    if name.lower() in named:
        raise SqlError(tokens[0].start, f"The option '{name}' is given twice.", "Leave one out.")
    if arrow + 1 == len(tokens):
        raise SqlError(tokens[arrow].start, f"The option '{name}' has no value.", f"Write {name} => value.")
    named[name.lower()] = (name, _value(text, tokens[arrow + 1 :], value))


def _value(text: str, tokens: Sequence[Token], value: Callable[[str], Any]) -> Any:
    if tokens[0].upper == "TABLE" and len(tokens) > 1:  # TABLE(name), an argument of event_log
        return text[tokens[0].start : tokens[-1].stop]
    if len(tokens) == 1 and tokens[0].kind == STRING:
        return string_value(tokens[0])
    if len(tokens) == 1 and (tokens[0].kind == NUMBER or tokens[0].upper in ("TRUE", "FALSE")):
        return tokens[0].text.lower()
    result = value(text[tokens[0].start : tokens[-1].stop])
    if isinstance(result, bool):
        return str(result).lower()
    return result if isinstance(result, dict) or result is None else str(result)


#: Options of read_kafka that have another name in Spark.
_KAFKA = {"bootstrapservers": "kafka.bootstrap.servers", "subscribepattern": "subscribePattern"}


def _read_files(session: SparkSession, arguments: FunctionArguments, streaming: bool, at: int) -> DataFrame:
    del session  # the reader has one
    path = _first(arguments, "path", "read_files", "'/Volumes/main/in', format => 'json'", at)
    options = {name: str(value) for key, (name, value) in arguments.named.items() if key not in ("path", "schema")}
    if "format" not in arguments.named:
        options["format"] = _format_of(path)
    reader = reads.current.get()
    if reader is None:
        raise SqlError(at, "read_files is read by a pipeline, and none is active.", "Call it in a query function.")
    options = in_sql(options)
    if streaming:
        return reader.stream_files(options, arguments.value("schema"), path)
    return reader.read_files(options, arguments.value("schema"), path)


def _format_of(path: str) -> str:
    """Return the format of a file by the suffix of its name; without a known suffix, Parquet."""
    suffix = path.rsplit("/", 1)[-1].rpartition(".")[2].lower()
    return _FORMATS.get(suffix, {"txt": "text"}.get(suffix, "parquet"))


def _cloud_files(session: SparkSession, arguments: FunctionArguments, streaming: bool, at: int) -> DataFrame:
    del streaming  # it is always a stream
    example = "'/Volumes/main/in', 'json', map('cloudFiles.inferColumnTypes', 'true')"
    path = _first(arguments, "path", "cloud_files", example, at)
    match arguments.positional[1:]:
        case (file_format,):
            options = {}
        case (file_format, dict(pairs), *_):
            options = {str(key): str(value) for key, value in pairs.items()}
        case _:
            raise SqlError(at, "cloud_files takes a path, a format, and a map of options.", f"cloud_files({example})")
    schema = options.pop("schema", None)
    reader: Any = session.readStream.format("cloudFiles").option("cloudFiles.format", file_format)
    reader = reader.options(**options)
    if schema is not None:
        reader = reader.schema(schema)
    frame: DataFrame = reader.load(path)
    return frame


def _read_kafka(session: SparkSession, arguments: FunctionArguments, streaming: bool, at: int) -> DataFrame:
    options = {_KAFKA.get(key, name): str(value) for key, (name, value) in arguments.named.items()}
    if arguments.positional or "kafka.bootstrap.servers" not in options:
        raise SqlError(
            at,
            "read_kafka needs bootstrapServers, and takes its options by name.",
            "read_kafka(bootstrapServers => 'localhost:9092', subscribe => 'topic')",
        )
    reader: Any = (session.readStream if streaming else session.read).format("kafka")
    frame: DataFrame = reader.options(**options).load()
    return frame


def _read_stream(session: SparkSession, arguments: FunctionArguments, streaming: bool, at: int) -> DataFrame:
    del streaming  # it is always a stream
    table = _first(arguments, "table", "read_stream", "'orders', skipChangeCommits => true", at)
    options = {name: str(value) for key, (name, value) in arguments.named.items() if key != "table"}
    frame: DataFrame = session.readStream.options(**options).table(table)
    return frame


def _table_changes(session: SparkSession, arguments: FunctionArguments, streaming: bool, at: int) -> DataFrame:
    name = _first(arguments, "table", "table_changes", "'orders', 1", at)
    bounds = dict(zip(("starting", "ending"), arguments.positional[1:], strict=False))
    options = {
        f"{bound}{'Version' if str(value).isdigit() else 'Timestamp'}": str(value) for bound, value in bounds.items()
    }
    reader: Any = session.readStream if streaming else session.read
    frame: DataFrame = reader.options(readChangeFeed="true", **options).table(name)
    return frame


def _event_log(session: SparkSession, arguments: FunctionArguments, streaming: bool, at: int) -> DataFrame:
    del arguments, at  # it may name any pipeline or table; only this pipeline is local
    reader: Any = session.readStream if streaming else session.read
    frame: DataFrame = reader.table("event_log")
    return frame


def _first(arguments: FunctionArguments, name: str, function: str, example: str, at: int) -> str:
    value = arguments.positional[0] if arguments.positional else arguments.value(name)
    if not isinstance(value, str):
        raise SqlError(at, f"{function} needs a {name}.", f"{function}({example})")
    return value


def _not_available(name: str) -> Callable[..., DataFrame]:
    def refused(session: SparkSession, arguments: FunctionArguments, streaming: bool, at: int) -> DataFrame:
        del session, arguments, streaming
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
    **{name: _not_available(name) for name in ("read_pubsub", "read_kinesis", "read_pulsar", "read_statestore")},
}
