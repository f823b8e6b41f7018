"""The view of `livetables files`: the files of each flow's Auto Loader sources, and the inferred schemas."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal

from livetables.autoloader.find.ledger import Overview, overview
from livetables.autoloader.option_values import moment_ms, one_of
from livetables.errors import SettingsError, count, did_you_mean
from livetables.settings import parse_duration
from livetables.storage.layout import Storage
from livetables.storage.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from livetables.autoloader.find.ledger import Entry
    from livetables.autoloader.schema.schemas import Version

_STATES = ("FAILED", "PENDING", "READ", "SKIPPED")


@dataclass(frozen=True)
class FileFilter:
    """Which files are shown: of one flow, in one state, found since a time (seconds since 1970), `limit` per source."""

    flow: str | None
    state: str | None
    since: float | None
    limit: int | None


@dataclass(frozen=True)
class AutoLoaderSource:
    """An Auto Loader source of a flow; `more` files match the filter, but are over its limit."""

    dataset: str
    flow: str
    number: int
    overview: Overview
    more: int


def file_filter(flow: str | None, state: str | None, since: str | None, limit: int, now: float) -> FileFilter:
    """Return the filter that the options of the command describe; a limit of 0 is none.

    `now` is in seconds since 1970. Raises SettingsError for a value that can't be read.
    """
    return FileFilter(
        flow,
        one_of("--state", state, _STATES) if state else None,
        _moment(since, now) if since else None,
        limit or None,
    )


def sources_of(folder: Path, wanted: FileFilter) -> list[AutoLoaderSource]:
    """Return the Auto Loader sources of a storage folder; raises SettingsError when the wanted flow has none."""
    ledgers = [
        (*key, number, file)
        for key, checkpoint in Storage(folder).checkpoints()
        for number, file in checkpoint.ledgers().items()
    ]
    names = {flow for _, flow, _, _ in ledgers}
    if ledgers and wanted.flow and wanted.flow.lower() not in names:
        hint = did_you_mean(wanted.flow, names, f"Take one of {', '.join(sorted(names))}.")
        raise SettingsError("FLOW_NOT_FOUND", f"No flow '{wanted.flow}' has read files with Auto Loader.", hint=hint)
    shown = (wanted.flow or "").lower()
    return [_source(*ledger, wanted) for ledger in sorted(ledgers) if shown in ("", ledger[1])]


def _source(dataset: str, flow: str, number: int, file: Path, wanted: FileFilter) -> AutoLoaderSource:
    seen = overview(file, wanted.since, wanted.state, wanted.limit)
    states = [wanted.state] if wanted.state else _STATES
    matching = sum(seen.totals[state].files for state in states if state in seen.totals)
    return AutoLoaderSource(dataset, flow, number, seen, matching - len(seen.entries))


def document(sources: Iterable[AutoLoaderSource]) -> list[dict[str, Any]]:
    """Return the sources as plain data."""
    return [
        {
            "dataset": source.dataset,
            "flow": source.flow,
            "source": source.number,
            "folder": source.overview.folder,
            "totals": {state: asdict(total) for state, total in source.overview.totals.items()},
            "newest_read": source.overview.newest and _as_data(source.overview.newest),
            "files": [_as_data(entry) for entry in source.overview.entries],
            "more": source.more,
        }
        for source in sources
    ]


def lines(sources: Iterable[AutoLoaderSource]) -> Iterator[str]:
    """Yield the lines that show the sources: for each a summary, then its files."""
    for source in sources:
        yield _summary(source)
        seen = source.overview
        if seen.entries:
            yield f"  {'found':19}  {'read':19}  {'state':7}  {'size':>9}  {'rows':>9}  file"
        for entry in seen.entries:
            rows = "" if entry.rows is None else f"{entry.rows:,}"
            yield (
                f"  {_time(entry.found)}  {_time(entry.read)}  {entry.state:7}  {decimal(entry.size):>9}  {rows:>9}  "
                f"{_name(entry, seen.folder)}"
            )
            if entry.error:
                yield f"    {_line(entry.error)}"
        if source.more:
            yield f"  {source.more:,} more: --limit 0 shows all."


def schemas_document(folder: Path) -> list[dict[str, Any]]:
    """Return the inferred schemas of a storage folder as plain data."""
    from livetables.autoloader.schema.schemas import ddl

    return [
        {
            "path": versions[0].path,
            "versions": [
                {
                    "number": version.number,
                    "time": version.time,
                    "reason": version.reason,
                    "columns": ddl(version.schema),
                }
                for version in versions
            ],
        }
        for versions in _schemas(folder)
    ]


def schemas_lines(folder: Path) -> Iterator[str]:
    """Yield the lines that show the inferred schemas of a storage folder."""
    from livetables.autoloader.schema.schemas import ddl

    for versions in _schemas(folder):
        yield f"{versions[0].path}: {count(len(versions), 'version')}"
        for version in versions:
            yield f"  {version.number}  {_time(version.time.timestamp())}  {_line(version.reason)}"
            yield f"     {_line(ddl(version.schema))}"


def _schemas(folder: Path) -> list[tuple[Version, ...]]:
    from livetables.autoloader.schema.schemas import list_schemas

    return list_schemas(Storage(folder).system.schemas)


def _summary(source: AutoLoaderSource) -> str:
    seen = source.overview
    flow = source.flow if source.flow == source.dataset else f"{source.flow} (into {source.dataset})"
    name = f"{flow}, source {source.number + 1}" if source.number else flow
    if not seen.totals:
        return f"{name}: no files found."
    states = []
    for state in ("READ", "PENDING", "FAILED", "SKIPPED"):
        total = seen.totals.get(state)
        if total is not None:
            rows = f"{count(total.rows, 'row')}, " if state == "READ" else ""
            states.append(f"{total.files:,} {state.lower()} ({rows}{decimal(total.bytes)})")
    files = count(sum(total.files for total in seen.totals.values()), "file")
    text = f"{name}: {files} in {_line(local_path(seen.folder) or seen.folder)}: {', '.join(states)}."
    if seen.newest is not None:
        text += f" Last read: {_name(seen.newest, seen.folder)} at {_time(seen.newest.read)}."
    return text


def _as_data(entry: Entry) -> dict[str, Any]:
    times = {"modified": entry.modified / 1000, "found": entry.found, "read": entry.read}
    return asdict(entry) | {
        name: None if value is None else datetime.fromtimestamp(value, timezone.utc) for name, value in times.items()
    }


def _name(entry: Entry, folder: str) -> str:
    return _line(entry.path.removeprefix(f"{folder}/"))


def _line(text: str) -> str:
    """Return a text that may have any characters, such as a file name, as one printable line."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _time(value: float | None) -> str:
    return " " * 19 if value is None else f"{datetime.fromtimestamp(value, timezone.utc):%Y-%m-%d %H:%M:%S}"


def _moment(text: str, now: float) -> float:
    """Return the time in seconds since 1970 that `30m`, a duration before `now`, or `2026-11-22T10:00:00` means."""
    ago = parse_duration(text)
    if ago is not None:
        return now - ago
    try:
        return moment_ms("--since", text) / 1000
    except SettingsError as error:
        message = f"--since is '{text}', which is neither a duration nor a point in time."
        hint = "Write it as 30m, 1h, 2d or 2026-11-22T10:00:00; without a zone it is UTC."
        raise SettingsError("WRONG_VALUE", message, hint=hint) from error
