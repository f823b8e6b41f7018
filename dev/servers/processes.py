"""Ports of 127.0.0.1, and processes that end with their caller."""

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
_SUPERVISED = """
exec 3<&0
"$@" 3<&- & server=$!
{ read -r _ <&3; kill "$server"; } 2>/dev/null & watcher=$!
wait "$server"; status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"""


def supervised(command: list[str], log: IO[bytes], *descriptors: int) -> subprocess.Popen[bytes]:
    """Start a program that ends with this process; it inherits the descriptors (10 or higher)."""
    return subprocess.Popen(
        ["sh", "-c", _SUPERVISED, "sh", *command],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        pass_fds=descriptors,
        start_new_session=True,  # Ctrl-C is for the caller, who stops the server in order
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a supervised program, by force when it takes longer than STOP_SECONDS."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def command_line(pid: int) -> str:
    """Return the command and the arguments of a process, separated by spaces; "" when there is no such process."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return ""
    return subprocess.run(  # macOS
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout


def is_free(port: int) -> bool:
    """Whether no program listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def unused_port(other_than: int = 0) -> int:
    """Return a port on which no program listens."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port != other_than:
            return port
