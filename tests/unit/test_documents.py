"""How the code blocks of documents are found, which tests/pipeline/test_documents.py runs."""

import pytest

from tests.documents import Block, blocks

DOCUMENT = """\
`rooms.py`, a pipeline:

```python
import dlt
```

<!-- not run: needs a workspace -->
```
.venv/bin/livetables check \\
    rooms.py  # finds errors
make
```

```
3 rows
```
"""


def test_a_block_has_a_place_a_language_a_file_name_and_a_reason():
    """The name is in the line above, the reason in a comment; neither goes on to the next block."""
    assert [
        Block("x.md:4", "python", "import dlt\n", name="rooms.py"),
        ("x.md:9", "needs a workspace"),
        Block("x.md:15", "", "3 rows\n"),
    ] == [block if not block.not_run else (block.place, block.not_run) for block in blocks(DOCUMENT, "x.md")]


def test_commands_are_those_of_the_shell():
    """A folder of programs, comments and line breaks are no part of them; output has no commands."""
    _, shell, output = blocks(DOCUMENT, "x.md")
    assert [["livetables", "check", "rooms.py"], ["make"]] == shell.commands
    assert [] == output.commands


def test_a_block_has_an_end():
    """Without one, the rest of the document would not be shown."""
    with pytest.raises(ValueError, match=r"x\.md:1: the code block is not closed"):
        blocks("```sql\nSELECT 1\n", "x.md")
