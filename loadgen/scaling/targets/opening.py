"""`--target` of a load: the target that each form opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from loadgen.scaling.targets.files import FileBlocks
from loadgen.scaling.targets.null import NullBlocks
from loadgen.targets.opening import Delta, Files, Kafka

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadgen.scaling.shape import Shape
    from loadgen.scaling.targets.base import BlockTarget
    from loadgen.targets.opening import LoadAddress


def open_target(
    address: LoadAddress, run_id: str, shape: Shape, interval: int, position: Mapping[str, Any]
) -> BlockTarget:
    """Open a target; a TargetError says why it can't be.

    Args:
        address: which one.
        run_id: of this run, or of the one that goes on: then the target finds out what has arrived.
        shape: gives the streams and the settings.
        interval: microseconds of the run that a file holds.
        position: what the target of the run that goes on said last.
    """
    streams = len(shape.streams)
    if isinstance(address, Files):
        return FileBlocks(address.directory, run_id, streams, interval)
    # Each with its library: the other targets start without it.
    if isinstance(address, Kafka):
        from loadgen.scaling.targets.kafka import KafkaBlocks

        partitions = int(shape.settings["partitions"])
        return KafkaBlocks(address, partitions, streams, position)
    if isinstance(address, Delta):
        from loadgen.scaling.targets.delta import DeltaBlocks

        return DeltaBlocks(address.directory, run_id, shape)
    return NullBlocks(np.full(streams, position.get("until", 0), dtype=np.int64))
