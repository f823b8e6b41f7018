"""Docstrings are in plain technical English: these words are not."""

import re

import pytest

from tests.rules.source import PLATFORM, PROGRAMS, docstrings

#: Word -> how many times it is still used in docstrings: it only gets smaller.
WORDS = {
    "tell whether": 63,
    "so many": 7,
    "said aloud": 5,
    "nobody": 21,
    "anew": 12,
    "who asks": 2,
    "what stands": 10,
    "it is told": 0,
}


@pytest.mark.parametrize("word", WORDS)
def test_docstrings_avoid_a_word(word):
    """A reader whose second language is English looks for the standard term: "Return whether", "again", "warned"."""
    found = sum(len(re.findall(rf"\b{word}\b", text.lower())) for text in docstrings(*PROGRAMS, *PLATFORM))
    assert found == WORDS[word], "fewer: lower the number in WORDS; more: use another word"
