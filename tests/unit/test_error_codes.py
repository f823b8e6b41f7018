"""docs/errors.md explains each code of errors and warnings, and no others."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[A-Z][A-Z0-9_]+")
#: Explained, and raised by Spark and Delta alone.
FOREIGN = {"EXPECTATION_VIOLATION.VERBOSITY_ALL", "DELTA_SOURCE_TABLE_IGNORE_CHANGES", "FAILED_READ_FILE"}
#: Functions that a caller passes, so that no definition of this name has a parameter `code`.
CALLBACKS = {"warn": 0, "_warn": 0}


def trees() -> list[ast.Module]:
    """Return all modules of livetables."""
    return [ast.parse(file.read_text()) for file in sorted((ROOT / "livetables").rglob("*.py"))]


def takers(modules: list[ast.Module]) -> dict[str, int]:
    """Return the functions and error classes that take a code, with its position among the arguments of a call."""
    classes = [node for module in modules for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    functions = [node for module in modules for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    found = CALLBACKS | {"Diagnostic": 0, "LivetablesError": 0}
    for _ in classes:  # until the subclasses of subclasses are known
        found |= {node.name: 0 for node in classes if {ast.unparse(base) for base in node.bases} & found.keys()}
    for node in [*functions, *classes]:
        inits = [each for each in getattr(node, "body", ()) if getattr(each, "name", "") == "__init__"]
        function = inits[0] if isinstance(node, ast.ClassDef) and inits else node
        if isinstance(function, ast.FunctionDef):
            names = [argument.arg for argument in function.args.args if argument.arg != "self"]
            if "code" in names:
                found[node.name] = names.index("code")
            elif function is not node:
                found.pop(node.name, None)  # it names its code itself, in a call of its base
    return found | {"__init__": 0}


def constants(module: ast.Module) -> dict[str, str]:
    """Return the texts that a module gives a name."""
    named = [node for node in module.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)]
    return {ast.unparse(node.targets[0]): str(node.value.value) for node in named}


def codes_of(module: ast.Module, positions: dict[str, int], named: dict[str, str]) -> Iterator[str]:
    """Yield the codes in a module: arguments and defaults `code`, values of such a variable or of a function for it."""
    for node in ast.walk(module):
        values: list[ast.AST | None] = []
        if isinstance(node, ast.Call):
            position = positions.get(ast.unparse(node.func).rpartition(".")[2])
            values += node.args[position : position + 1] if position is not None else []
            values += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        elif isinstance(node, ast.FunctionDef):
            defaults = zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)
            values += [default for argument, default in defaults if argument.arg == "code"]
            if node.name == "code_of":
                values += [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
        elif isinstance(node, ast.Assign):
            values += [node.value for target in node.targets if "code" in re.findall(r"\w+", ast.unparse(target))]
        for part in (each for value in values if value for each in ast.walk(value)):
            text = part.value if isinstance(part, ast.Constant) else named.get(getattr(part, "id", ""))
            if CODE.fullmatch(str(text)):
                yield text


@pytest.fixture(scope="module")
def raised() -> set[str]:
    """The codes in livetables."""
    modules = trees()
    positions = takers(modules)
    named = {name: text for module in modules for name, text in constants(module).items()}
    return {code for module in modules for code in codes_of(module, positions, named)}


@pytest.fixture(scope="module")
def explained() -> set[str]:
    """The codes in the first column of the tables of docs/errors.md."""
    rows = re.findall(r"^\|([^|]+)\|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([A-Z][A-Z0-9_.]+)`", row)} - FOREIGN


def test_each_code_is_explained(raised, explained):
    """Whoever reads a code finds it."""
    assert set() == raised - explained


def test_each_code_that_is_explained_exists(raised, explained):
    """A code that no code raises any more leaves the page."""
    assert set() == explained - raised
