"""What is new in a schema, and what is left of one: both look inside of structs, arrays and maps."""

import pytest
from pyspark.sql.types import ArrayType, LongType, MapType, NullType, StringType, StructType

from livetables.graph.schema import new_columns, widened

STORED = StructType().add("id", "long").add("more", StructType().add("a", "integer"))


def test_new_columns_are_named_by_their_paths():
    """Letter case does not make a column new; nothing can be kept in a column of the type VOID."""
    inside = StructType().add("A", "integer").add("b c", "string")
    now = StructType().add("ID", "long").add("more", inside).add("city", "string").add("nothing", NullType())
    assert new_columns(STORED, now) == {"`more`.`b c`": StringType(), "`city`": StringType()}
    assert new_columns(now, STORED) == {}


@pytest.mark.parametrize(
    ("wrap", "path"), [(ArrayType, "element"), (lambda kind: MapType(StringType(), kind), "value")]
)
def test_new_fields_are_found_inside_of_arrays_and_maps(wrap, path):
    """Delta names what is inside so."""
    stored = StructType().add("all", wrap(StructType().add("a", "integer")))
    now = StructType().add("all", wrap(StructType().add("a", "integer").add("b", "long")))
    assert new_columns(stored, now) == {f"`all`.{path}.`b`": LongType()}
    assert widened(stored, now) == now


def test_a_schema_is_widened_by_what_only_the_table_has():
    """What both have keeps the type that it has now, and its place."""
    stored = StructType().add("old", "string").add("id", "integer").add("more", StructType().add("b", "integer"))
    wide = (
        StructType()
        .add("id", "long")
        .add("more", StructType().add("a", "integer").add("b", "integer"))
        .add("old", "string")
    )
    assert widened(STORED, stored) == wide
