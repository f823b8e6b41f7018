"""An update that runs in a thread of its own, while the caller waits for what it has done."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from livetables.errors import LivetablesError, UpdateFailed
from livetables.events.state import Update

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from livetables.events.events import Event


class _Run(Protocol):
    """What runs updates and returns the state of the last one."""

    def __call__(self, *, stop: threading.Event, on_event: Callable[[Event], None]) -> Update: ...


class RunningUpdate:
    """An update that is running. Leaving its `with` block stops it, and raises what it has raised.

    >>> import livetables as lt
    >>> settings = lt.load_settings(paths=["rooms.py"], storage="out", path_map={"/Volumes/main/rooms": "data"})
    >>> with lt.Pipeline(settings) as pipeline, pipeline.start(continuous=True) as running:
    ...     _ = running.wait(lambda update: update.flow("readings").rows_in >= 3, timeout=120)
    >>> running.update.flow("readings").rows_out
    2
    """

    def __init__(self, run: _Run) -> None:
        self._update = Update()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._ended = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, args=(run,), name="livetables-update", daemon=True)
        self._thread.start()

    @property
    def update(self) -> Update:
        """The state of the update so far."""
        return self._update

    def wait(self, condition: Callable[[Update], bool], *, timeout: float = 60.0) -> Update:
        """Wait until `condition` is true of the update; it is asked again after each event.

        A flow that the update does not know yet makes it false. Raises TimeoutError after `timeout` seconds, and
        UpdateFailed, or what the update raised, when it ends before.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._holds(condition):
                if self._ended:
                    raise self._error or self._ended_before()
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    states = ", ".join(f"{flow.name} {flow.status}" for flow in self._update.flows.values())
                    raise TimeoutError(f"The condition was not true within {timeout:g} s. The flows are: {states}.")
        return self._update

    def stop(self) -> Update:
        """Stop the update at the ends of its batches and return its final state; raises what it has raised."""
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._update

    def __enter__(self) -> RunningUpdate:
        """Return the running update."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it; an exception of the block wins over one of the update."""
        try:
            self.stop()
        except BaseException:
            if error is None:
                raise

    def _work(self, run: _Run) -> None:
        try:
            run(stop=self._stop, on_event=self._take)
        except BaseException as error:  # noqa: BLE001 (it is raised in the thread that waits)
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _take(self, event: Event) -> None:
        with self._changed:
            self._update.apply(event)
            self._changed.notify_all()

    def _ended_before(self) -> UpdateFailed:
        reason = f" {self._update.errors[0]}" if self._update.errors else ""
        message = f"The update ended {self._update.state} before the condition was true.{reason}"
        return UpdateFailed("UPDATE_FAILED", message, hint="See `livetables events` for details.")

    def _holds(self, condition: Callable[[Update], bool]) -> bool:
        try:
            return condition(self._update)
        except LivetablesError:  # a flow or rule that has not been announced yet
            return False
