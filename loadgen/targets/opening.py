"""`--target` and `--devices-target`: their forms, and the target that each opens."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from loadgen.targets.files import FilesTarget, Roll
from loadgen.targets.null import NullTarget

if TYPE_CHECKING:
    from loadgen.pacing import Clock
    from loadgen.targets.base import Target

FORMS = "files:DIR, kafka:HOST:PORT/TOPIC or null"
#: Tables have columns, which only the rows of a load have.
LOAD_FORMS = f"delta:DIR, tables, {FORMS}"
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
    """`delta:DIR`, with `--phases` alone."""

    directory: Path


@dataclass(frozen=True)
class Tables:
    """`tables`: those of Spark's catalog, with `--phases` and the Spark engine alone."""


@dataclass(frozen=True)
class Null:
    """`null`."""


Address = Files | Kafka | Null
LoadAddress = Address | Delta | Tables


def parse_load_target(text: str) -> LoadAddress:
    """Return what `--target` names for a load; a ValueError names the right forms."""
    if text == "tables":
        return Tables()
    if text.startswith("delta:") and text != "delta:":
        return Delta(Path(text.removeprefix("delta:")))
    return parse_target(text, forms=LOAD_FORMS)


def parse_target(text: str, option: str = "--target", forms: str = FORMS) -> Address:
    """Return what the option names; a ValueError names the right forms."""
    if text == "null":
        return Null()
    if text.startswith("files:") and text != "files:":
        return Files(Path(text.removeprefix("files:")))
    match = KAFKA.fullmatch(text)
    if match and 0 < int(match["port"]) <= MAX_PORT:
        return Kafka(match["host"], int(match["port"]), match["topic"])
    raise ValueError(f"{option} '{text}' is not a target\n\nHint: use {forms}.")


def new_run_id() -> str:
    """Return what the names of a run's files have in common."""
    # Time first: a folder listing shows the runs in order. The random part keeps parallel runs apart.
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def open_target(address: Address, run_id: str, clock: Clock, roll: Roll) -> Target:
    """Open a target; a TargetError says why it cannot be.

    Args:
        address: which one.
        run_id: for the names of files.
        clock: for the age of files.
        roll: when a file is complete.
    """
    if isinstance(address, Files):
        return FilesTarget(address.directory, run_id, clock, roll)
    if isinstance(address, Kafka):
        # Here, not above: the other targets start without Kafka's client.
        from loadgen.targets.kafka import KafkaTarget, prepare_topic

        prepare_topic(address.host, address.port, address.topic)
        return KafkaTarget(address.host, address.port, address.topic)
    return NullTarget()
