"""The fields and record counts of files that are found before Spark reads them."""

import gzip
import json

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import orc, parquet

from livetables.autoloader.read.record_counts import records_in_file
from livetables.autoloader.schema import blocks, json_fields
from livetables.autoloader.schema.json_fields import Scanner, scan_json_lines
from livetables.autoloader.schema.json_pattern import count_matching_lines, record_pattern

_NAMES = st.sampled_from(["a", "b", "A", "d.e", "é", "[x]|y", 'f"', "g\\h", "i\n", ""])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text('a"\\\n\té\u2028{', max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES, inner, max_size=2),
    max_leaves=6,
)
_OBJECTS = st.dictionaries(_NAMES, _VALUES, max_size=3)
_LINES = st.one_of(
    st.builds(json.dumps, _OBJECTS),
    st.builds(lambda one: json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\r", _OBJECTS),
    st.sampled_from(["", "null", '{"a":1', '{"a":1}{"b":2}', '{"a":01}', '{"a":"\t"}', '{"a" :1 , "a":null}', "[{}]"]),
)


@pytest.mark.parametrize(
    ("kind", "text", "number"),
    [
        ("json", "", 0),
        ("json", '{"a":1}\n{"a":2}\n', 2),
        ("json", '{"a":1}\n{"a":2}', 2),
        ("json", '{"a":1}\n{"a":', 2),  # a malformed record is one
        ("json", '{"a":1}\n\n{"a":2}\n', None),  # an empty line is none
        ("json", '[{"a":1},{"a":2}]\n', None),  # an array is several
        ("json", '{"a":1}\r\n{"a":2}\r\n', None),
        ("text", "", 0),
        ("text", "\n", 1),
        ("text", "one\n\nthree", 3),
        ("text", "one\rtwo", None),
        ("csv", "a,b\n1,2\n", None),
        ("xml", "<a/>\n", None),
        ("binaryFile", "one\ntwo", 1),
    ],
)
def test_lines_are_records_where_each_is_one(tmp_path, kind, text, number):
    """None is always safe: then Spark counts the rows while it reads them."""
    (tmp_path / "file").write_text(text, newline="")
    assert records_in_file(str(tmp_path / "file"), kind) == number


def test_a_large_file_is_counted_in_pieces(tmp_path):
    """Blocks end anywhere, also right before or after the end of a line."""
    line = '{"a":"' + "x" * (1 << 19) + '"}\n'
    for pad in range(-12, 12):
        (tmp_path / "file").write_text('{"b":"' + "y" * ((1 << 19) + pad) + '"}\n' + line * 3)
        assert records_in_file(str(tmp_path / "file"), "json") == 4


def test_footers_tell_the_records_of_columnar_files(tmp_path):
    """Parquet and ORC."""
    table = pa.table({"a": [1, 2, 3]})
    parquet.write_table(table, tmp_path / "a.parquet")
    orc.write_table(table, tmp_path / "a.orc")
    assert [records_in_file(str(tmp_path / f"a.{kind}"), kind) for kind in ("parquet", "orc")] == [3, 3]


@pytest.mark.parametrize("kind", ["parquet", "orc", "json", "text"])
def test_what_cannot_be_told_is_left_to_the_reader(tmp_path, kind):
    """A damaged file of columns, a compressed one of lines, a file that is gone."""
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(b"one\ntwo\n"))
    assert [records_in_file(str(packed), kind), records_in_file(str(tmp_path / "gone"), kind)] == [None, None]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('{"a":1}\n\n  \n{"a":2}', 2),
        ('{"a":1}\n{"a":\n', 2),  # a malformed record is a row, of NULLs
        ('[{"a":1},{"a":2}]\n{"b":1}\n', 3),
        ("[]\n", 0),
        ("[1, 2]\n5\n", 2),
        ('{"a":1}\n{"\xff":2}\n', 2),  # a name that is no UTF-8: malformed
        ('{"a":1}\n{"a":' + '{"a":' * 600 + "1" + "}" * 601 + "\n", 2),
        ('{"a":1}\n' + '{"a":' * 100_000 + "1" + "}" * 100_000, 2),  # Arrow would end the whole program, too
        ('{"a":1}\n{"a":' + "[" * 100_000 + "\n", 2),
        ("null\n", 1),  # Arrow would end the whole program at it
        ('null\n{"a":1}\n', 2),
        ('{"a":1}{"b":2}\n{"a":1} x\n', 2),  # what follows an object in its line is passed over
        ('{\n"a":1\n}\n', 3),  # a record is a line, unless multiLine says otherwise
    ],
)
def test_a_look_counts_the_rows_that_spark_will_read(tmp_path, text, number):
    """Also where lines are empty, arrays of objects, or no JSON."""
    (tmp_path / "file").write_text(text, encoding="latin-1")
    assert scan_json_lines(str(tmp_path / "file")).records == number


@pytest.mark.parametrize(
    "line",
    [
        '{"a":1,"new":{"b":2}}',
        '\ufeff{"a":1,"new":{"b":2}}',
        '{"a":1,"new":{"b":2}} and more',
        '{"new":{"b":1}}{"c":2}',
        """{'a':1,'new':{'b':'it\\'s "2"'}}""",
        """{"a":"it's",'new':{'b':2}}""",
        '[{"a":1},{"new":{"b":2}}]',
    ],
)
def test_a_field_is_seen_wherever_spark_would_read_it(tmp_path, line):
    """Spark accepts single quotes, and ignores what follows a record; it would silently leave out the field."""
    (tmp_path / "file").write_text('{"a":1}\n' + line + "\n")
    found = {
        field.name: field.dataType.simpleString() for field in scan_json_lines(str(tmp_path / "file")).fields.fields
    }
    assert found == {"a": "string", "new": "struct<b:string>"}


def test_a_file_that_changed_after_a_look_ahead_is_looked_at_again(tmp_path):
    """The scan must be of the content that is read; a missing file is reported by the batch that has it."""
    file, gone = tmp_path / "1.json", tmp_path / "gone.json"
    file.write_text('{"a":1}\n')
    with Scanner() as scanner:
        scanner.prefetch([str(file), str(gone)])
        file.write_text('{"a":1}\n{"b":22}\n')
        [scan] = scanner.scan([str(file)])
        assert (scan.fields.names, scan.records) == (["a", "b"], 2)
        with pytest.raises(FileNotFoundError):
            scanner.scan([str(gone)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(_LINES, max_size=8), ended=st.booleans())
def test_a_look_in_blocks_sees_what_a_look_at_the_whole_sees(tmp_path, monkeypatch, lines, ended):
    """Most blocks are only matched with the expression of the lines before."""
    file = tmp_path / "file"
    file.write_bytes(("\n".join(lines) + "\n" * ended).encode())
    whole = scan_json_lines(str(file))
    with monkeypatch.context() as patched:
        patched.setattr(blocks, "BLOCK_BYTES", 8)
        parts = scan_json_lines(str(file))
    assert _known(parts) == _known(whole)


def _known(scan):
    return scan.records, {field.name: field.dataType.simpleString() for field in scan.fields.fields}


@pytest.mark.parametrize(
    ("line", "as_before"),
    [
        ('{"a":{"b":[{"c":1},{"c":"\\u00e9"}]},"n":null}', True),
        ('{ "n" : null }\t\r', False),
        ('{"a": {"b": []}}\r', True),
        ('{"a":null}', True),
        ('{"a":{"b":[{"c":1,"d":2}]}}', False),
        ('{"a":{"B":[]}}', False),
        ('{"n":1}', False),  # so far, it was always null
        ('{"a":1}', False),
        ('{"a":{"b":[{"c":[1]}]}}', False),
        ('{"a":null}{"a":null}', False),
        ('{"a":null,}', False),
        ('{"A":null}', False),
        ("", False),
    ],
)
def test_lines_without_further_fields_are_told_from_others(line, as_before):
    """At any depth; a block that may have new fields is parsed."""
    block = (line + "\n").encode() * 3
    found = record_pattern(json_fields._of_lines([b'{"a":{"b":[{"c":1.5}]},"n":null}'])[0])
    assert count_matching_lines(block, found) == (3 if as_before else None)


def test_a_file_goes_on_as_it_began_without_being_parsed(tmp_path, monkeypatch):
    """Parsing every line takes three times as long."""
    parsed = []
    of_block = json_fields._of_block
    monkeypatch.setattr(json_fields, "_of_block", lambda block: parsed.append(len(block)) or of_block(block))
    (tmp_path / "file").write_text('{"a":{"b":[1]},"t":"x\\n"}\n' * 200_000)
    assert scan_json_lines(str(tmp_path / "file")).records == 200_000
    assert sum(parsed) <= blocks.BLOCK_BYTES


def test_an_expression_that_would_be_slower_than_parsing_is_not_used():
    """Of thousands of fields, and of names that JSON escapes."""
    wide = json_fields._of_lines([json.dumps({f"field {at}": at for at in range(5000)}).encode()])[0]
    assert [record_pattern(fields) for fields in (wide, json_fields._of_lines([b'{"a\\nb":1}'])[0])] == [None, None]
