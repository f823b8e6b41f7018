"""A Kafka topic. Rows have arrived when the broker has acknowledged them; after an outage, waiting rows are sent."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException, Producer

from ..errors import target_error
from ..phases.shape import DEVICES, SECOND
from .base import Target, Write
from .topic import end_offsets, prepare_topic, read_records, topic_label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confluent_kafka import Message

    from .base import Block
    from .opening import Kafka

#: Rows that wait for an acknowledgement; with more, no block is taken, so that waiting rows do not fill the memory.
MAX_WAITING = 300_000
#: How long a row may wait; an outage that is shorter loses nothing.
OUTAGE_SECONDS = 300
#: How long a run that ends waits for its last rows.
CLOSE_SECONDS = 10.0

OPTIONS = {
    "acks": "all",
    "enable.idempotence": True,  # a retry must not add duplicates to those that were asked for
    "linger.ms": 20,
    "batch.size": 512 * 1024,
    "compression.type": "lz4",
    "log_level": 0,  # errors reach the user once, as one sentence
    "message.timeout.ms": OUTAGE_SECONDS * 1000,
    # A row that is given up between others would be a gap: the run fails instead, and can be resumed from there.
    "enable.gapless.guarantee": True,
    "queue.buffering.max.messages": 2 * MAX_WAITING,
    "delivery.report.only.error": False,  # only the last row of each partition in a block has a callback
    "reconnect.backoff.max.ms": 1000,
}


@dataclass
class _WaitingBlock:
    """A block that is on its way."""

    phase: int
    until: int
    rows: int
    handed_over: float
    #: Partitions that have not acknowledged their last row of it; of the others, the offset behind that.
    open: set[int]
    ends: dict[int, int]


class KafkaTarget(Target):
    """Sends rows to a topic. A device's rows go to one partition, in their order.

    Args:
        address: the topic; it is made when missing.
        partitions: of a topic that is made.
        streams: number of streams.
        position: where an earlier part of the run ended; what the topic took after it is counted, and not sent again.

    Raises:
        LoadgenError: the broker cannot be reached, named within 10 s.
    """

    takes_lines = True
    interval = SECOND // 5

    def __init__(self, address: Kafka, partitions: int, streams: int, position: Mapping[str, Any]) -> None:
        super().__init__(np.full(streams, position.get("until", 0), dtype=np.int64))
        self._topic = address.topic
        self._where = topic_label(address)
        self._partitions = prepare_topic(address.host, address.port, address.topic, partitions)
        self._cause = ""
        self._failure = ""
        self._waiting: deque[_WaitingBlock] = deque()
        self._rows_waiting = 0
        #: When the oldest block that is on its way was handed over; for other threads.
        self._since: float | None = None
        known = {int(at): end for at, end in position.get("offsets", {}).items()}
        ends = end_offsets(address, self._partitions)
        #: Of each partition, the offset behind the blocks that have arrived.
        self._offsets = {at: known.get(at, end) for at, end in ends.items()}
        #: How many records of each key are behind that: the first ones that would be sent now.
        self._present = Counter[str]()
        if self._offsets != ends:
            for records in read_records(address, self._offsets):
                self._present.update((record.key() or b"").decode() for record in records)
        self._position = self._position_now()
        servers = {"bootstrap.servers": f"{address.host}:{address.port}"}
        self._producer = Producer({**OPTIONS, **servers, "error_cb": self._note_connection})

    def ready(self) -> bool:
        """Hear what has been acknowledged; a LoadgenError says that rows were lost."""
        self._producer.poll(0)
        if self._failure:
            raise target_error(f"{self._where} lost rows: {self._failure}.")
        return self._rows_waiting < MAX_WAITING

    def write(self, block: Block) -> None:
        """Hand the rows over to Kafka's client."""
        batch, texts = block.rows, block.lines
        if self._present:
            new = pa.array(self._are_new(batch["device_id"]))
            batch, texts = batch.filter(new), texts.filter(new)
        devices = batch["device_id"].dictionary_encode(null_encoding="encode")
        names, codes = devices.dictionary.to_pylist(), devices.indices.to_numpy()
        # Devices take turns, so that also a few fast streams fill all partitions.
        partitions = np.array([_turn(name) % self._partitions for name in names], dtype=np.int64)[codes]
        order = np.argsort(partitions, kind="stable")
        keys = [names[code] for code in codes[order].tolist()]
        rows = texts.take(pa.array(order)).to_pylist()
        ends = np.bincount(partitions, minlength=self._partitions).cumsum().tolist()
        parts = [(at, begin, end) for at, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)) if end > begin]
        waiting = _WaitingBlock(block.phase, block.until, len(rows), time.perf_counter(), {at for at, *_ in parts}, {})
        self._waiting.append(waiting)
        self._rows_waiting += len(rows)
        produce, topic, noted = self._producer.produce, self._topic, partial(self._note, waiting)
        try:
            for partition, begin, end in parts:
                for key, row in zip(keys[begin : end - 1], rows[begin : end - 1], strict=True):
                    produce(topic, row, key, partition)
                produce(topic, rows[end - 1], keys[end - 1], partition, on_delivery=noted)
        except (KafkaException, BufferError) as error:
            self._failure = str(error)  # raised by `ready`: part of the block is on its way, it cannot be offered again
        self._producer.poll(0)
        self._advance()

    def close(self) -> None:
        """Wait until all is acknowledged, but not for long."""
        if not self._failure:
            self._producer.flush(CLOSE_SECONDS)
        missing = self._rows_waiting
        self._producer.purge()
        self._producer.flush(1)
        if missing:
            cause = self._failure or self._cause or "no answer"
            raise target_error(f"{self._where} has not acknowledged the last {missing:,} rows: {cause}.")

    def trouble(self) -> str:
        """Return why rows have been waiting for over a second."""
        since = self._since
        late = since is not None and time.perf_counter() - since > 1
        return f"{self._where} does not answer{self._cause and f': {self._cause}'}." if late else ""

    def position(self) -> Mapping[str, object]:
        """Return how far the run is, and the offsets behind its rows."""
        return self._position

    def _are_new(self, keys: pa.Array) -> list[bool]:
        """Return, per row, whether the topic does not have it yet: of each key it has the first ones."""
        new = []
        for key in keys.to_pylist():
            name = key or ""
            new.append(not self._present[name])
            self._present[name] -= not new[-1]
        self._present = +self._present  # without those that are used up
        return new

    def _note(self, waiting: _WaitingBlock, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failure = self._failure or self._cause or error.str()
            return
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        waiting.open.discard(partition)
        waiting.ends[partition] = offset + 1
        self._advance()

    def _advance(self) -> None:
        """Take note of the blocks at the front that have arrived as a whole."""
        while self._waiting and not self._waiting[0].open:
            done = self._waiting.popleft()
            self._rows_waiting -= done.rows
            self._offsets |= done.ends
            self._all_arrived(done.until)
            self._position = self._position_now()
            if done.rows:
                self.writes.append(Write(done.phase, None, time.perf_counter() - done.handed_over))
            self._cause = ""
        self._since = self._waiting[0].handed_over if self._waiting else None

    def _position_now(self) -> Mapping[str, object]:
        return {"until": int(self.arrived.min()), "offsets": {str(at): end for at, end in self._offsets.items()}}

    def _note_connection(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 (says less than what came before)
            self._cause = error.str()


@cache
def _turn(device: str | None) -> int:
    """Return the place of a device, such as device-007-03 or device-0003, among those of all streams; 0 for none."""
    if device is None:
        return 0
    *stream, number = (int(part) for part in device.split("-")[1:])
    return sum(stream) * DEVICES + number
