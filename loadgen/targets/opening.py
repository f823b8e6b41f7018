"""`--target` and `--devices-target`: their forms, and the target that each opens."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import option_error
from ..phases.shape import SECOND
from .files import FilesTarget
from .null import NullTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..phases.shape import Shape
    from .base import Target

#: Forms of the targets that take JSON lines.
LINE_FORMS = "files:DIR, kafka:HOST:PORT/TOPIC or null"
FORMS = f"delta:DIR, tables, {LINE_FORMS}"
KAFKA = re.compile(r"kafka:(?P<host>[^/\s]+):(?P<port>\d{1,5})/(?P<topic>[\w.-]{1,249})", re.ASCII)
MAX_PORT = 65_535


@dataclass(frozen=True)
class Files:
    """`files:DIR`."""

    directory: Path


@dataclass(frozen=True)
class Kafka:
    """`kafka:HOST:PORT/TOPIC`."""

    host: str
    port: int
    topic: str


@dataclass(frozen=True)
class Delta:
    """`delta:DIR`."""

    directory: Path


@dataclass(frozen=True)
class Tables:
    """`tables`: those of Spark's catalog, which the Spark engine alone reaches."""


@dataclass(frozen=True)
class Null:
    """`null`."""


LineAddress = Files | Kafka | Null
Address = LineAddress | Delta | Tables


@dataclass(frozen=True)
class Roll:
    """When a file is complete: after `seconds` of the run or `rows`, whichever comes first."""

    seconds: float = 1.0
    rows: int = 100_000


@dataclass(frozen=True)
class Opening:
    """How a target is opened.

    Attributes:
        run_id: of this run, or of the one that goes on: then the target finds out what has arrived.
        partitions: of a topic that is made.
        roll: when a file is complete.
        position: the last position of the target in the run that goes on.
    """

    run_id: str
    partitions: int = 1
    roll: Roll = Roll()
    position: Mapping[str, Any] = field(default_factory=dict)


def parse_target(text: str) -> Address:
    """Return the address that `--target` names; a LoadgenError names the right forms."""
    if text == "tables":
        return Tables()
    if text.startswith("delta:") and text != "delta:":
        return Delta(Path(text.removeprefix("delta:")))
    return parse_line_target(text, "--target", FORMS)


def parse_line_target(text: str, option: str, forms: str = LINE_FORMS) -> LineAddress:
    """Return the address of a target that takes JSON lines; a LoadgenError names option and right forms."""
    if text == "null":
        return Null()
    if text.startswith("files:") and text != "files:":
        return Files(Path(text.removeprefix("files:")))
    match = KAFKA.fullmatch(text)
    if match and 0 < int(match["port"]) <= MAX_PORT:
        return Kafka(match["host"], int(match["port"]), match["topic"])
    raise option_error(f"{option} '{text}' is not a target", f"use {forms}.")


def new_run_id() -> str:
    """Return an id that the names of a run's files have in common."""
    # Time first: a folder listing shows the runs in order. The random part keeps parallel runs apart.
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def open_target(address: Address, shape: Shape, how: Opening) -> Target:
    """Open the target of a shape's rows; a LoadgenError says why it cannot be."""
    if isinstance(address, Delta):
        from .delta import DeltaTarget  # with its library: the other targets start without it

        return DeltaTarget(address.directory, how.run_id, shape)
    assert not isinstance(address, Tables), "tables are reached by the Spark engine alone"
    return open_line_target(address, len(shape.streams), how)


def open_line_target(address: LineAddress, streams: int, how: Opening) -> Target:
    """Open a target of JSON lines; a LoadgenError says why it cannot be."""
    if isinstance(address, Files):
        interval = round(how.roll.seconds * SECOND)
        return FilesTarget(address.directory, how.run_id, streams, interval=interval, max_rows=how.roll.rows)
    if isinstance(address, Kafka):
        from .kafka import KafkaTarget  # as above

        return KafkaTarget(address, how.partitions, streams, how.position)
    return NullTarget(np.full(streams, how.position.get("until", 0), dtype=np.int64))
