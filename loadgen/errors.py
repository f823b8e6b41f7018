"""The error of the load generator: what went wrong, as a code, one sentence and a hint."""

from __future__ import annotations

from typing import Literal

Code = Literal[
    "WRONG_OPTION",
    "WRONG_SHAPE",
    "CANNOT_RESUME",
    "TARGET_FAILED",
    "SPARK_FAILED",
    "REPORT_NOT_WRITTEN",
    "PICTURE_NOT_DRAWN",
]
#: Codes of wrong use: the command ends with exit code 2, with all others 1.
WRONG_USE: tuple[Code, ...] = ("WRONG_OPTION", "WRONG_SHAPE", "CANNOT_RESUME")


class LoadgenError(Exception):
    """An error for the user.

    Args:
        code: what kind of error it is.
        message: one sentence that names what is wrong.
        hint: what to do about it; empty when the message says it.
    """

    def __init__(self, code: Code, message: str, hint: str = "") -> None:
        super().__init__(f"{message}\n\nHint: {hint}" if hint else message)
        self.code = code
        self.message = message
        self.hint = hint

    @property
    def exit_code(self) -> int:
        """Exit code of the command: 2 for wrong use, else 1."""
        return 2 if self.code in WRONG_USE else 1


def target_error(message: str) -> LoadgenError:
    """Return the error of a target that cannot take rows, or cannot be read."""
    return LoadgenError("TARGET_FAILED", message)


def option_error(message: str, hint: str = "") -> LoadgenError:
    """Return the error of an option with a wrong value, or of options that do not go together."""
    return LoadgenError("WRONG_OPTION", message, hint)
