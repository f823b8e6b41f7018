"""Texts that a review has seen: what the program says now must be the same. `GOLDEN=write` writes them again."""

import os
import re


def compare(file, found):
    """Hold what was found against the text in a file."""
    if os.environ.get("GOLDEN") == "write":
        file.write_text(found)
    assert file.read_text() == found


def snippets(file, comment):
    """Return the title of each snippet, and the file's text with only this one in it, at its own lines.

    Each stands below a line with `comment`, `%%` and the title; what is above the first is in all of them.
    """
    text = file.read_text()
    starts = [match.start() for match in re.finditer(rf"^{comment} %% .*$", text, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        hidden = re.sub(r".+", "", text[starts[0] : start])
        yield text[start : text.index("\n", start)], text[: starts[0]] + hidden + text[start:end]


def said_of_each(file, comment, folder, say):
    """Return what `say` says of a file with each of the snippets alone, below the snippets' titles."""
    found = []
    for title, text in snippets(file, comment):
        copy = folder / file.name
        copy.write_text(text)
        found.append(f"{title}\n{say(copy)}\n")
    return "\n".join(found)
