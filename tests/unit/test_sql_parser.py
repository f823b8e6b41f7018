"""The parsed statements of the corpus in `sql/`, and the definitions of its files.

The expected results are in the text beside each file, which is rewritten by

    GOLDEN=write .venv/bin/python -m pytest tests/unit/test_sql_parser.py
"""

from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path

import pytest

from livetables.collect.registry import Registry
from livetables.collect.sql_files import collect
from livetables.errors import SourceLocation
from livetables.queries.sql_queries import SqlQuery
from livetables.sql.lexer import cells, statements
from livetables.sql.parser import parse
from livetables.sql.script import Script
from livetables.sql.statements import DottedName, SqlText
from tests.goldens import compare

CORPUS = Path(__file__).parent / "sql"
STATEMENTS = sorted(CORPUS.glob("*.sql"))
DEFINITIONS = sorted((CORPUS / "definitions").glob("*.sql"))

#: What `${key}` and `:name` of the definitions stand for.
CONFIGURATION = {"region": "eu", "sensors.path": "/Volumes/main", "limit": "10", "quote": "it''s", "kind": "STREAMING"}
PARAMETERS = {"day": "2026-01-01", "source": "main.raw.readings", "odd": "a'b\\c"}


def told(value):
    """Yield the fields of a dataclass that differ from their defaults, without positions."""
    for field in fields(value):
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        said = getattr(value, field.name)
        if field.name not in ("start", "script", "warn") and said != default and not isinstance(said, SourceLocation):
            yield field.name, said


def shown(value, indent):
    """Return a value as the lines of a golden text: one per field, with nested fields below it."""
    if isinstance(value, DottedName | Enum):
        return [
            ".".join(part if part.isidentifier() else f"`{part}`" for part in value.parts)
            if isinstance(value, DottedName)
            else value.name
        ]
    if isinstance(value, SqlQuery):
        columns = [f"{indent}columns: {value.columns}"] if value.columns else []
        return [value.text.text, *columns, f"{indent}streams: {value.streams}"]
    if isinstance(value, SqlText):
        return [value.text]
    if isinstance(value, tuple) and any(is_dataclass(item) for item in value):
        return ["", *(f"{indent}- " + "\n".join(shown(item, indent + "  ")) for item in value)]
    if is_dataclass(value):
        lines = [type(value).__name__]
        for name, said in told(value):
            first, *rest = shown(said, indent + "  ")
            lines += [f"{indent}{name}: {first}".rstrip(), *rest]
        return lines
    return [repr(value)]


def parsed(file):
    """Yield each parsed statement of a file, after its line."""
    script = Script(file.name, file.read_text())
    for tokens in found_in(script.text):
        statement = parse(script.text, tokens)
        yield f"{script.location(tokens[0].start).line}: " + "\n".join(shown(statement, "  "))


def found_in(text):
    """Return the tokens of all statements of a file."""
    return [tokens for start, stop in cells(text) for tokens in statements(text, start, stop)]


def defined(file):
    """Yield the definitions of a file, each with its line and column."""
    registry = Registry(root=file.parent)
    functions = collect([file], registry, CONFIGURATION, PARAMETERS)
    found = registry.freeze()
    for item in (*found.datasets, *found.flows):
        yield f"{item.location.line}:{item.location.column}: " + "\n".join(shown(item, "  "))
    for name, said, location in functions:
        yield f"{location.line}:{location.column}: function {name} {said}"
    yield from (f"warning[{warning.code}] {warning.one_line}" for warning in found.warnings)
    yield from map(str, found.diagnostics)


@pytest.mark.shows(
    "`CREATE [OR REFRESH] [PRIVATE] STREAMING TABLE`, with a query, with a flow, or alone",
    "`CREATE [OR REFRESH] [PRIVATE] MATERIALIZED VIEW`",
    "Older forms: `LIVE TABLE` and `LIVE VIEW`, also with `STREAMING`; `INCREMENTAL LIVE TABLE`",
    "The list after a name has columns and constraints; a column has `NOT NULL`, `COMMENT`, `GENERATED ALWAYS AS`",
    "`PRIMARY KEY` and `FOREIGN KEY` are informational",
    "`USING DELTA`",
    "`CREATE FLOW name AS INSERT INTO table BY NAME query`, also with `ONCE`, or as `FLOW INSERT` in the table",
    "In a `.sql` notebook `-- COMMAND ----------` ends a statement, and lines with `-- MAGIC` are comments",
    "`;`, quotes and comment marks inside of strings, names and comments do not end a statement",
)
@pytest.mark.parametrize("file", STATEMENTS, ids=lambda file: file.stem)
def test_statements_are_understood(file):
    """Each form of the language, in any order of clauses and letter case, has the reviewed result."""
    compare(file.with_suffix(".txt"), "\n\n".join(parsed(file)) + "\n")


@pytest.mark.shows(
    "`CREATE [OR REFRESH] [PRIVATE] STREAMING TABLE`, with a query, with a flow, or alone",
    "`CREATE [OR REFRESH] [PRIVATE] MATERIALIZED VIEW`",
    "`CREATE TEMPORARY VIEW`, batch or streaming",
    "`CREATE VIEW` is published, and batch only",
    "`CREATE TABLE` with the property `delta.live.table` is a streaming table of the pipeline",
    "The list after a name has columns and constraints; a column has `NOT NULL`, `COMMENT`, `GENERATED ALWAYS AS`",
    "`CONSTRAINT name EXPECT (...) [ON VIOLATION DROP ROW or FAIL UPDATE]` on tables and `LIVE` views",
    "`PRIMARY KEY` and `FOREIGN KEY` are informational",
    "`COMMENT`, `TBLPROPERTIES`, `PARTITIONED BY`, `CLUSTER BY (...)`, `LOCATION`, `WITH ROW FILTER`, in any order",
    "`CLUSTER BY AUTO`",
    "`SCHEDULE`, `TRIGGER ON UPDATE`",
    "`REFRESH POLICY INCREMENTAL STRICT`",
    "`CREATE FLOW name AS INSERT INTO table BY NAME query`, also with `ONCE`, or as `FLOW INSERT` in the table",
    "`REPLACE USING (...) SEQUENCE BY` and `REPLACE WHERE`",
    "`CREATE FLOW name AS AUTO CDC INTO`, `FLOW AUTO CDC`, `APPLY CHANGES INTO`, with all clauses in any order",
    "`AUTO CDC INTO` as a statement of its own",
    "`SET key = value` of `spark.` or `pipelines.` applies to the datasets below it in the file",
    "`SET pipelines.trigger.interval`",
    "`USE CATALOG`, `USE SCHEMA` apply to the statements below them",
    "`CREATE FUNCTION`",
    "`${key}` is replaced by its text, inside of quotes too",
    "The text is from `configuration`, or from a `SET` above in the same file",
    "`:name` is a value of `parameters`",
)
@pytest.mark.parametrize("file", DEFINITIONS, ids=lambda file: file.stem)
def test_files_define_datasets_and_flows(file):
    """Files define datasets and flows, with variables and parameters replaced, and warn of clauses without effect."""
    compare(file.with_suffix(".txt"), "\n\n".join(defined(file)) + "\n")


def test_the_corpus_is_large():
    """The corpus has at least 120 statements."""
    assert sum(len(found_in(file.read_text())) for file in STATEMENTS) >= 120
