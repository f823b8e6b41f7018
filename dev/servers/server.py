"""What the local servers, Kafka and S3, share: ports of 127.0.0.1, and processes that end with their caller."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
MAX_PORT = 65535
STOP_SECONDS = 15

# The server lives as long as the shell's stdin is open: when the caller dies, even by kill -9, it ends too.
SUPERVISED = """
exec 3<&0
"$@" 3<&- & server=$!
{ read -r _ <&3; kill "$server"; } 2>/dev/null & watcher=$!
wait "$server"; status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"""


def supervised(command: list[str], log: IO[bytes], *descriptors: int) -> subprocess.Popen[bytes]:
    """Start a server that ends with this process; it inherits the descriptors."""
    return subprocess.Popen(
        ["sh", "-c", SUPERVISED, "sh", *command],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        pass_fds=descriptors,
        start_new_session=True,  # Ctrl-C is for the caller, who stops the server in order
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a supervised server, by force when it takes too long."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def command_line(pid: int) -> str:
    """Return the command of a process, nothing when there is none."""
    said = Path(f"/proc/{pid}/cmdline")
    if said.parent.parent.joinpath("self").exists():
        return said.read_bytes().replace(b"\0", b" ").decode() if said.exists() else ""
    return subprocess.run(  # macOS
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout


def is_free(port: int) -> bool:
    """Tell whether nothing listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports() -> tuple[int, int]:
    """Return two ports on which nothing listens."""
    with socket.socket() as one, socket.socket() as two:
        one.bind((HOST, 0))
        two.bind((HOST, 0))
        return one.getsockname()[1], two.getsockname()[1]


def first_error(text: str) -> str:
    """Pick the line that names the cause: the first exception, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if "Exception: " in line]
    return (named or lines[-1:] or ["it said nothing"])[0]
