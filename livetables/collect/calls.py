"""Calls of the facade's functions: the name and the line of the user's call, and the errors of a wrong call."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livetables.collect import registry as registries
from livetables.errors import DefinitionError, Diagnostic
from livetables.queries.locations import calling_location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from livetables.collect.registry import Registry
    from livetables.errors import SourceLocation

#: Parameters that have no effect in a local run, with the reason for the warning.
WITHOUT_EFFECT = {
    "cluster_by_auto": "clustering columns are not chosen automatically",
    "refresh_policy": "it is recomputed in full, where the platform would refuse to",
    "format": "tables are stored as Delta",
}
_called_name: ContextVar[str] = ContextVar("called_name", default="")


@dataclass(frozen=True)
class Call:
    """A call of a function of the facade: the name that the user called, as some have several, and the user's line."""

    name: str
    location: SourceLocation

    def here(self) -> Call:
        """Return the call at the line that is executing now: a decorator is applied after it was made."""
        return replace(self, location=_calling_location())

    def invalid(self, message: str, hint: str, code: str = "WRONG_ARGUMENT") -> DefinitionError:
        """Return the error of a wrong call."""
        return DefinitionError(code, message, location=self.location, hint=hint)

    def not_supported(self, feature: str) -> DefinitionError:
        """Return the error of a feature that the platform has and this runtime has not."""
        message, hint = f"{feature} does not run here yet.", "See docs/differences.md for what runs."
        return self.invalid(message, hint, "NOT_SUPPORTED")

    def without_effect(self, parameter: str) -> Diagnostic:
        """Return the warning of a parameter that has no effect in a local run."""
        message = f"{self.name}({parameter}=) has no effect here: {WITHOUT_EFFECT[parameter]}."
        return Diagnostic("PARAMETER_WITHOUT_EFFECT", message, self.location)


@contextmanager
def called(name: str) -> Iterator[None]:
    """Make `name` the function that `current_call` returns inside this context."""
    token = _called_name.set(name)
    try:
        yield
    finally:
        _called_name.reset(token)


def current_call() -> Call:
    """Return the call of the facade that is executing."""
    return Call(_called_name.get(), _calling_location())


def _calling_location() -> SourceLocation:
    registry = registries.current.get()
    # A query function calls `read` while no file is loaded.
    return calling_location(Path.cwd()) if registry is None else registry.reporter.caller()


def check_callable(call: Call, function: Any, *takes: str) -> None:
    """Raise DefinitionError for a decorated object that is not callable; `takes` names its arguments, for the hint."""
    if not callable(function):
        wanted = f"a function f({', '.join(takes)})" if takes else "a function that returns a DataFrame"
        message = f"@{call.name} was put on {function!r}, which is not a function."
        raise call.invalid(message, f"Put @dlt.{call.name} above {wanted}.", "NOT_A_FUNCTION")


def check_signature(call: Call, function: Callable[..., Any], *takes: str) -> None:
    """Raise DefinitionError for a function that can't be called with the arguments `takes`."""
    try:
        signature = inspect.signature(function, follow_wrapped=False)  # a decorator may pass arguments
    except ValueError:  # some functions that are not written in Python have none
        return
    try:
        signature.bind(*takes)
    except TypeError:
        message = f"{call.name} calls its function with ({', '.join(takes)}), and it takes {signature}."
        hint = f"Let it take ({', '.join(takes)})." if takes else "Give each of its parameters a default value."
        raise call.invalid(message, hint) from None


def function_location(registry: Registry, call: Call, function: Callable[..., Any]) -> SourceLocation:
    """Return where a function is defined; the line of the call for one that has no Python code."""
    code = getattr(function, "__code__", None)
    if code is None:
        return call.location
    return registry.reporter.location(code.co_filename, code.co_firstlineno)
