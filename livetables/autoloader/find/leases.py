"""Whether a file is open for writing, asked of Linux by a lease."""

from __future__ import annotations

import errno
import os
import signal
import sys


def being_written(path: str) -> bool | None:
    """Whether some process has the file open for writing; None where that can't be asked.

    A lease for reading is refused while there is a writer. It can't be asked for a file of another owner, on some file
    systems, and outside of Linux. A writer that comes while we hold the lease waits until it is released, at once.
    """
    if sys.platform != "linux":
        return None
    import fcntl

    try:
        # Without O_NONBLOCK this waits where another process holds a lease for writing.
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
