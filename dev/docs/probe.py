"""Calls each name that pipeline files may call: a name or a parameter is supported, warned, refused or silent."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from dev.docs.base import ROOT, DocumentError
from dev.docs.names import Missing, Name, Sample, Silent, other_rows
from livetables.collect import registry as registries
from livetables.collect.binding import bound
from livetables.collect.registry import Registry
from livetables.errors import DefinitionError
from livetables.queries import reads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SUPPORTED, WARNED, REFUSED, SILENT = "supported", "warned", "refused", "silent"
#: Fields that differ between two equal calls.
_NOT_COMPARED = {"query", "location", "next_snapshot", "function", "write_batch"}


@dataclass(frozen=True)
class Found:
    """The outcome for a name, or for one of its parameters ("" for the name itself), with its message."""

    name: Name
    parameter: str
    status: str
    words: str = ""


@dataclass(frozen=True)
class _Outcome:
    status: str
    words: tuple[str, ...] = ()
    defined: tuple[Any, ...] = ()


def probe(names: Iterable[Name]) -> list[Found]:
    """Call each name and each parameter in each of its modules, which must agree."""
    found: list[Found] = []
    with bound():
        for name in names:
            first, *others = (list(_probed(name, module)) for module in name.modules)
            for other in others:
                if other != first:
                    raise DocumentError(f"{name.name} is not the same in {' and '.join(name.modules)}.")
            found += first
    return found


def _probed(name: Name, module: str) -> Iterator[Found]:
    plain = _called(name, module, name.required)
    yield Found(name, "", plain.status, " ".join(plain.words))
    if name.same_as:
        return
    for parameter in name.required:
        refused = plain.status == REFUSED
        yield Found(name, parameter, plain.status if refused else SUPPORTED, " ".join(plain.words) if refused else "")
    for parameter, given in name.optional.items():
        sample = given if isinstance(given, Sample) else Sample(given)
        yield _tried(name, module, parameter, sample)


def _tried(name: Name, module: str, parameter: str, sample: Sample) -> Found:
    """Try an optional parameter: compare the warnings and definitions of a call with it and of one without it."""
    what = f"{name.name}({parameter}=) of {module}"
    base = {key: value for key, value in name.required.items() if key not in sample.without} | dict(sample.beside)
    given = {**base, **sample.together, parameter: sample.value}
    with_it = _called(name, module, given, missing=isinstance(sample, Missing))
    without = _Outcome(SUPPORTED) if sample.without else _called(name, module, base)
    if with_it.status == REFUSED:
        found = Found(name, parameter, REFUSED, " ".join(with_it.words))
    elif said := [words for words in with_it.words if words not in without.words]:
        found = Found(name, parameter, WARNED, " ".join(said))
    elif with_it.defined == without.defined:
        raise DocumentError(
            f"{what} is accepted without a warning, and changes nothing: it needs an effect or a warning."
        )
    else:
        found = Found(name, parameter, SUPPORTED)
    if isinstance(sample, Missing) and found.status != REFUSED:
        raise DocumentError(f"{what} is not missing any more: correct dev/docs/names.py.")
    if not isinstance(sample, Silent):
        return found
    if found.status != SUPPORTED:
        raise DocumentError(f"{what} is not silent any more: correct dev/docs/names.py.")
    return Found(name, parameter, SILENT, sample.why)


def _called(name: Name, module: str, given: Mapping[str, Any], *, missing: bool = False) -> _Outcome:
    """Call a name as a pipeline file would, with its own registry."""

    def rows(*_given: Any) -> None:  # a new one each time: functions carry their expectations
        """The user's function that is decorated."""

    registry = Registry(root=ROOT)
    token = registries.current.set(registry)
    try:
        with warnings.catch_warnings(), reads.reading_with(_Anything()):
            warnings.simplefilter("ignore", DeprecationWarning)
            result = getattr(importlib.import_module(module), name.name)(**given)
            if name.decorates and result is not other_rows:
                result(rows)
    except (DefinitionError, TypeError) as error:
        return _refusal(name, error, missing=missing)
    finally:
        registries.current.reset(token)
    return _outcome(name, registry)


def _refusal(name: Name, error: DefinitionError | TypeError, *, missing: bool) -> _Outcome:
    code = error.code if isinstance(error, DefinitionError) else "TypeError"
    expected = ("UNKNOWN_PARAMETER", "TypeError") if missing else ("NOT_SUPPORTED",)
    if code not in expected:
        raise DocumentError(f"The sample of {name.name} is wrong: {error}") from error
    return _Outcome(REFUSED, (error.diagnostic.message if isinstance(error, DefinitionError) else f"{error}.",))


def _outcome(name: Name, registry: Registry) -> _Outcome:
    defined = registry.freeze()
    wrong = [diagnostic for diagnostic in defined.diagnostics if diagnostic.code != "FLOW_TARGET_NOT_FOUND"]
    warned = [warning for warning in defined.warnings if warning.code != "DECORATOR_NOT_USED"]  # a rule is tried alone
    odd = {warning.code for warning in warned} - {"PARAMETER_WITHOUT_EFFECT", "DEPRECATED_NAME"}
    if wrong or odd:
        raise DocumentError(f"The sample of {name.name} is wrong: {[str(diagnostic) for diagnostic in wrong] or odd}")
    said = tuple(warning.message for warning in warned)
    # What the platform calls deprecated too is no difference.
    without_effect = any(warning.code == "PARAMETER_WITHOUT_EFFECT" for warning in warned)
    parts = tuple(_compared(part) for part in (*defined.datasets, *defined.flows, *defined.hooks))
    return _Outcome(WARNED if without_effect else SUPPORTED, said, parts)


def _compared(part: Any) -> tuple[str, dict[str, Any]]:
    values = {field.name: getattr(part, field.name) for field in fields(part) if field.name not in _NOT_COMPARED}
    return type(part).__name__, values


class _Anything:
    """A reader in which every table and source exists, so that no session is needed."""

    def read(self, name: str, *, streaming: bool, options: Mapping[str, str]) -> Any:
        """Return something for any name."""
        return reads.TableFrame((name, streaming, options))

    def read_files(self, options: Mapping[str, str], schema: Any, path: str) -> Any:
        """Return something for any path."""
        return options, schema, path

    def stream_files(self, options: Mapping[str, str], schema: Any, path: str) -> Any:
        """Return something for any path."""
        return options, schema, path

    def prepare(self, source: str, options: Mapping[str, str]) -> None:
        """Do nothing."""

    def map_path(self, path: str) -> str:
        """Return the path."""
        return path
