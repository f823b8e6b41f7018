"""Hadoop's globs (`*`, `?`, `[ab]`, `{a,b}`), and the names of files that Auto Loader never reads."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, TypeAlias

from livetables.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a load path still says about names in a folder: tuples of patterns; an empty one takes everything.
Rests: TypeAlias = frozenset[tuple[str, ...]]


def hidden(name: str) -> bool:
    """Whether files and folders of this name are skipped: `_` and `.` begin what is no data, or not finished."""
    return name.startswith(("_", ".")) or name.endswith("._COPYING_")


def is_glob(text: str) -> bool:
    """Whether the text stands for more than itself."""
    return any(mark in text for mark in "*?[{\\")


def beginning(path: str) -> str:
    """Return the folder in which a load path begins: the path itself, or what comes before its first pattern."""
    return "/".join(takewhile(lambda part: not is_glob(part), path.split("/")))


def expand(pattern: str) -> list[str]:
    """Return the patterns without braces that a pattern with `{a,b}` stands for; an alternative may hold a `/`."""
    cuts: list[int] = []
    depth, at = 0, 0
    while at < len(pattern):
        mark = pattern[at]
        depth += (mark == "{") - (mark == "}" and depth > 0)
        if (depth == 1 and mark in "{,") or (depth == 0 and cuts):
            cuts.append(at)
        if depth == 0 and cuts:
            parts = (pattern[one + 1 : two] for one, two in pairwise(cuts))
            whole = [pattern[: cuts[0]] + part + pattern[at + 1 :] for part in parts]
            return [each for one in whole for each in expand(one)]
        at += 2 if mark == "\\" else 1
    return [pattern]


def matches(pattern: str, name: str) -> bool:
    """Whether the name of a file or folder fits the pattern, which has no `/` outside of braces."""
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile("|".join(_regex(one) for one in expand(pattern)), re.DOTALL)
    except re.error as error:
        said = f"The pattern '{pattern}' for names of files can't be read: {error}."
        raise SettingsError("WRONG_VALUE", said, hint="Write it with *, ?, [ab] and {a,b}.") from error


def _regex(pattern: str) -> str:
    """Return the regular expression of a pattern without braces."""
    pieces = re.findall(r"\\.|\[[!^]?[^\]]+\]|.", pattern, re.DOTALL)
    return "".join(_piece(one) for one in pieces)


def _piece(text: str) -> str:
    if text in ("*", "?"):
        return {"*": ".*", "?": "."}[text]
    if text.startswith("[") and len(text) > 1:
        negated = text[1] in "!^"
        letters = "".join(one if one == "-" else re.escape(one) for one in text[1 + negated : -1])
        return f"[{'^' if negated else ''}{letters}]"
    return re.escape(text[-1])


def rests_of(folder: str, roots: Mapping[str, Rests], *, recursive: bool) -> Rests:
    """Return what is said about names in this folder, where `roots` are the folders in which a load path begins."""
    found: Rests = frozenset()
    for root, said in roots.items():
        if folder == root or folder.startswith(root.rstrip("/") + "/"):
            rests = said
            for name in filter(None, folder[len(root) :].split("/")):
                rests = rests_below(rests, name, recursive=recursive)
            found |= rests
    return found


def rests_below(rests: Rests, name: str, *, recursive: bool) -> Rests:
    """Return what is said about names in the folder `name`; nothing at all when it is not entered."""
    everything = {rest for rest in rests if not rest and recursive and not hidden(name)}
    return frozenset(everything | {rest[1:] for rest in rests if rest and fits(rest[0], name)})


def takes(rests: Rests, name: str) -> bool:
    """Whether a file of this name belongs to the load path."""
    return any(fits(rest[0], name) if len(rest) == 1 else not rest and not hidden(name) for rest in rests)


def fits(pattern: str, name: str) -> bool:
    """Whether a name fits one part of a load path; hidden ones fit only what begins as they do."""
    return matches(pattern, name) and (not hidden(name) or pattern.startswith(("_", ".")))
