"""Docstrings are in plain technical English: these words are not."""

import re

import pytest

from tests.rules.source import PLATFORM, PROGRAMS, docstrings

#: Words of a private dialect; none of them is in a docstring.
WORDS = ("tell whether", "so many", "said aloud", "nobody", "anew", "who asks", "what stands", "it is told")


@pytest.mark.parametrize("word", WORDS)
def test_docstrings_avoid_a_word(word):
    """A reader whose second language is English looks for the standard term: "Return whether", "again", "warned"."""
    found = sum(len(re.findall(rf"\b{word}\b", text.lower())) for text in docstrings(*PROGRAMS, *PLATFORM))
    assert found == 0
