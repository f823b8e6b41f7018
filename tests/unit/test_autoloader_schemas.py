"""Schemas of files: merging, widening, what is new, and the versions that are kept."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql.types import (
    ArrayType,
    ByteType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    MapType,
    NullType,
    ShortType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from livetables.autoloader.schema.schemas import (
    SchemaStore,
    as_strings,
    merge,
    new_fields,
    nulls_as_strings,
    sorted_columns,
    without_case_variants,
)
from tests.unit.builders import NOON

BYTE, SHORT, INT, LONG, FLOAT, DOUBLE = ByteType(), ShortType(), IntegerType(), LongType(), FloatType(), DoubleType()
STRING, DATE, NTZ = StringType(), DateType(), TimestampNTZType()


def struct(**types):
    """Return a struct of these fields, in this order."""
    return StructType([StructField(name, type_) for name, type_ in types.items()])


def names():
    """Return a strategy of a few names, some of which differ by case alone."""
    return st.sampled_from(["a", "A", "b", "c"])


def schemas():
    """Return a strategy of nested schemas."""
    leaves = st.sampled_from([INT, LONG, DOUBLE, STRING, NullType()])

    def nested(inner):
        return st.one_of(
            st.dictionaries(names(), inner, min_size=1, max_size=3).map(lambda types: struct(**types)),
            inner.map(ArrayType),
            inner.map(lambda value: MapType(STRING, value)),
        )

    types = st.recursive(leaves, nested, max_leaves=6)
    return st.dictionaries(names(), types, max_size=4).map(lambda types: struct(**types))


def test_a_source_without_versions_has_no_schema(tmp_path):
    """Before the first start there is nothing, not even the folder."""
    store = SchemaStore(tmp_path / "new")
    assert (store.latest(), store.versions(), (tmp_path / "new").exists()) == (None, (), False)


def test_versions_are_kept_in_order_with_time_and_reason(tmp_path):
    """A later process finds them; eleven of them, as 10 must come after 9."""
    schemas = [struct(**{f"c{n}": INT for n in range(count + 1)}) for count in range(11)]
    for number, schema in enumerate(schemas):
        SchemaStore(tmp_path).append(schema, f"new columns: c{number}", NOON + timedelta(days=number))
    found = SchemaStore(tmp_path).versions()
    assert [(v.number, v.reason, v.time, v.schema) for v in found] == [
        (number, f"new columns: c{number}", NOON + timedelta(days=number), schema)
        for number, schema in enumerate(schemas)
    ]
    assert SchemaStore(tmp_path).latest() == schemas[-1]
    assert sorted(path.name for path in (tmp_path / "_schemas").iterdir()) == sorted(map(str, range(11)))


def test_a_schema_comes_back_as_it_was(tmp_path):
    """Nested types, nullability and the metadata of columns are kept."""
    schema = StructType(
        [
            StructField("größe", DecimalType(10, 2), False, {"unit": "m"}),
            StructField("tags", MapType(STRING, ArrayType(struct(a=INT), False), False)),
        ]
    )
    SchemaStore(tmp_path).append(schema, "inferred from 3 files", NOON)
    assert SchemaStore(tmp_path).latest() == schema


def test_a_crash_leaves_the_version_before(tmp_path, monkeypatch):
    """What was half written is neither read nor in the way of the next start."""
    store = SchemaStore(tmp_path)
    store.append(struct(a=INT), "inferred from 1 file", NOON)

    def crash(descriptor):
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr("livetables.autoloader.schema.schemas.os.fsync", crash)
        with pytest.raises(OSError, match="no space left"):
            store.append(struct(a=INT, b=INT), "new columns: b", NOON)
    assert [v.number for v in SchemaStore(tmp_path).versions()] == [0]
    assert store.append(struct(a=INT, c=INT), "new columns: c", NOON).number == 1
    assert store.latest() == struct(a=INT, c=INT)


def test_new_columns_come_last_in_the_order_of_the_file():
    """Stored tables keep their columns where they are."""
    old, new = struct(b=INT, a=INT), struct(d=INT, a=INT, c=INT)
    assert merge(old, new, widen=False) == struct(b=INT, a=INT, d=INT, c=INT)


def test_new_fields_of_structs_come_last_in_their_struct():
    """Also of structs in arrays and in maps."""
    old, new = struct(z=INT), struct(a=INT)
    both = struct(z=INT, a=INT)
    merged = merge(
        struct(s=old, x=ArrayType(old), m=MapType(STRING, old), n=struct(s=ArrayType(ArrayType(old)))),
        struct(s=new, x=ArrayType(new), m=MapType(STRING, new), n=struct(s=ArrayType(ArrayType(new)))),
        widen=False,
    )
    assert merged == struct(s=both, x=ArrayType(both), m=MapType(STRING, both), n=struct(s=ArrayType(ArrayType(both))))


def test_what_a_file_adds_may_be_null():
    """The rows before it have no value there; a column that never was null stays so, elements may become null."""
    old = StructType(
        [
            StructField("a", INT, False, {"unit": "m"}),
            StructField("l", ArrayType(INT, False)),
            StructField("m", MapType(STRING, INT, False)),
            StructField("z", INT, False),
        ]
    )
    new = struct(a=INT, l=ArrayType(INT), m=MapType(STRING, INT)).add("b", INT, False)
    assert merge(old, new, widen=True) == StructType(
        [
            StructField("a", INT, False, {"unit": "m"}),
            StructField("l", ArrayType(INT)),
            StructField("m", MapType(STRING, INT)),
            StructField("z", INT, False),
            StructField("b", INT),
        ]
    )


@pytest.mark.parametrize("new", [STRING, LONG, struct(a=INT), ArrayType(INT), MapType(STRING, INT)])
def test_existing_types_stay(new):
    """What does not fit them is rescued."""
    assert merge(struct(a=INT), struct(a=new), widen=False) == struct(a=INT)


def test_a_name_in_another_case_is_another_column():
    """Whether it is one for the user is decided elsewhere."""
    assert merge(struct(a=INT), struct(A=STRING), widen=True) == struct(a=INT, A=STRING)


def test_a_column_of_nulls_gets_the_first_type_that_is_seen():
    """Whichever file comes first."""
    assert merge(struct(a=NullType()), struct(a=INT), widen=False) == struct(a=INT)
    assert merge(struct(a=INT), struct(a=NullType()), widen=True) == struct(a=INT)


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        (BYTE, SHORT, SHORT),
        (BYTE, LONG, LONG),
        (SHORT, INT, INT),
        (INT, LONG, LONG),
        (BYTE, DOUBLE, DOUBLE),
        (SHORT, DOUBLE, DOUBLE),
        (INT, DOUBLE, DOUBLE),
        (FLOAT, DOUBLE, DOUBLE),
        (INT, DecimalType(5, 2), DecimalType(12, 2)),
        (BYTE, DecimalType(20, 2), DecimalType(20, 2)),
        (LONG, DecimalType(5, 2), DecimalType(22, 2)),
        (DecimalType(10, 1), DecimalType(10, 3), DecimalType(12, 3)),
        (DecimalType(12, 3), DecimalType(5, 0), DecimalType(12, 3)),
        (DATE, NTZ, NTZ),
    ],
)
def test_types_widen_as_on_the_platform(old, new, wider):
    """The table of addNewColumnsWithTypeWidening, also in structs, arrays and maps; without widening they stay."""
    assert merge(struct(a=old), struct(a=new), widen=True) == struct(a=wider)
    assert merge(struct(a=old), struct(a=new), widen=False) == struct(a=old)
    nested = [struct(s=ArrayType(MapType(STRING, struct(a=type_)))) for type_ in (old, new, wider)]
    assert merge(nested[0], nested[1], widen=True) == nested[2]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (LONG, DOUBLE),
        (LONG, INT),
        (INT, FLOAT),
        (FLOAT, INT),
        (DOUBLE, LONG),
        (DOUBLE, FLOAT),
        (INT, STRING),
        (STRING, INT),
        (DATE, TimestampType()),
        (NTZ, DATE),
        (DOUBLE, DecimalType(38, 2)),
        (DecimalType(5, 2), INT),
        (LONG, DecimalType(38, 20)),
        (DecimalType(38, 0), DecimalType(38, 2)),
        (STRING, struct(a=INT)),
    ],
)
def test_other_types_do_not_widen(old, new):
    """A long is no double, and no decimal has more than 38 digits: such values are rescued."""
    assert merge(struct(a=old), struct(a=new), widen=True) == struct(a=old)


@given(schemas(), schemas(), st.booleans())
def test_after_a_merge_nothing_is_new(old, new, widen):
    """Otherwise a stream would stop again and again for the same file."""
    merged = merge(old, new, widen=widen)
    assert merge(merged, new, widen=widen) == merged
    assert new_fields(merged, new, case_sensitive=True) == ()


@given(schemas(), st.booleans())
def test_a_merge_with_itself_changes_nothing(schema, widen):
    """A file as those before it makes no new version."""
    assert merge(schema, schema, widen=widen) == schema
    assert new_fields(schema, schema, case_sensitive=True) == ()


def test_new_fields_are_named_by_their_paths():
    """As they stand in a hint; what lies in a new field is not listed, and another type is no new field."""
    old = struct(a=INT, s=struct(x=INT), l=ArrayType(struct(x=INT)), m=MapType(STRING, struct(x=INT)), t=STRING)
    more = struct(x=INT, y=struct(z=INT))
    new = struct(b=INT, s=more, l=ArrayType(more), m=MapType(STRING, more), t=more, **{"d e": INT, "f`.g": INT})
    assert new_fields(old, new, case_sensitive=True) == ("b", "s.y", "l.element.y", "m.value.y", "`d e`", "`f``.g`")


@pytest.mark.parametrize(("case_sensitive", "found"), [(True, ("A", "s.X")), (False, ())])
def test_a_name_in_another_case_is_new_only_where_case_counts(case_sensitive, found):
    """At all levels."""
    old, new = struct(a=INT, s=struct(x=INT)), struct(A=INT, s=struct(X=INT))
    assert new_fields(old, new, case_sensitive=case_sensitive) == found


def test_without_inferred_types_all_values_are_strings():
    """Structs, arrays and maps stay, with strings in them; nothing else changes."""
    schema = StructType(
        [
            StructField("a", INT, False, {"unit": "m"}),
            StructField("s", struct(x=ArrayType(DOUBLE, False), m=MapType(INT, struct(y=NullType()), False))),
        ]
    )
    assert as_strings(schema) == StructType(
        [
            StructField("a", STRING, False, {"unit": "m"}),
            StructField("s", struct(x=ArrayType(STRING, False), m=MapType(INT, struct(y=STRING), False))),
        ]
    )


def test_a_column_of_nulls_alone_is_a_string():
    """It must have a type before a table can be made."""
    assert nulls_as_strings(struct(a=NullType(), l=ArrayType(NullType()), i=INT)) == struct(
        a=STRING, l=ArrayType(STRING), i=INT
    )


def test_inferred_columns_are_in_alphabetical_order():
    """At all levels, as they are inferred from JSON."""
    schema = struct(b=ArrayType(struct(z=INT, y=INT)), a=MapType(STRING, struct(d=INT, c=INT)), B=INT)
    assert sorted_columns(schema) == struct(
        B=INT, a=MapType(STRING, struct(c=INT, d=INT)), b=ArrayType(struct(y=INT, z=INT))
    )


def test_names_in_another_case_are_no_new_fields_at_any_depth():
    """A table can have no two columns that differ by their case alone: such fields are rescued instead."""
    inner = StructType().add("room", "string")
    known = StructType().add("id", "string").add("at", inner).add("list", ArrayType(inner))
    other = StructType().add("Room", "string").add("floor", "string")
    found = StructType().add("ID", "string").add("at", other).add("list", ArrayType(other)).add("New", "string")
    left = StructType().add("floor", "string")
    expected = StructType().add("at", left).add("list", ArrayType(left)).add("New", "string")
    assert without_case_variants(known, found) == expected
