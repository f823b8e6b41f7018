"""Counts of the rows that arrived: rows, devices, nulls, duplicates and gaps, for each phase and stream type of a load.

The counts are small: one line per phase, type and device. One `group_by` of Arrow's makes such lines of a batch, and
the same functions combine lines, so memory does not grow with the rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..datasets.columns import HUMIDITY, PRESSURE, SCHEMA, TEMPERATURE, hashes
from ..phases.shape import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..phases.shape import Segment, Shape

#: Rows that are counted at a time: a `group_by` of a few rows costs as much as one of many.
FOLD_ROWS = 200_000
RANGES = {"temperature": TEMPERATURE, "humidity": HUMIDITY, "pressure": PRESSURE}
KEYS = ["phase", "stream_type", "device_id", "stream_id"]
#: Functions that combine the lines of a key.
_FUNCTIONS = {
    "rows": "sum",
    "checksum": "sum",  # modulo 2**64, whatever the order
    "duplicates": "sum",
    "missing": "sum",
    "gaps": "sum",
    "max_gap": "max",
    **{f"nulls_{name}": "sum" for name in SCHEMA.names},
    **{f"outside_{name}": "sum" for name in RANGES},
    "finite": "sum",
    "least": "min",
    "most": "max",
    "total": "sum",
    "squares": "sum",
}
#: Counts of a group without rows.
_NOTHING = {name: None if how in ("min", "max") else 0 for name, how in _FUNCTIONS.items()} | {"device_id": 0}


class Summary:
    """Counts rows of a run.

    Only rows with a time of the run count, so that other runs in the same place are left out. Rows whose time is null
    may belong to the run, so they count too: in a group of their own, with the phase None.

    Args:
        shape: the load that was sent.
        start: simulated time of the run's start, microseconds since 1970 UTC.
    """

    def __init__(self, shape: Shape, start: int) -> None:
        self._phases = [phase.name for phase in shape.phases]
        self._begins = np.array([int(phase.begin * shape.speed) for phase in shape.phases], dtype=np.int64)
        self._begins[0] = 0  # a row before the first phase would be of it
        self._start = start
        self._span = int(shape.end * shape.speed)
        self._devices = shape.devices
        self._expected: dict[tuple[int | None, str | None], list[Segment]] = {
            (phase, stream.stream_type): [] for phase in range(len(shape.phases)) for stream in shape.streams
        }
        for stream in shape.streams:
            for segment in stream.segments:
                self._expected[segment.phase, stream.stream_type].append(segment)
        # Devices take turns: between two events of one device are those of the others.
        self._intervals = {
            key: float(shape.devices * SECOND * shape.speed / segments[0].rate)
            for key, segments in self._expected.items()
            if segments and segments[0].rate
        }
        self._last: dict[str, int] = {}
        self._waiting: list[pa.RecordBatch] = []
        self._rows_waiting = 0
        self._counted: pa.Table | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Count rows (columns as `rows.SCHEMA`), of each device in the order of their time, also across batches."""
        self._waiting.append(batch)
        self._rows_waiting += batch.num_rows
        if self._rows_waiting >= FOLD_ROWS:
            self._fold()

    def groups(self) -> list[dict[str, Any]]:
        """Return the counts as JSON: a group for each phase and stream type of the shape, and for others that arrived.

        Keys of a group:
            phase, stream_type: None when the time or the type is null.
            rows, expected_rows, devices, expected_devices: as counted, and by the shape.
            nulls: rows by column.
            out_of_range: rows by column; the range is that of the generator.
            duplicates: rows that are not later than an earlier one of their device: repeated, or out of order.
            missing: rows of a device that should be between two others, by the interval of its stream.
            gaps: how many times some were missing.
            max_gap_seconds: longest simulated time between two events of a device; None without two.
            temperature: min, mean, max and stddev (of all rows) in deg C; None without rows.

        The time between two events counts in one phase only: across its end it depends on two rates and on whose turn
        it is, and a pause is no gap. Rows that are missing there still make `rows` less than `expected_rows`.
        """
        self._fold()
        found = {key: _NOTHING for key, segments in self._expected.items() if segments}
        if self._counted is not None:
            keys = KEYS[:2]
            counts = _combined(self._counted, keys, [("device_id", "count")])
            for line in counts.to_pylist():
                found[line["phase"], line["stream_type"]] = line
        order = {key: at for at, key in enumerate(self._expected)}
        last = len(self._phases)

        def place(key: tuple[int | None, str | None]) -> tuple[int, int, str]:
            return (last if key[0] is None else key[0], order.get(key, len(order)), key[1] or "")

        return [self._group(*key, found[key]) for key in sorted(found, key=place)]

    def streams(self) -> dict[int | None, dict[str, Any]]:
        """Return `rows` and `checksum` of each stream that had rows, by its id.

        The checksum is the sum of the rows' hashes: two streams with the same rows have the same one.
        """
        self._fold()
        if self._counted is None:
            return {}
        lines = _combined(self._counted, ["stream_id"]).select(["stream_id", "rows", "checksum"]).to_pylist()
        return {one["stream_id"]: {"rows": one["rows"], "checksum": f"{one['checksum']:016x}"} for one in lines}

    def _group(self, phase: int | None, stream_type: str | None, line: Mapping[str, Any]) -> dict[str, Any]:
        segments = self._expected.get((phase, stream_type), [])
        return {
            "phase": None if phase is None else self._phases[phase],
            "stream_type": stream_type,
            "rows": line["rows"],
            "expected_rows": sum(segment.rows for segment in segments),
            "devices": line["device_id"],
            "expected_devices": sum(min(segment.rows, self._devices) for segment in segments),
            "nulls": {name: line[f"nulls_{name}"] for name in SCHEMA.names},
            "out_of_range": {name: line[f"outside_{name}"] for name in RANGES},
            "duplicates": line["duplicates"],
            "missing": line["missing"],
            "gaps": line["gaps"],
            "max_gap_seconds": line["max_gap"] and line["max_gap"] / SECOND,
            "temperature": _statistics(line),
        }

    def _fold(self) -> None:
        """Count the batches that were added."""
        if not self._waiting:
            return
        rows = pa.concat_batches(self._waiting)
        self._waiting, self._rows_waiting = [], 0
        since = pc.subtract(rows["event_timestamp"].cast(pa.int64()), self._start)
        inside = pc.and_(pc.greater_equal(since, 0), pc.less(since, self._span))
        inside = pc.fill_null(inside, fill_value=True)
        if not pc.all(inside, min_count=0).as_py():
            rows, since = rows.filter(inside), since.filter(inside)
        if not rows.num_rows:
            return
        counted = self._count(rows, since.fill_null(-1).to_numpy())
        both = [counted] if self._counted is None else [self._counted, counted]
        self._counted = _combined(pa.concat_tables(both), KEYS)

    def _count(self, rows: pa.RecordBatch, since: NDArray[np.int64]) -> pa.Table:
        """Return a line for each phase, type and device of some rows; `since` is their time, -1 when it is null."""
        phase = np.searchsorted(self._begins[1:], since, "right")  # a row in a pause is of the phase before it
        types, devices = rows["stream_type"].dictionary_encode(), rows["device_id"].dictionary_encode()
        elapsed = self._elapsed(devices, phase, since)
        missing = self._missing(types, phase, elapsed)
        temperature = rows["temperature"]
        finite = pc.is_finite(temperature)
        if not pc.all(finite).as_py():
            temperature = pc.if_else(finite, temperature, pa.scalar(None, pa.float64()))
        lines = pa.table(
            {
                "phase": pa.array(phase, mask=since < 0),
                "stream_type": types.indices,
                "device_id": devices.indices,
                "stream_id": rows["stream_id"],
                "checksum": pa.array(hashes(rows)),
                "rows": pa.repeat(pa.scalar(1, pa.int64()), len(since)),
                "duplicates": pa.array(elapsed < 0),
                "missing": pa.array(missing),
                "gaps": pa.array(missing > 0),
                "max_gap": pa.array(elapsed, mask=elapsed <= 0),
                **{f"nulls_{name}": rows[name].is_null() for name in SCHEMA.names},
                **{f"outside_{name}": _outside(rows[name], *limits) for name, limits in RANGES.items()},
                "finite": temperature.is_valid(),
                "least": temperature,
                "most": temperature,
                "total": temperature,
                "squares": pc.multiply(temperature, temperature),
            }
        )
        counts = _combined(lines, KEYS)
        for name, names in (("stream_type", types.dictionary), ("device_id", devices.dictionary)):
            at = counts.schema.get_field_index(name)
            counts = counts.set_column(at, name, names.take(counts[name].combine_chunks()))
        return counts

    def _elapsed(
        self, devices: pa.DictionaryArray, phase: NDArray[np.int64], since: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return microseconds from the device's event before, 0 for the first of a phase, -1 for one not later."""
        elapsed = np.zeros(len(since), dtype=np.int64)
        names = devices.dictionary.to_pylist()
        small = np.uint16 if len(names) < 2**16 else np.int64  # numpy sorts 16 bits at a fraction of the time
        code = devices.indices.fill_null(0).to_numpy().astype(small)
        order = np.argsort(code, kind="stable")
        if devices.indices.null_count or since.min() < 0:
            known = devices.indices.is_valid().to_numpy(zero_copy_only=False) & (since >= 0)
            order = order[known[order]]
        if not len(order):
            return elapsed
        code = code[order].astype(np.int64)
        # With the devices' times one above the other, one running maximum does for all of them.
        now = since[order] + code * self._span
        first = np.flatnonzero(np.diff(code, prepend=-1))
        seen = code[first]
        last = np.array([self._last.get(names[at], -1) for at in seen.tolist()], dtype=np.int64)
        latest = now.copy()
        latest[first] = np.maximum(latest[first], last + seen * self._span)
        latest = np.maximum.accumulate(latest)
        before = np.roll(latest, 1)
        before[first] = last + seen * self._span
        ends = latest[np.append(first[1:], len(latest)) - 1] - seen * self._span
        self._last.update(zip((names[at] for at in seen.tolist()), ends.tolist(), strict=True))
        together = before - code * self._span >= self._begins[phase[order]]
        elapsed[order] = np.where(now <= before, -1, np.where(together, now - before, 0))
        return elapsed

    def _missing(
        self, types: pa.DictionaryArray, phase: NDArray[np.int64], elapsed: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return, per row, how many rows of its device are missing between it and the one before."""
        names = [*types.dictionary.to_pylist(), None]
        intervals = np.array(
            [[self._intervals.get((at, name), math.inf) for name in names] for at in range(len(self._phases))]
        )
        interval = intervals[phase, types.indices.fill_null(len(names) - 1).to_numpy()]
        return np.asarray(np.maximum(np.rint(elapsed / interval) - 1, 0), dtype=np.int64)


def as_table(groups: Sequence[Mapping[str, Any]]) -> Table:
    """Return the table for the terminal, a line for each group; groups with problems are red."""
    table = Table(box=SIMPLE_HEAD)
    for name in ("phase", "type"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "expected", "devices", "longest gap"):
        table.add_column(name, justify="right")
    table.add_column("problems")
    for group in groups:
        gap = group["max_gap_seconds"]
        table.add_row(
            group["phase"] or "(no time)",
            group["stream_type"] or "(no type)",
            f"{group['rows']:,}",
            f"{group['expected_rows']:,}",
            f"{group['devices']:,}",
            "-" if gap is None else f"{gap:,.3f} s",
            ", ".join(problems(group)) or "-",
            style="bold red" if problems(group) else None,
        )
    return table


def problems(group: Mapping[str, Any]) -> list[str]:
    """Return the problems of a group of `Summary.groups` as short phrases."""
    rows, devices = (group[name] - group[f"expected_{name}"] for name in ("rows", "devices"))
    counts = {
        "too few rows": -rows,
        "too many rows": rows,
        "too few devices": -devices,
        "too many devices": devices,
        "nulls": sum(group["nulls"].values()),
        "out of range": sum(group["out_of_range"].values()),
        "duplicates": group["duplicates"],
        "missing": group["missing"],
        "gaps": group["gaps"],
    }
    return [f"{what}: {count:,}" for what, count in counts.items() if count > 0]


def _combined(lines: pa.Table, keys: list[str], others: Sequence[tuple[str, str]] = ()) -> pa.Table:
    """Return one line for each key, with the same column names."""
    functions = [*_FUNCTIONS.items(), *others]
    whole = lines.group_by(keys).aggregate(functions)
    return whole.select([*keys, *(f"{name}_{how}" for name, how in functions)]).rename_columns(
        [*keys, *(name for name, _ in functions)]
    )


def _outside(values: pa.Array, low: int, many: int) -> pa.Array:
    """Return whether values are outside `many` hundredths from `low` on; NaN is."""
    inside = pc.and_(pc.greater_equal(values, low / 100), pc.less_equal(values, (low + many - 1) / 100))
    return pc.invert(inside)


def _statistics(line: Mapping[str, Any]) -> dict[str, float | None]:
    count = line["finite"]
    if not count:
        return {"min": None, "mean": None, "max": None, "stddev": None}
    mean = line["total"] / count
    variance = max(line["squares"] / count - mean * mean, 0.0)
    return {"min": line["least"], "mean": mean, "max": line["most"], "stddev": math.sqrt(variance)}
