"""Asks a server whether it is there, before a client that is more patient does."""

from __future__ import annotations

import socket

#: How long a server may take to answer before it counts as unreachable, in seconds.
PROBE_SECONDS = 5.0


def refusal(server: str) -> str | None:
    """Return why no connection to `host:port` comes about; a closed port says so at once, clients often wait."""
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit():
        return "it is not HOST:PORT"
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_SECONDS):
            return None
    except (OSError, OverflowError) as error:
        return str(getattr(error, "strerror", None) or error or type(error).__name__).lower()
