"""The code blocks of the project's documents.

A block is not run when the comment `<!-- not run: REASON -->` is directly above it. A file name in the line above a
block, such as `rooms.py`, is the name of the file that the block shows.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: What a command of an untagged block begins with; any other untagged block is what a program prints.
PROGRAMS = ("livetables", "python", "make", "sh", "git", "pip", "pre-commit", "databricks")
_FENCE = re.compile(r"^```(\w*)$")
_NOT_RUN = re.compile(r"^<!-- not run: (.+) -->$")
_FILE_NAME = re.compile(r"`([\w/]+\.(?:py|sql))`")


@dataclass(frozen=True)
class Block:
    """A code block of a document.

    Attributes:
        place: `FILE:LINE` of its first line.
        language: what is written behind the fence, such as "python"; "" for none.
        text: its lines.
        name: the file that it shows, "" when the text above names none.
        not_run: why it is not run, "" for a block that is.
    """

    place: str
    language: str
    text: str
    name: str = ""
    not_run: str = ""

    @property
    def commands(self) -> list[list[str]]:
        """The words of its commands, without the folder of the program; none for a block of another language."""
        lines = [shlex.split(line, comments=True) for line in self.text.replace("\\\n", " ").splitlines()]
        commands = [[Path(words[0]).name, *words[1:]] for words in lines if words]
        shell = self.language in ("console", "bash", "sh") or (commands and commands[0][0] in PROGRAMS)
        return commands if shell else []


def documents() -> list[str]:
    """Return the paths of the documents with code blocks, relative to the project."""
    files = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
    return [file.relative_to(ROOT).as_posix() for file in files if "\n```" in file.read_text()]


def blocks(text: str, document: str) -> list[Block]:
    """Return the code blocks of a document's text; raises ValueError for a fence that is not closed."""
    found, above, opened = [], "", None
    reason = ""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if opened is None and fence:
            opened = (number, fence[1])
        elif opened is not None and line == "```":
            start, language = opened
            names = _FILE_NAME.findall(above)
            code = "\n".join(lines[start : number - 1]) + "\n"
            found.append(Block(f"{document}:{start + 1}", language, code, names[-1] if names else "", reason))
            opened, above, reason = None, "", ""
        elif opened is None and (comment := _NOT_RUN.match(line)):
            reason = comment[1]
        elif opened is None and line:
            above, reason = line, ""
    if opened is not None:
        raise ValueError(f"{document}:{opened[0]}: the code block is not closed")
    return found
