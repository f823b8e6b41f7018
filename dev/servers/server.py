"""What the local servers, Kafka and S3, share: they run with a block or until `down`, on 127.0.0.1."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dev.servers.processes import STOP_SECONDS, command_line, end, is_free, supervised, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_SECONDS = 60
_HOMES = Path(__file__).resolve().parents[2] / ".livetables"


class ServerError(RuntimeError):
    """A server did not start; no process of it is left running."""


@dataclass(frozen=True)
class Server:
    """A kind of server.

    Attributes:
        name: how messages call it, such as "Kafka".
        folder: its folder below `.livetables`.
        main: the Java class that its process runs.
        command: writes the settings for a data folder and a port, and returns the command that runs the server. The
            command contains a path in the data folder.
        endpoint: returns the address for clients of a port.
        answers: whether a server answers at an endpoint.
    """

    name: str
    folder: str
    main: str
    command: Callable[[Path, int], list[str]]
    endpoint: Callable[[int], str]
    answers: Callable[[str], bool]

    @property
    def home(self) -> Path:
        """The folder of a server that `start` leaves running, unless it is given another one."""
        return _HOMES / self.folder


@dataclass(frozen=True)
class Running:
    """A server that `start` left running: its process id, its address, and the absolute path of its data folder."""

    pid: int
    endpoint: str
    data: str


@contextmanager
def running(server: Server, data: Path) -> Iterator[str]:
    """Run a server on a free port and yield its endpoint; it ends with the block or with this process.

    Args:
        server: the kind of server.
        data: folder for its settings, its log, and what it stores. What an earlier server stored there is kept.

    Raises:
        ServerError: the server does not start, or another one uses the folder.
    """
    port = unused_port()
    with _claimed(server, data) as claim, log_file(data).open("wb") as log:
        process = supervised(server.command(data, port), log, claim)
    try:
        yield _await_answer(server, process, port, data)
    finally:
        end(process)


def start(server: Server, port: int, data: Path) -> Running:
    """Start a server that outlives this process; raises ServerError."""
    if not is_free(port):
        raise ServerError(f"Port {port} is in use by another program; choose another one with --port.")
    with _claimed(server, data) as claim, log_file(data).open("wb") as log:
        process = subprocess.Popen(
            server.command(data, port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(claim,),
            start_new_session=True,
        )
    try:
        started = Running(process.pid, _await_answer(server, process, port, data), str(data.absolute()))
        server.home.mkdir(parents=True, exist_ok=True)
        _record_file(server).write_text(json.dumps(asdict(started)))
    except BaseException:
        process.kill()
        process.wait()
        raise
    return started


def stop(server: Server) -> Running | None:
    """Stop the server that `start` left running and return what it was; None when there is none."""
    record = started_before(server)
    if record is not None:
        for sign, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
            with suppress(ProcessLookupError):
                os.kill(record.pid, sign)
            if _ends_within(server, record, seconds):
                break
    _record_file(server).unlink(missing_ok=True)
    return record


def started_before(server: Server) -> Running | None:
    """Return the server that `start` left running, if it still runs."""
    try:
        record = Running(**json.loads(_record_file(server).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return record if _is_alive(server, record) else None


def log_file(data: Path) -> Path:
    """Return the file with the output of the server in a data folder."""
    return data / "server.log"


def first_error(text: str) -> str:
    """Return the line of a log that names the cause: the first exception, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if "Exception: " in line]
    return (named or lines[-1:] or ["no output"])[0]


@contextmanager
def _claimed(server: Server, data: Path) -> Iterator[int]:
    """Lock the data folder; the server inherits the descriptor and so holds the lock for as long as it lives.

    Kafka's own lock comes too late: a second broker has by then written to the first one's metadata.
    """
    data.mkdir(parents=True, exist_ok=True)
    with (data / "server.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ServerError(f"{server.name} already runs in {data}; stop it or choose another folder.") from error
        inherited = fcntl.fcntl(lock, fcntl.F_DUPFD, 10)  # the shell of `supervised` uses the numbers below 10
        try:
            yield inherited
        finally:
            os.close(inherited)


def _await_answer(server: Server, process: subprocess.Popen[bytes], port: int, data: Path) -> str:
    """Wait until the server answers a client and return its endpoint."""
    endpoint, log = server.endpoint(port), log_file(data)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(f"{server.name} ended at once: {first_error(log.read_text())} (log: {log})")
        if not is_free(port) and server.answers(endpoint):
            return endpoint
        time.sleep(0.1)
    raise ServerError(f"{server.name} did not answer at {endpoint} within {START_SECONDS} s (log: {log}).")


def _is_alive(server: Server, record: Running) -> bool:
    """Whether the process is still this server, and not another program with the same process id."""
    command = command_line(record.pid)
    return f" {server.main} " in command and f" {record.data}/" in command


def _ends_within(server: Server, record: Running, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not _is_alive(server, record):
            return True
        time.sleep(0.1)
    return False


def _record_file(server: Server) -> Path:
    return server.home / "server.json"
