"""Runs a program to its end, with a limit: how long it took and how much memory its processes held."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks._pairs import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
POLL_SECONDS = 0.2
#: How long what a program started (its JVM) may outlive it.
LINGER_SECONDS = 15.0
TAIL_LINES = 20
MIB = 1024 * 1024
_PROC = Path("/proc")
# Places in /proc/PID/stat behind the name; see proc_pid_stat(5).
_STATE, _SESSION, _USER, _SYSTEM, _SIZE, _RSS, _STACK = 0, 3, 11, 12, 20, 21, 25


@dataclass(frozen=True)
class Finished:
    """A program that ended well.

    Attributes:
        seconds: from its start to its exit.
        cpu_seconds: processor time of it and all it started, up to the last poll; None where there is no /proc.
        peak_mib: most resident memory that they held at one time; None where there is no /proc.
        said: what it printed to standard output.
    """

    seconds: float
    cpu_seconds: float | None
    peak_mib: float | None
    said: str


def run_program(command: Sequence[str], logs: Path, limit_seconds: float) -> Finished:
    """Run `command` in the project's root and return when it and all it started have ended.

    Raises BenchmarkError with the end of its output when it fails or takes longer than the limit; it is then
    killed. `logs` is the folder for its output.
    """
    logs.mkdir(parents=True, exist_ok=True)
    out, err = logs / "stdout.txt", logs / "stderr.txt"
    began = time.monotonic()
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,  # one number for the program and all it starts
        )
    watch = _Watch(process.pid, began + limit_seconds)
    try:
        watch.start()
        code = process.wait()  # no timeout: with one, Popen notices the end up to 50 ms late
        seconds = time.monotonic() - began
    except BaseException:
        _kill(process.pid)
        process.wait()
        raise
    finally:
        watch.end()
        _end_rest(process.pid)
    if code or watch.expired:
        why = f"took longer than {limit_seconds:.0f} s" if watch.expired else f"ended with {code}"
        raise BenchmarkError(f"{Path(command[0]).name} {' '.join(command[1:])} {why}:\n{_tail(out)}\n{_tail(err)}")
    return Finished(seconds, watch.cpu_seconds, watch.peak_mib, out.read_text(errors="replace"))


def kill_session(leader: int) -> None:
    """Kill (SIGKILL) a process that leads its own session, and all that it started; return when they have ended."""
    _kill(leader)
    deadline = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < deadline:
        left = [pid for pid, fields in _processes(leader).items() if fields[_STATE] != "Z"]
        if not left:
            return
        for pid in left:  # Spark's Python workers have a group of their own
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


class _Watch(threading.Thread):
    """Polls memory and processor time of a session's processes, and kills them at the deadline."""

    def __init__(self, session: int, deadline: float) -> None:
        super().__init__(daemon=True)
        self._session = session
        self._deadline = deadline
        self._ended = threading.Event()
        self._peak_pages = 0
        self._ticks: dict[int, int] = {}
        self.expired = False

    def run(self) -> None:
        while not self._ended.wait(POLL_SECONDS):
            processes = _processes(self._session)
            self._peak_pages = max(self._peak_pages, _resident_pages(processes))
            self._ticks |= {pid: int(fields[_USER]) + int(fields[_SYSTEM]) for pid, fields in processes.items()}
            if time.monotonic() > self._deadline:
                self.expired = True
                _kill(self._session)
                return

    def end(self) -> None:
        self._ended.set()
        if self.is_alive():
            self.join()

    @property
    def cpu_seconds(self) -> float | None:
        return round(sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK"), 1) if self._ticks else None

    @property
    def peak_mib(self) -> float | None:
        if not self._peak_pages:
            return None
        return round(self._peak_pages * os.sysconf("SC_PAGE_SIZE") / MIB, 1)


def _processes(session: int) -> dict[int, list[str]]:
    """Return the fields of /proc/PID/stat behind the name, of the session's processes."""
    found = {}
    for stat in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[_SESSION]) == session:
                found[int(stat.parent.name)] = fields
    return found


def _resident_pages(processes: dict[int, list[str]]) -> int:
    """Return the sum over the processes. Pages that processes share count in each of them."""
    # A JVM that starts a command has for a moment a child with its own memory, all of it: one stack, one size.
    memories: dict[tuple[str, str], int] = {}
    for fields in processes.values():
        memory = fields[_STACK], fields[_SIZE]
        memories[memory] = max(memories.get(memory, 0), int(fields[_RSS]))
    return sum(memories.values())


def _end_rest(group: int) -> None:
    """Wait for what the program left behind, then kill it: the next run shall have the machine to itself."""
    deadline = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except OSError:
            return
        time.sleep(0.05)
    _kill(group)


def _kill(group: int) -> None:
    with suppress(OSError):
        os.killpg(group, signal.SIGKILL)


def _tail(file: Path) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-TAIL_LINES:])
