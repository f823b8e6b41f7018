"""Fits records to the columns of a schema, and rescues what does not fit as JSON.

`wide` is the schema that files are read with: the fields of the source's schema, and those that only the files have.
Where a value does not fit the type of its field, Spark's readers of text return NULL, and the text of the whole record
in a column of its own. Such a record is parsed again, as strings: this is slow, but rare.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, MapType, StringType, StructType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pyspark.sql import Column

#: Columns with the text of a record in which a value did not fit, and of one that is malformed even as strings.
RAW, MALFORMED = "_livetables_record", "_livetables_malformed"
#: The key of the rescued data under which a malformed record is kept.
CORRUPT = "_corrupt_record"
_COMPLEX = (ArrayType, MapType, StructType)


@dataclass(frozen=True)
class Fit:
    """How records that were read with the schema `wide` fit into `schema`.

    `parse` returns the named fields of a record's text as strings; with `parses_nested` it also parses the text of a
    nested object. It is None where values were read with the types of the files, or as strings; then, with
    `keeps_malformed`, RAW has the malformed records.
    """

    schema: StructType
    wide: StructType
    case_sensitive: bool = True
    parse: Callable[[Column, Sequence[str]], Column] | None = None
    parses_nested: bool = False
    keeps_malformed: bool = False
    #: Column names for the surplus values of a CSV record, which is malformed only when it exceeds these too.
    surplus: tuple[str, ...] = ()

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
        """Return the condition of malformed records: those that could not be parsed at all."""
        if self.parse is None:
            return column(RAW).isNotNull() if self.keeps_malformed else F.lit(False)
        return column(RAW).isNotNull() & self._unparsed(self._loose())

    def rescued(self, file_path: Column | None) -> Column:
        """Return the rescued data as JSON text: what does not fit, and the path of the file; NULL when all fits."""
        if self.parse is None:
            malformed = {CORRUPT: F.when(column(RAW).isNotNull(), column(RAW))} if self.keeps_malformed else {}
            return _as_object({**self._parts(self.schema, self.wide, column, None), **malformed}, file_path)

        def object_of(loose: Column) -> Column:
            parts = self._parts(self.schema, self.wide, column, loose)
            parts |= {name: loose[name] for name in self.surplus}
            parts[CORRUPT] = F.when(column(RAW).isNotNull() & self._unparsed(loose), column(RAW))
            return _as_object(parts, file_path)

        if _has_more(self.schema, self.wide):
            return object_of(self._loose())
        # Nearly all records fit. The work for the others is in the body of a lambda, which Spark interprets: compiled
        # with the rest, it would make the generated method for all records many times larger.
        return F.when(column(RAW).isNotNull(), F.transform(F.array(self._loose()), object_of)[0])

    def _unparsed(self, loose: Column) -> Column:
        return loose[self.surplus[-1] if self.surplus else MALFORMED].isNotNull()

    def _loose(self) -> Column:
        assert self.parse is not None
        return self.parse(column(RAW), [*self.wide.names, *self.surplus])

    def _parts(
        self, schema: StructType, wide: StructType, value: Callable[[str], Column], loose: Column | None
    ) -> dict[str, Column]:
        """Return what to rescue of each field of a struct, by name; NULL where the field fits."""
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
        """Return what to rescue of a field of the schema; `text` is the field as a string, for records parsed again."""
        inner = None
        if isinstance(kind, StructType) and isinstance(read, StructType):
            loose = self.parse(text, read.names) if self.parse and self.parses_nested and text is not None else None
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
        """Return whether this value did not fit, in a record in which some value did not; true when in doubt."""
        if isinstance(kind, StructType) and not self.parses_nested:
            return F.lit(True)
        if isinstance(kind, ArrayType | MapType):
            inside = kind.elementType if isinstance(kind, ArrayType) else kind.valueType
            values = value if isinstance(kind, ArrayType) else F.map_values(value)
            misread = F.lit(True) if isinstance(inside, _COMPLEX) else F.exists(values, lambda item: item.isNull())
            return value.isNull() | misread
        return value.isNull()


def column(name: str) -> Column:
    """Return the column with exactly this name."""
    return F.col(f"`{name.replace('`', '``')}`")


def _as_object(parts: Mapping[str, Column], file_path: Column | None) -> Column:
    """Return the parts that are not NULL and the path of the file as JSON text; NULL when all parts are NULL."""
    if not parts:
        return F.lit(None).cast("string")
    path = [] if file_path is None else [file_path.alias("_file_path")]
    return F.when(_any(parts.values()), F.to_json(F.struct(*(part.alias(name) for name, part in parts.items()), *path)))


def _any(columns: Iterable[Column]) -> Column:
    return reduce(lambda left, right: left | right, (each.isNotNull() for each in columns))


def _as_json(text: Column) -> Column:
    """Return text as a VARIANT: a JSON object or array parsed, anything else as a string."""
    parsed = F.when(text.rlike(r"^\s*[\[{]"), F.try_parse_json(text))
    return F.when(text.isNotNull(), F.coalesce(parsed, text.cast("variant")))


def _fitted(value: Column, kind: DataType, read: DataType) -> Column:
    """Return a value of type `read` as the type `kind`, without fields that `kind` lacks; NULL when impossible."""
    if kind == read:
        return value
    if isinstance(kind, StructType) and isinstance(read, StructType):
        return F.when(value.isNotNull(), _fitted_struct(value, kind, read))
    if isinstance(kind, ArrayType) and isinstance(read, ArrayType):
        return F.transform(value, lambda item: _fitted(item, kind.elementType, read.elementType))
    if isinstance(kind, MapType) and isinstance(read, MapType) and kind.keyType == read.keyType:
        return F.transform_values(value, lambda _, item: _fitted(item, kind.valueType, read.valueType))
    if isinstance(read, _COMPLEX):
        return F.to_json(value) if isinstance(kind, StringType) else F.lit(None).cast(kind)
    return F.lit(None).cast(kind) if isinstance(kind, _COMPLEX) else value.cast(kind)


def _fitted_struct(value: Column, kind: StructType, read: StructType) -> Column:
    types = {field.name: field.dataType for field in read.fields}
    fields = []
    for field in kind.fields:
        known = field.name in types
        fitted = _fitted(value[field.name], field.dataType, types[field.name]) if known else None
        fields.append((F.lit(None).cast(field.dataType) if fitted is None else fitted).alias(field.name))
    return F.struct(*fields)


def _has_more(kind: DataType, read: DataType) -> bool:
    """Whether files have fields, at any depth, that the schema lacks."""
    if isinstance(kind, StructType) and isinstance(read, StructType):
        known = {field.name: field.dataType for field in kind.fields}
        return any(f.name not in known or _has_more(known[f.name], f.dataType) for f in read.fields)
    if isinstance(kind, ArrayType) and isinstance(read, ArrayType):
        return _has_more(kind.elementType, read.elementType)
    if isinstance(kind, MapType) and isinstance(read, MapType):
        return _has_more(kind.valueType, read.valueType)
    return False


def _more_in_elements(value: Column, kind: DataType, read: DataType) -> Column:
    """Return whether a value has anything, at any depth, that its type in the schema has no place for."""
    if isinstance(kind, ArrayType) and isinstance(read, ArrayType):
        return F.exists(value, lambda item: _more_in_elements(item, kind.elementType, read.elementType))
    if isinstance(kind, MapType) and isinstance(read, MapType):
        inside = kind.valueType, read.valueType
        return F.exists(F.map_values(value), lambda item: _more_in_elements(item, *inside))
    if isinstance(kind, StructType) and isinstance(read, StructType):
        known = {field.name: field.dataType for field in kind.fields}
        found = [
            _more_in_elements(value[f.name], known[f.name], f.dataType)
            if f.name in known
            else value[f.name].isNotNull()
            for f in read.fields
        ]
        return reduce(lambda left, right: left | right, found, F.lit(False))
    return value.isNotNull() & _fitted(value, kind, read).isNull() if kind != read else F.lit(False)
