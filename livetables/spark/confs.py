"""Confs of the session that a flow or a pipeline has of its own."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from pyspark.sql import SparkSession


@contextmanager
def confs(spark: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
    """Set confs of the session for a while; a streaming query keeps those that it was started with."""
    before = {key: spark.conf.get(key, None) for key in values}
    for key, value in values.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            if old is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, old)


class _Turns:
    """Users of a session whose confs are the same use it together; the others wait until those are done."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._values: Mapping[str, str] = {}
        self._users = 0
        self._set = ExitStack()

    @contextmanager
    def with_confs(self, spark: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._users == 0 or self._values == values)
            if self._users == 0:
                self._values = values
                self._set.enter_context(confs(spark, values))
            self._users += 1
        try:
            yield
        finally:
            with self._changed:
                self._users -= 1
                if self._users == 0:
                    self._set.close()
                    self._changed.notify_all()


_turns = _Turns()


def own_confs(spark: SparkSession, values: Mapping[str, str]) -> AbstractContextManager[None]:
    """Set the confs of a flow for a while; flows that run at the same time share the session, so others wait."""
    return _turns.with_confs(spark, dict(values))
