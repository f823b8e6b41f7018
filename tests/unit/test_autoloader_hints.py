"""Schema hints: which columns get which types, and what is said of a hint that can't be read."""

import pytest
from pyspark.sql.types import (
    ArrayType,
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    MapType,
    StringType,
    StructField,
    StructType,
)

from livetables.autoloader.schema.hints import apply_hints
from livetables.errors import SettingsError

INT, DOUBLE, STRING, DATE = IntegerType(), DoubleType(), StringType(), DateType()
TYPES = {
    "INT": INT,
    "double": DOUBLE,
    "STRING": STRING,
    "DATE": DATE,
    "decimal(10, 2)": DecimalType(10, 2),
    "MAP<STRING,INT>": MapType(STRING, INT),
    "struct<a:int, b:string COMMENT 'x, (y'>": StructType().add("a", INT),
}


def struct(**types):
    """Return a struct of these fields, in this order."""
    return StructType([StructField(name, type_) for name, type_ in types.items()])


def hinted(hints, **types):
    """Return the schema of these columns after the hints."""
    return apply_hints(struct(**types), hints, TYPES.__getitem__)


@pytest.mark.parametrize("hints", ["", "  \n"])
def test_without_hints_nothing_changes(hints):
    """An empty text is no hint."""
    assert hinted(hints, a=STRING) == struct(a=STRING)


def test_a_hint_gives_a_column_its_type():
    """The column keeps its place, its metadata and whether it may be null."""
    schema = StructType([StructField("a", STRING, False, {"unit": "m"}), StructField("b", STRING)])
    assert apply_hints(schema, "a INT", TYPES.__getitem__) == StructType(
        [StructField("a", INT, False, {"unit": "m"}), StructField("b", STRING)]
    )


def test_an_absent_column_is_added_at_the_end():
    """So a column can be there before the first file that has it."""
    assert hinted("c INT, b DATE", a=STRING) == struct(a=STRING, c=INT, b=DATE)


def test_types_may_have_commas_brackets_and_texts():
    """Only commas between hints part them."""
    hints = "p decimal(10, 2),\n  m  MAP<STRING,INT> , s struct<a:int, b:string COMMENT 'x, (y'>,n INT"
    assert hinted(hints, n=STRING) == struct(n=INT, p=DecimalType(10, 2), m=MapType(STRING, INT), s=struct(a=INT))


@pytest.mark.shows("`schemaHints` with paths through structs, arrays and maps")
def test_a_path_goes_through_structs_arrays_and_maps():
    """By names, `element`, `key` and `value`: the examples of the platform's documentation."""
    schema = {
        "user_info": struct(dob=STRING, name=STRING),
        "locations": ArrayType(STRING, False),
        "users": ArrayType(struct(id=STRING, name=STRING)),
        "names": MapType(STRING, STRING, False),
        "prices": MapType(STRING, STRING),
        "discounts": MapType(struct(id=STRING), STRING),
        "descriptions": MapType(STRING, struct(content=INT)),
        "deep": ArrayType(ArrayType(STRING)),
    }
    hints = (
        "user_info.dob DATE, locations.ELEMENT INT, users.element.id INT, names.key INT, prices.value INT, "
        "discounts.key.id INT, descriptions.value.content STRING, deep.element.element INT"
    )
    assert hinted(hints, **schema) == struct(
        user_info=struct(dob=DATE, name=STRING),
        locations=ArrayType(INT, False),
        users=ArrayType(struct(id=INT, name=STRING)),
        names=MapType(INT, STRING, False),
        prices=MapType(STRING, INT),
        discounts=MapType(struct(id=INT), STRING),
        descriptions=MapType(STRING, struct(content=STRING)),
        deep=ArrayType(ArrayType(INT)),
    )


def test_an_absent_field_is_added_at_the_end_of_its_struct():
    """What lies above it is made too."""
    assert hinted(
        "s.x INT, l.element.y.z INT, n.a.b DATE", s=struct(a=STRING), l=ArrayType(struct(a=STRING))
    ) == struct(s=struct(a=STRING, x=INT), l=ArrayType(struct(a=STRING, y=struct(z=INT))), n=struct(a=struct(b=DATE)))


def test_fields_may_be_called_element_key_and_value():
    """In a struct these are names as others."""
    assert hinted("s.element INT, s.value INT, s.key INT", s=struct(element=STRING, value=STRING)) == struct(
        s=struct(element=INT, value=INT, key=INT)
    )
    assert hinted("element INT, key.value INT") == struct(element=INT, key=struct(value=INT))
    assert hinted("s.`element` INT", s=struct(a=STRING)) == struct(s=struct(a=STRING, element=INT))


def test_names_in_back_quotes_may_have_any_character():
    """A dot, a comma, a bracket, a back-quote written twice."""
    schema = {"a.b": STRING, "c, (d": struct(**{"e`f": STRING})}
    assert hinted("`a.b` INT, `c, (d`.`e``f` INT", **schema) == struct(**{"a.b": INT, "c, (d": struct(**{"e`f": INT})})


def test_the_later_hint_wins():
    """Also over a field of an earlier one."""
    assert hinted("a INT, a DATE", a=STRING) == struct(a=DATE)
    assert hinted("s.a STRING, s.b INT, s struct<a:int, b:string COMMENT 'x, (y'>, s.a DATE") == struct(
        s=struct(a=DATE)
    )


def test_a_hint_says_which_case_of_a_name_is_right():
    """The case that was inferred depends on the files that were there; an exact match comes first."""
    assert hinted("Abc INT, S.X INT", abc=STRING, s=struct(x=STRING)) == struct(Abc=INT, S=struct(X=INT))
    assert hinted("ABC INT", abc=STRING, ABC=STRING) == struct(abc=STRING, ABC=INT)


@pytest.mark.parametrize(
    ("hints", "said", "advice"),
    [
        ("price", "character 1, 'price': it has no type", "Write it as price STRING."),
        ("a INT,  price", "character 9, 'price': it has no type", "Write it as price STRING."),
        (
            "a INT,",
            "character 7, '': a hint is missing beside the comma",
            "Write hints as `name TYPE, name.field TYPE`",
        ),
        ("a INT,, b INT", "character 7, '': a hint is missing", "Write hints as"),
        ("a-b INT", "character 1, 'a-b INT': the name of a column can't be read", "stand in back-quotes."),
        ("a. INT", "character 1, 'a. INT': the name of a column can't be read", "Write hints as"),
        ("a INT, b INTEGRE", "character 8, 'b INTEGRE': 'INTEGRE' is not a type", "Write a type of Spark SQL"),
        ("a MAP<STRING,INT", "character 6, '<': the bracket is not closed", "Close it."),
        ("a decimal(10>", "character 13, '>': no bracket is open that it would close", "Remove it, or open one."),
        ("a INT)", "character 6, ')': no bracket is open", "Remove it, or open one."),
        ("`a INT", "character 1, `: the quote does not end", "Write a second ` where it ends."),
        ("t.x INT", "'t.x INT': t is of type string, which has no field x", "of all of it: t STRUCT<...>."),
        ("s.a.b INT", "s.a is of type string, which has no field b", "of all of it: s.a STRUCT<...>."),
        ("l.id INT", "l is of type array<string>, which has no field id", "Go on with l.element."),
        ("m.id INT", "m is of type map<string,string>, which has no field id", "Go on with m.key or m.value."),
        ("l.`element` INT", "which has no field `element`", "Go on with l.element."),
        ("s.element INT", "'s.element INT': s is no array", "of all of it: s ARRAY<...>."),
        ("new.element INT", "new is no array", "of all of it: new ARRAY<...>."),
    ],
)
def test_a_wrong_hint_is_shown_where_it_stands(hints, said, advice):
    """With what is wrong, and a way out."""
    schema = struct(t=STRING, s=struct(a=STRING), l=ArrayType(STRING), m=MapType(STRING, STRING))
    with pytest.raises(SettingsError) as caught:
        apply_hints(schema, hints, TYPES.__getitem__)
    diagnostic = caught.value.diagnostic
    assert diagnostic.code == "WRONG_VALUE"
    assert diagnostic.message.startswith("The option cloudFiles.schemaHints is wrong at character ")
    assert said in diagnostic.message
    assert advice in diagnostic.hint
