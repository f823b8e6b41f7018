"""Checks the keywords of calls to the public API: a misspelt one is an error that names the nearest."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from livetables.errors import UnknownKeywordError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")
_R = TypeVar("_R")


def known_keywords(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function so that an unknown keyword raises UnknownKeywordError, which is also a TypeError.

    Python's own TypeError names the nearest keyword only since version 3.14. The keywords of a `**options` parameter
    are those of the TypedDict that its annotation unpacks, which must be known in the function's module.
    """
    parameters = inspect.signature(function).parameters.values()
    known = [one.name for one in parameters if one.kind is not one.VAR_KEYWORD and one.name != "self"]
    for one in parameters:
        if one.kind is one.VAR_KEYWORD:
            unpacked = str(one.annotation).removeprefix("Unpack[").removesuffix("]")
            known += function.__globals__[unpacked].__annotations__
    shown = function.__qualname__.removesuffix(".__init__")

    @wraps(function)
    def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        for name in kwargs:
            if name not in known:
                hint = did_you_mean(name, known, f"Its keywords are {', '.join(known)}.")
                raise UnknownKeywordError("UNKNOWN_PARAMETER", f"{shown}() has no keyword '{name}'.", hint=hint)
        return function(*args, **kwargs)

    return checked
