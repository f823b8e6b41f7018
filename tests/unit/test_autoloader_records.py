"""How many records a file has, as far as that can be told without a reader of its format."""

import gzip

import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from livetables.autoloader.scan import records


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
    """None is never wrong: then Spark counts the rows as it reads them."""
    (tmp_path / "file").write_text(text, newline="")
    assert records(str(tmp_path / "file"), kind) == number


def test_a_large_file_is_counted_in_pieces(tmp_path):
    """Pieces end anywhere, also right before or after the end of a line."""
    line = '{"a":"' + "x" * (1 << 19) + '"}\n'
    for pad in range(-12, 12):
        (tmp_path / "file").write_text('{"b":"' + "y" * ((1 << 19) + pad) + '"}\n' + line * 3)
        assert records(str(tmp_path / "file"), "json") == 4


def test_footers_tell_the_records_of_columnar_files(tmp_path):
    """Parquet and ORC."""
    table = pa.table({"a": [1, 2, 3]})
    parquet.write_table(table, tmp_path / "a.parquet")
    orc.write_table(table, tmp_path / "a.orc")
    assert [records(str(tmp_path / f"a.{kind}"), kind) for kind in ("parquet", "orc")] == [3, 3]


@pytest.mark.parametrize("kind", ["parquet", "orc", "json", "text"])
def test_what_cannot_be_told_is_left_to_the_reader(tmp_path, kind):
    """A damaged file of columns, a compressed one of lines, a file that is gone."""
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(b"one\ntwo\n"))
    assert [records(str(packed), kind), records(str(tmp_path / "gone"), kind)] == [None, None]
