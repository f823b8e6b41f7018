"""Reads files in pieces, also compressed ones, and notices those that are damaged."""

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
#: So much of its beginning tells what it begins with.
_HEAD = 1 << 16
#: What opens a compressed file and notices that its end is missing, which Arrow's readers of gzip and bzip2 do not.
_OPENERS: dict[str, Callable[[str], Any]] = {
    "gz": partial(gzip.open, mode="rb"),
    "bz2": partial(bz2.open, mode="rb"),
    **{end: partial(pa.input_stream, compression="detect") for end in ("zst", "lz4")},
}
#: Files whose names end so, Spark decompresses.
_COMPRESSED = (*_OPENERS, "deflate", "lzo", "snappy", "xz")


class UnreadableError(Exception):
    """The content of a file is damaged; the message says how."""


def is_compressed(path: str) -> bool:
    """Tell whether Spark would decompress a file."""
    return _ending(path) in _COMPRESSED


def blocks(path: str) -> Iterator[bytes]:
    """Yield a file in blocks of whole lines, each of about a megabyte; raises UnreadableError."""
    begun: list[bytes] = []
    for piece in _pieces(path, BLOCK_BYTES):
        whole, newline, rest = piece.rpartition(b"\n")
        if newline:
            yield b"".join([*begun, whole, newline])
            begun = []
        begun.append(rest)
    if last := b"".join(begun).strip():
        yield last


def head(path: str) -> Iterator[bytes]:
    """Yield the beginning of a file, up to the end of a line after the first 64 KB or to its own end."""
    for piece in _pieces(path, _HEAD):
        yield piece
        if b"\n" in piece:
            return


def _pieces(path: str, size: int) -> Iterator[bytes]:
    opened = _OPENERS.get(_ending(path), partial(open, mode="rb"))
    with opened(path) as stream:
        try:
            while piece := stream.read(size):
                yield piece
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableError(str(error)) from error


def check(path: str) -> None:
    """Read a compressed file to its end; raises UnreadableError when it is damaged."""
    if _ending(path) in _OPENERS:
        for _ in _pieces(path, BLOCK_BYTES):
            pass


def _ending(path: str) -> str:
    return path.rpartition(".")[2].lower()
