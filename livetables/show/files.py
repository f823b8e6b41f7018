"""What `livetables files` shows: the files of each flow's Auto Loader sources, and the schemas they have shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal

from livetables.autoloader.find.ledger import Overview, overview
from livetables.autoloader.option_values import moment_ms, one_of
from livetables.errors import SettingsError, count, did_you_mean
from livetables.settings import seconds
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
    """Which files are shown: of one flow, one state, found since a time (seconds since 1970); at most so many."""

    flow: str | None
    state: str | None
    since: float | None
    limit: int | None


@dataclass(frozen=True)
class Source:
    """One of a flow's Auto Loader sources; `more` files are wanted and not among its entries."""

    dataset: str
    flow: str
    number: int
    seen: Overview
    more: int


def wanted(flow: str | None, state: str | None, since: str | None, limit: int, now: float) -> FileFilter:
    """Return what the options of the command mean; raises SettingsError. A limit of 0 is none."""
    return FileFilter(
        flow,
        one_of("--state", state, _STATES) if state else None,
        _moment(since, now) if since else None,
        limit or None,
    )


def sources_of(folder: Path, asked: FileFilter) -> list[Source]:
    """Return the Auto Loader sources of the flows in a storage folder; SettingsError when the flow is none of them."""
    ledgers = [
        (*key, number, file)
        for key, checkpoint in Storage(folder).checkpoints()
        for number, file in checkpoint.ledgers().items()
    ]
    names = {flow for _, flow, _, _ in ledgers}
    if ledgers and asked.flow and asked.flow.lower() not in names:
        hint = did_you_mean(asked.flow, names, f"Take one of {', '.join(sorted(names))}.")
        raise SettingsError("FLOW_NOT_FOUND", f"No flow '{asked.flow}' has read files with Auto Loader.", hint=hint)
    return [_source(*ledger, asked) for ledger in sorted(ledgers) if not asked.flow or asked.flow.lower() == ledger[1]]


def _source(dataset: str, flow: str, number: int, file: Path, asked: FileFilter) -> Source:
    seen = overview(file, asked.since, asked.state, asked.limit)
    states = [asked.state] if asked.state else _STATES
    matching = sum(seen.totals[state].files for state in states if state in seen.totals)
    return Source(dataset, flow, number, seen, matching - len(seen.entries))


def document(sources: Iterable[Source]) -> list[dict[str, Any]]:
    """Return the sources as data."""
    return [
        {
            "dataset": source.dataset,
            "flow": source.flow,
            "source": source.number,
            "folder": source.seen.folder,
            "totals": {state: asdict(total) for state, total in source.seen.totals.items()},
            "newest_read": source.seen.newest and _as_data(source.seen.newest),
            "files": [_as_data(entry) for entry in source.seen.entries],
            "more": source.more,
        }
        for source in sources
    ]


def lines(sources: Iterable[Source]) -> Iterator[str]:
    """Return the sources as text: of each one sentence, then its files."""
    for source in sources:
        yield _summary(source)
        seen = source.seen
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
    """Return the inferred schemas in a storage folder as data."""
    from livetables.autoloader.schema.schemas import ddl

    return [
        {
            "path": versions[0].path,
            "versions": [
                {"number": one.number, "time": one.time, "reason": one.reason, "columns": ddl(one.schema)}
                for one in versions
            ],
        }
        for versions in _schemas(folder)
    ]


def schemas_lines(folder: Path) -> Iterator[str]:
    """Return the inferred schemas in a storage folder as text."""
    from livetables.autoloader.schema.schemas import ddl

    for versions in _schemas(folder):
        yield f"{versions[0].path}: {count(len(versions), 'version')}"
        for one in versions:
            yield f"  {one.number}  {_time(one.time.timestamp())}  {_line(one.reason)}"
            yield f"     {_line(ddl(one.schema))}"


def _schemas(folder: Path) -> list[tuple[Version, ...]]:
    from livetables.autoloader.schema.schemas import list_schemas

    return list_schemas(Storage(folder).system.schemas)


def _summary(source: Source) -> str:
    seen = source.seen
    flow = source.flow if source.flow == source.dataset else f"{source.flow} (into {source.dataset})"
    name = f"{flow}, source {source.number + 1}" if source.number else flow
    if not seen.totals:
        return f"{name}: no files found."
    said = []
    for state in ("READ", "PENDING", "FAILED", "SKIPPED"):
        total = seen.totals.get(state)
        if total is not None:
            rows = f"{count(total.rows, 'row')}, " if state == "READ" else ""
            said.append(f"{total.files:,} {state.lower()} ({rows}{decimal(total.bytes)})")
    files = count(sum(total.files for total in seen.totals.values()), "file")
    text = f"{name}: {files} in {_line(local_path(seen.folder) or seen.folder)}: {', '.join(said)}."
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
    """Return a text, such as the name of a file, that may hold anything, as one line."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _time(value: float | None) -> str:
    return " " * 19 if value is None else f"{datetime.fromtimestamp(value, timezone.utc):%Y-%m-%d %H:%M:%S}"


def _moment(text: str, now: float) -> float:
    """Return the point in time that `30m`, which is a time ago, or `2026-11-22T10:00:00` means."""
    try:
        return now - seconds(text, "--since")
    except SettingsError:
        pass
    try:
        return moment_ms("--since", text) / 1000
    except SettingsError as error:
        said = f"--since is '{text}', which is neither a duration nor a point in time."
        hint = "Write it as 30m, 1h, 2d or 2026-11-22T10:00:00; without a zone it is UTC."
        raise SettingsError("WRONG_VALUE", said, hint=hint) from error
