"""Parses the argument `row_filter=`: ROW FILTER function ON (column or literal, ...)."""

from __future__ import annotations

import re

from livetables.model import NAME_PART, RowFilter, name_parts, quoted

_TEXT = r"""(?:'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")"""
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:E[+-]?\d+)?(?:L|S|Y|F|D|BD)?\b"
_INTERVAL = rf"INTERVAL\s+(?:{_TEXT}|{_NUMBER})\s+\w+(?:\s+TO\s+\w+)?"
_LITERAL = rf"(?:{_TEXT}|{_NUMBER}|{_INTERVAL}|(?:TRUE|FALSE|NULL)\b)"
_ARGUMENT = re.compile(rf"\s*(?:(?P<literal>{_LITERAL})|(?P<column>{NAME_PART}))\s*(?:,|$)", re.IGNORECASE | re.DOTALL)
_FILTER = re.compile(
    rf"\s*ROW\s+FILTER\s+(?P<function>{NAME_PART}(?:\s*\.\s*{NAME_PART}){{0,2}})\s*\bON\s*\((?P<arguments>.*)\)\s*",
    re.IGNORECASE | re.DOTALL,
)


def row_filter(text: str) -> RowFilter | None:
    """Return the row filter of a text, or None when the text is not a row filter."""
    match = _FILTER.fullmatch(text)
    if match is None:
        return None
    text = match["arguments"].strip()
    columns, arguments, position = [], [], 0
    while position < len(text):
        argument = _ARGUMENT.match(text, position)
        if argument is None:
            return None
        if argument["column"]:
            columns.append(name_parts(argument["column"])[0])
        arguments.append(argument["literal"] or quoted(columns[-1]))
        position = argument.end()
    if text.endswith(","):
        return None
    function = name_parts(match["function"])[-1]
    return RowFilter(f"{quoted(function)}({', '.join(arguments)})", tuple(columns))
