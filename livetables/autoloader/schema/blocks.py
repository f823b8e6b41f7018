"""Reads files in blocks, decompressing them where needed, and detects damaged ones."""

from __future__ import annotations

import bz2
import gzip
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK_BYTES = 1 << 20
#: Bytes read at a time when only the first lines are needed.
_HEAD_BYTES = 1 << 16
#: Readers that notice a truncated gzip or bzip2 file; Arrow's readers of these do not.
_OPENERS: dict[str, Callable[[str], Any]] = {
    "gz": partial(gzip.open, mode="rb"),
    "bz2": partial(bz2.open, mode="rb"),
    **{suffix: partial(pa.input_stream, compression="detect") for suffix in ("zst", "lz4")},
}
#: The file name suffixes for which Spark decompresses a file.
_COMPRESSED = (*_OPENERS, "deflate", "lzo", "snappy", "xz")


class UnreadableError(Exception):
    """The content of a file is damaged; the message describes the damage."""


def is_compressed(path: str) -> bool:
    """Whether Spark decompresses the file when it reads it."""
    return _suffix(path) in _COMPRESSED


def line_blocks(path: str) -> Iterator[bytes]:
    """Yield a file in blocks of whole lines, about a megabyte each. Raises UnreadableError."""
    begun: list[bytes] = []
    for chunk in _chunks(path, BLOCK_BYTES):
        whole, newline, rest = chunk.rpartition(b"\n")
        if newline:
            yield b"".join([*begun, whole, newline])
            begun = []
        begun.append(rest)
    if last := b"".join(begun).strip():
        yield last


def head(path: str) -> Iterator[bytes]:
    """Yield the beginning of a file, in chunks, until one has a line end or the file ends. Raises UnreadableError."""
    for chunk in _chunks(path, _HEAD_BYTES):
        yield chunk
        if b"\n" in chunk:
            return


def check_readable(path: str) -> None:
    """Read a compressed file to its end. Raises UnreadableError when it is damaged."""
    if _suffix(path) in _OPENERS:
        for _ in _chunks(path, BLOCK_BYTES):
            pass


def _chunks(path: str, size: int) -> Iterator[bytes]:
    open_file = _OPENERS.get(_suffix(path), partial(open, mode="rb"))
    with open_file(path) as stream:
        try:
            while chunk := stream.read(size):
                yield chunk
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableError(str(error)) from error


def _suffix(path: str) -> str:
    return path.rpartition(".")[2].lower()
