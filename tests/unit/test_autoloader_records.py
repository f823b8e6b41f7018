"""What a look into a file tells before Spark reads it: its fields, and how many records it has."""

import gzip

import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from livetables.autoloader.scan import Looks, json_lines, records


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
        ("null\n", 1),  # Arrow would end the whole program at it
        ('null\n{"a":1}\n', 2),
    ],
)
def test_a_look_counts_the_rows_that_spark_will_read(tmp_path, text, number):
    """Also where lines are empty, arrays of objects, or no JSON."""
    (tmp_path / "file").write_text(text, encoding="latin-1")
    assert json_lines(str(tmp_path / "file")).records == number


def test_a_file_that_changed_after_a_look_ahead_is_looked_at_again(tmp_path):
    """It is the content that is read which counts; a file that is gone is for the batch that has it to miss."""
    file, gone = tmp_path / "1.json", tmp_path / "gone.json"
    file.write_text('{"a":1}\n')
    with Looks() as looks:
        looks.ahead([str(file), str(gone)])
        file.write_text('{"a":1}\n{"b":22}\n')
        [look] = looks.at([str(file)])
        assert (look.fields.names, look.records) == (["a", "b"], 2)
        with pytest.raises(FileNotFoundError):
            looks.at([str(gone)])
