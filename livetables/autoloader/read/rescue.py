"""Fits what was read to the columns of a schema, and keeps what does not fit as JSON.

`wide` is what files were read as: the fields of the schema, and those that only the files have. A value that does
not fit the type of its field, Spark's readers of text give as NULL, with the whole record in a column of its own:
such a record is parsed again, as strings, which is dear and rare.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention
from pyspark.sql.types import ArrayType, DataType, MapType, StringType, StructType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pyspark.sql import Column

#: The record as it is in the file, when something in it did not fit; and the same after it was parsed as strings.
RAW, MALFORMED = "_livetables_record", "_livetables_malformed"
#: Under this key the rescued data have a record that could not be parsed at all.
CORRUPT = "_corrupt_record"
_COMPLEX = (ArrayType, MapType, StructType)


@dataclass(frozen=True)
class Fit:
    """How records that were read as `wide` fit into `schema`.

    `parse` makes strings of the named fields of a record's text, with `nested` also of an object's in it. It is None
    where types were read as they are, or as strings; then `whole` tells that RAW has records that are malformed.
    """

    schema: StructType
    wide: StructType
    case_sensitive: bool = True
    parse: Callable[[Column, Sequence[str]], Column] | None = None
    nested: bool = False
    whole: bool = False
    #: What the values of a record are called that exceed those of `wide`; such a record can't be malformed otherwise.
    overflow: tuple[str, ...] = ()

    def columns(self) -> list[Column]:
        """Return the columns of the schema."""
        read = {field.name: field.dataType for field in self.wide.fields}
        columns = []
        for field in self.schema.fields:
            spellings = [name for name in read if name.lower() == field.name.lower() and not self.case_sensitive]
            names = [name for name in read if name == field.name] + [n for n in spellings if n != field.name]
            values = [_fitted(column(name), field.dataType, read[name]) for name in names]
            value = F.coalesce(*values) if values else F.lit(None).cast(field.dataType)
            columns.append((values[0] if len(values) == 1 else value).alias(field.name))
        return columns

    def malformed(self) -> Column:
        """Tell whether a record could not be parsed at all."""
        if self.parse is None:
            return column(RAW).isNotNull() if self.whole else F.lit(False)
        return column(RAW).isNotNull() & self._unparsed(self._loose())

    def rescued(self, file_path: Column | None) -> Column:
        """Return what does not fit, and the path of the file, as the text of a JSON object; NULL when all fits."""
        if self.parse is None:
            malformed = {CORRUPT: F.when(column(RAW).isNotNull(), column(RAW))} if self.whole else {}
            return _as_object({**self._parts(self.schema, self.wide, column, None), **malformed}, file_path)

        def object_of(loose: Column) -> Column:
            parts = self._parts(self.schema, self.wide, column, loose)
            parts |= {name: loose[name] for name in self.overflow}
            parts[CORRUPT] = F.when(column(RAW).isNotNull() & self._unparsed(loose), column(RAW))
            return _as_object(parts, file_path)

        if _has_more(self.schema, self.wide):
            return object_of(self._loose())
        # Nearly all records fit. What is done for the others is the body of a lambda, evaluated as it stands: compiled
        # with the rest, it would make the method that all records go through many times as large.
        return F.when(column(RAW).isNotNull(), F.transform(F.array(self._loose()), object_of)[0])

    def _unparsed(self, loose: Column) -> Column:
        return loose[self.overflow[-1] if self.overflow else MALFORMED].isNotNull()

    def _loose(self) -> Column:
        assert self.parse is not None
        return self.parse(column(RAW), [*self.wide.names, *self.overflow])

    def _parts(
        self, schema: StructType, wide: StructType, value: Callable[[str], Column], loose: Column | None
    ) -> dict[str, Column]:
        """Return what is to be kept of the fields of a struct, each NULL when nothing of it is."""
        known = {field.name: field.dataType for field in schema.fields}
        spellings = {name.lower() for name in known if not self.case_sensitive}
        parts = {}
        for field in wide.fields:
            text = None if loose is None else loose[field.name]
            if field.name in known:
                part = self._misfit(value(field.name), known[field.name], field.dataType, text)
            else:
                part = None if field.name.lower() in spellings else value(field.name)
            if part is not None:
                parts[field.name] = part
        return parts

    def _misfit(self, value: Column, kind: DataType, read: DataType, text: Column | None) -> Column | None:
        """Return what is to be kept of a field that the schema knows; `text` is its value when it was misread."""
        inner = None
        if isinstance(kind, StructType) and isinstance(read, StructType):
            loose = self.parse(text, read.names) if self.parse and self.nested and text is not None else None
            parts = self._parts(kind, read, value.getField, loose)
            if parts:
                inner = F.when(_any(parts.values()), F.struct(*(part.alias(name) for name, part in parts.items())))
        elif kind != read and text is None and not (isinstance(kind, ArrayType) and isinstance(read, ArrayType)):
            inner = F.when(_fitted(value, kind, read).isNull(), value)
        elif kind != read:
            inner = F.when(_more_in_elements(value, kind, read), value)
        if text is None:
            return inner
        misfit = F.when(column(RAW).isNotNull() & self._misread(value, kind), _as_json(text))
        return misfit if inner is None else F.coalesce(F.parse_json(F.to_json(inner)), misfit)

    def _misread(self, value: Column, kind: DataType) -> Column:
        """Tell whether a value was misread in a record of which something was; when unsure, yes."""
        if isinstance(kind, StructType) and not self.nested:
            return F.lit(True)
        if isinstance(kind, ArrayType | MapType):
            inside = kind.elementType if isinstance(kind, ArrayType) else kind.valueType
            values = value if isinstance(kind, ArrayType) else F.map_values(value)
            misread = F.lit(True) if isinstance(inside, _COMPLEX) else F.exists(values, lambda one: one.isNull())
            return value.isNull() | misread
        return value.isNull()


def column(name: str) -> Column:
    """Return the column of exactly this name."""
    return F.col(f"`{name.replace('`', '``')}`")


def _as_object(parts: Mapping[str, Column], file_path: Column | None) -> Column:
    """Return the text of a JSON object of what is not NULL, and the path of the file; NULL when all is."""
    if not parts:
        return F.lit(None).cast("string")
    path = [] if file_path is None else [file_path.alias("_file_path")]
    return F.when(_any(parts.values()), F.to_json(F.struct(*(part.alias(name) for name, part in parts.items()), *path)))


def _any(columns: Iterable[Column]) -> Column:
    return reduce(lambda one, other: one | other, (one.isNotNull() for one in columns))


def _as_json(text: Column) -> Column:
    """Return an object or array as itself, anything else as a string."""
    parsed = F.when(text.rlike(r"^\s*[\[{]"), F.try_parse_json(text))
    return F.when(text.isNotNull(), F.coalesce(parsed, text.cast("variant")))


def _fitted(value: Column, kind: DataType, read: DataType) -> Column:  # noqa: PLR0911 (a case per kind of type)
    """Return a value in the type `kind`, without what that lacks; NULL when it can't be."""
    if kind == read:
        return value
    if isinstance(kind, StructType) and isinstance(read, StructType):
        there = {field.name: field.dataType for field in read.fields}
        fields = [
            (
                _fitted(value[f.name], f.dataType, there[f.name]) if f.name in there else F.lit(None).cast(f.dataType)
            ).alias(f.name)
            for f in kind.fields
        ]
        return F.when(value.isNotNull(), F.struct(*fields))
    if isinstance(kind, ArrayType) and isinstance(read, ArrayType):
        return F.transform(value, lambda one: _fitted(one, kind.elementType, read.elementType))
    if isinstance(kind, MapType) and isinstance(read, MapType) and kind.keyType == read.keyType:
        return F.transform_values(value, lambda _, one: _fitted(one, kind.valueType, read.valueType))
    if isinstance(read, _COMPLEX) and isinstance(kind, StringType):
        return F.to_json(value)
    if isinstance(read, _COMPLEX) or isinstance(kind, _COMPLEX):
        return F.lit(None).cast(kind)
    return value.cast(kind)


def _has_more(kind: DataType, read: DataType) -> bool:
    """Tell whether files have fields, also inside of others, that the schema lacks."""
    if isinstance(kind, StructType) and isinstance(read, StructType):
        known = {field.name: field.dataType for field in kind.fields}
        return any(f.name not in known or _has_more(known[f.name], f.dataType) for f in read.fields)
    if isinstance(kind, ArrayType) and isinstance(read, ArrayType):
        return _has_more(kind.elementType, read.elementType)
    if isinstance(kind, MapType) and isinstance(read, MapType):
        return _has_more(kind.valueType, read.valueType)
    return False


def _more_in_elements(value: Column, kind: DataType, read: DataType) -> Column:
    """Tell whether a value has anything, at any depth, that its type in the schema lacks."""
    if isinstance(kind, ArrayType) and isinstance(read, ArrayType):
        return F.exists(value, lambda one: _more_in_elements(one, kind.elementType, read.elementType))
    if isinstance(kind, MapType) and isinstance(read, MapType):
        inside = kind.valueType, read.valueType
        return F.exists(F.map_values(value), lambda one: _more_in_elements(one, *inside))
    if isinstance(kind, StructType) and isinstance(read, StructType):
        known = {field.name: field.dataType for field in kind.fields}
        found = [
            _more_in_elements(value[f.name], known[f.name], f.dataType)
            if f.name in known
            else value[f.name].isNotNull()
            for f in read.fields
        ]
        return reduce(lambda one, other: one | other, found, F.lit(False))
    return value.isNotNull() & _fitted(value, kind, read).isNull() if kind != read else F.lit(False)
