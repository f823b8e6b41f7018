"""The program: runs the command line, and says how errors end it.

livetables run | check | graph | plan | events | tables | query | reset | doctor
python -m livetables ...
"""

from __future__ import annotations

import sys
import traceback

import typer
from rich.console import Console
from typer.exceptions import TyperException

from livetables.cli import app as cli
from livetables.errors import Diagnostic, LivetablesError
from livetables.redaction import redacted

_INTERRUPTED = 130


def main() -> None:
    """Run the command line; errors of ours end in their own text and exit code, never in a trace."""
    err = Console(stderr=True)
    try:
        code = cli.app(standalone_mode=False)
        if code == _INTERRUPTED:  # what Typer makes of a KeyboardInterrupt
            err.print("Interrupted. What has committed stays; the next run goes on from there.")
        sys.exit(code if isinstance(code, int) else 0)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except typer.Abort:
        sys.exit(1)
    except TyperException as error:  # the words of the command line are wrong
        show = getattr(error, "show", None)
        if show:
            show()
        else:
            err.print(str(error), markup=False)
        sys.exit(2)
    except LivetablesError as error:
        _trace_if_debug(error)
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 (the last that can say it)
        _trace_if_debug(error)
        from livetables.spark.messages import code_of, first_sentence

        hint = getattr(error, "hint", "Run it again with --debug to see the whole trace.")
        message = str(error).removesuffix(hint) if hasattr(error, "hint") else first_sentence(error)
        diagnostic = Diagnostic(getattr(error, "code", None) or code_of(error), message.strip(), hint=hint)
        err.print(str(diagnostic), markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


def _trace_if_debug(error: BaseException) -> None:
    """With --debug, show all that Python knows of an error, but no secret, and end."""
    if cli.debugging:
        sys.stderr.write(redacted("".join(traceback.format_exception(error))))
        sys.exit(1)


if __name__ == "__main__":
    main()
