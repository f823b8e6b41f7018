"""Hadoop's globs (`*`, `?`, `[ab]`, `{a,b}`), and the names of files that Auto Loader never reads."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, TypeAlias

from livetables.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The parts of a load path that are still to be matched below a folder; an empty tuple matches everything.
RemainingPatterns: TypeAlias = frozenset[tuple[str, ...]]


def is_hidden(name: str) -> bool:
    """Whether files and folders of this name are skipped: they begin with `_` or `.`, or Hadoop still copies them."""
    return name.startswith(("_", ".")) or name.endswith("._COPYING_")


def is_glob(text: str) -> bool:
    """Whether the text has wildcards."""
    return any(mark in text for mark in "*?[{\\")


def glob_root(path: str) -> str:
    """Return the part of a load path before its first wildcard, in whole folders; the path itself without one."""
    return "/".join(takewhile(lambda part: not is_glob(part), path.split("/")))


def expand_braces(pattern: str) -> list[str]:
    """Return the patterns without braces that a pattern with `{a,b}` stands for; an alternative may hold a `/`."""
    cuts: list[int] = []
    depth, at = 0, 0
    while at < len(pattern):
        mark = pattern[at]
        depth += (mark == "{") - (mark == "}" and depth > 0)
        if (depth == 1 and mark in "{,") or (depth == 0 and cuts):
            cuts.append(at)
        if depth == 0 and cuts:
            parts = (pattern[start + 1 : end] for start, end in pairwise(cuts))
            alternatives = [pattern[: cuts[0]] + part + pattern[at + 1 :] for part in parts]
            return [expanded for alternative in alternatives for expanded in expand_braces(alternative)]
        at += 2 if mark == "\\" else 1
    return [pattern]


def matches(pattern: str, name: str) -> bool:
    """Whether the name of a file or folder matches the pattern, which has no `/` outside of braces."""
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile("|".join(_regex(each) for each in expand_braces(pattern)), re.DOTALL)
    except re.error as error:
        message = f"The pattern '{pattern}' for names of files can't be read: {error}."
        raise SettingsError("WRONG_VALUE", message, hint="Write it with *, ?, [ab] and {a,b}.") from error


def _regex(pattern: str) -> str:
    """Return the regular expression of a pattern without braces."""
    tokens = re.findall(r"\\.|\[[!^]?[^\]]+\]|.", pattern, re.DOTALL)
    return "".join(_token_regex(token) for token in tokens)


def _token_regex(token: str) -> str:
    if token in ("*", "?"):
        return {"*": ".*", "?": "."}[token]
    if token.startswith("[") and len(token) > 1:
        negated = token[1] in "!^"
        letters = "".join(char if char == "-" else re.escape(char) for char in token[1 + negated : -1])
        return f"[{'^' if negated else ''}{letters}]"
    return re.escape(token[-1])


def patterns_in(folder: str, roots: Mapping[str, RemainingPatterns], *, recursive: bool) -> RemainingPatterns:
    """Return the patterns for names in a folder; `roots` are the patterns of the folders where the load path begins."""
    found: RemainingPatterns = frozenset()
    for root, patterns in roots.items():
        if folder == root or folder.startswith(root.rstrip("/") + "/"):
            remaining = patterns
            for name in filter(None, folder[len(root) :].split("/")):
                remaining = patterns_below(remaining, name, recursive=recursive)
            found |= remaining
    return found


def patterns_below(patterns: RemainingPatterns, name: str, *, recursive: bool) -> RemainingPatterns:
    """Return the patterns for names in the subfolder `name`; an empty set when it is not to be entered."""
    everything = {rest for rest in patterns if not rest and recursive and not is_hidden(name)}
    return frozenset(everything | {rest[1:] for rest in patterns if rest and matches_part(rest[0], name)})


def takes_file(patterns: RemainingPatterns, name: str) -> bool:
    """Whether a file of this name belongs to the load path."""
    return any(matches_part(rest[0], name) if len(rest) == 1 else not rest and not is_hidden(name) for rest in patterns)


def matches_part(pattern: str, name: str) -> bool:
    """Whether a name matches one part of a load path; a hidden name needs a pattern that begins with `_` or `.`."""
    return matches(pattern, name) and (not is_hidden(name) or pattern.startswith(("_", ".")))
