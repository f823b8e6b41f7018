"""Rules of the code that the linter does not know."""

import ast
import re
from collections import Counter

from tests.rules.source import PLATFORM, PROGRAMS, directives, nodes_of, python_files

#: py4j looks for a nested class of this name.
AMBIGUOUS_CLASSES = ["Java"]

_REASON = re.compile(r"# noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)* \(.+\)")
_PRIVATE_SPARK = re.compile(r"_(jvm|jdf|jsparkSession|jsq|jc|jsc|jconf|jwrite|jreader|gateway|accumulatorServer)")
_ADAPTER = "livetables/spark/jvm.py"


def test_the_formatter_decides():
    """No line and no block is exempt from the formatter."""
    assert [] == [one for one in directives(*PROGRAMS, *PLATFORM) if one.startswith("# fmt")]


def test_each_noqa_has_a_reason():
    """In parentheses after the codes: `# noqa: S310 (an address of this machine)`."""
    noqas = [one for one in directives(*PROGRAMS, *PLATFORM) if one.startswith("# noqa")]
    assert [] == [one for one in noqas if not _REASON.match(one)]


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
