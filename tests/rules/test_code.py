"""Rules of the code that the linter does not know. A number or a list is today's remainder: it only gets smaller."""

import ast
import re
from collections import Counter

from tests.rules.source import PLATFORM, PROGRAMS, directives, nodes_of, python_files

NOQA_WITHOUT_REASON = 104
#: Names of two or more classes of livetables.
AMBIGUOUS_CLASSES = ["Found", "Java", "Library", "Look", "RowFilter", "Run", "Selection", "Source", "Text"]

_REASON = re.compile(r"# noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)* \(.+\)")
_PRIVATE_SPARK = re.compile(r"_(jvm|jdf|jsparkSession|jsq|jc|jsc|jconf|jwrite|jreader|gateway|accumulatorServer)")
_ADAPTER = "livetables/spark/jvm.py"


def test_the_formatter_decides():
    """No line and no block is exempt from the formatter."""
    assert [] == [one for one in directives(*PROGRAMS, *PLATFORM) if one.startswith("# fmt")]


def test_each_noqa_has_a_reason():
    """In parentheses after the codes: `# noqa: S310 (an address of this machine)`."""
    noqas = [one for one in directives(*PROGRAMS, *PLATFORM) if one.startswith("# noqa")]
    without = sum(not _REASON.match(one) for one in noqas)
    assert without == NOQA_WITHOUT_REASON, "fewer: lower NOQA_WITHOUT_REASON; more: give a reason"


def test_a_class_has_a_name_of_its_own():
    """In the whole package, so that a name in a message or a review means one thing."""
    names = Counter(
        node.name for file in python_files("livetables") for node in nodes_of(file) if isinstance(node, ast.ClassDef)
    )
    assert sorted(name for name, count in names.items() if count > 1) == AMBIGUOUS_CLASSES


def test_private_names_of_spark_are_in_one_file():
    """An upgrade of Spark changes the adapter alone."""
    assert {_ADAPTER} == {
        file
        for file in python_files("livetables")
        for node in nodes_of(file)
        if isinstance(node, ast.Attribute) and _PRIVATE_SPARK.fullmatch(node.attr)
    }
