"""Validates a document against its model; errors name keys and values as the file has them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from livetables.errors import SettingsError, did_you_mean
from livetables.settings.reading import location_in

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from livetables.errors import SourceLocation

_Model = TypeVar("_Model", bound=BaseModel)


def validated(model: type[_Model], document: Any, location: SourceLocation, *, strict: bool = True) -> _Model:
    """Return the document as its model; without `strict`, a text such as `true` is accepted as a boolean.

    Raises SettingsError with the location of the first wrong key.
    """
    try:
        return model.model_validate(document, strict=None if strict else False)
    except ValidationError as error:
        # A misspelt key also makes the right one missing: show the misspelt one.
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        raise _error(model, document, location, first) from error


def _error(model: type[BaseModel], document: Any, location: SourceLocation, found: ErrorDetails) -> SettingsError:
    *above, last = [str(part) for part in found["loc"]] or ["settings"]
    key = ".".join([*above, last])
    location = location_in(document, found["loc"], location) or location
    if found["type"] == "extra_forbidden":
        known = _known_keys(model, above)
        hint = did_you_mean(last, known, f"Known keys: {', '.join(sorted(known))}.")
        return SettingsError("UNKNOWN_KEY", f"Unknown key '{key}'.", location=location, hint=hint)
    msg = f"The value of '{key}' is {json.dumps(found.get('input'), default=str)}: {_plain(found['msg'])}."
    return SettingsError("WRONG_VALUE", msg, location=location, hint=_hint(last, found))


def _hint(key: str, found: ErrorDetails) -> str | None:
    value = found.get("input")
    if found["type"] == "string_type" and isinstance(value, int | float):
        return f'Write it in quotes: "{key}": "{json.dumps(value)}".'
    if found["type"] == "literal_error":
        expected = re.findall(r"'([^']+)'", str(found.get("ctx", {}).get("expected")))
        return did_you_mean(str(value), expected, f"Take one of {', '.join(expected)}.")
    return None


def _known_keys(model: type[BaseModel], above: list[str]) -> list[str]:
    for part in above:
        field = model.model_fields.get(part)
        model = (_nested(field.annotation) if field else None) or model
    return [info.alias or name for name, info in model.model_fields.items()]


def _nested(annotation: Any) -> type[BaseModel] | None:
    arguments = get_args(annotation)
    if arguments:
        return next((model for argument in arguments if (model := _nested(argument))), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _plain(message: str) -> str:
    """Return pydantic's message as a clause in plain words."""
    text = message.removeprefix("Value error, ").replace("Input should be", "it must be")
    text = re.sub(r"a valid dictionary( or instance of \w+)?", "a mapping", text)
    return text[:1].lower() + text[1:]
