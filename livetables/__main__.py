"""The program: runs the command line, and turns errors into texts and exit codes.

livetables run | check | graph | plan | events | tables | files | query | reset | doctor
python -m livetables ...
"""

from __future__ import annotations

import sys

import typer
from typer.exceptions import TyperException

from livetables.cli.app import app
from livetables.cli.output import ERR, print_line
from livetables.errors import Diagnostic, LivetablesError

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit: 0 success, 1 error, 2 wrong use, 130 interrupted; never with a trace."""
    try:
        code = app(standalone_mode=False)
        if code == _INTERRUPTED:  # Typer's value for a KeyboardInterrupt
            ERR.print("Interrupted. What has committed stays; the next run continues from there.")
        sys.exit(code if isinstance(code, int) else 0)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except typer.Abort:
        sys.exit(1)
    except TyperException as error:  # the command line itself is wrong
        show = getattr(error, "show", None)
        if show:
            show()
        else:
            ERR.print(str(error), markup=False)
        sys.exit(2)
    except LivetablesError as error:
        print_line(str(error), to=ERR)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 (nothing catches it after this)
        from livetables.spark.messages import code_of, first_sentence

        hint = "Run it again with --debug to see the whole trace."
        print_line(str(Diagnostic(code_of(error), first_sentence(error), hint=hint)), to=ERR)
        sys.exit(1)


if __name__ == "__main__":
    main()
