"""Detects files that a process has open for writing, by a file lease of Linux."""

from __future__ import annotations

import errno
import os
import signal
import sys


def is_open_for_writing(path: str) -> bool | None:
    """Whether some process has the file open for writing; None where the system can't say.

    Linux refuses a read lease while there is a writer. Leases are not available for a file of another owner, on some
    file systems, and outside of Linux. A writer that opens the file while we hold the lease waits until it is released,
    which is at once.
    """
    if sys.platform != "linux":
        return None
    import fcntl

    try:
        # Without O_NONBLOCK this waits where another process holds a write lease.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        return True if error.errno == errno.EWOULDBLOCK else None
    try:
        # A writer that breaks the lease sends a signal: not SIGIO, which would end this process.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno in {errno.EAGAIN, errno.EBUSY} else None
    finally:
        os.close(file)
    return False
