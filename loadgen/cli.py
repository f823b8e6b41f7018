"""The command line. Exit codes: 0 sent or stopped by the user, 1 the target failed, 2 wrong use."""

from __future__ import annotations

from dataclasses import MISSING, fields
from inspect import Parameter, Signature
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_args, get_type_hints

import typer

from .errors import LoadgenError
from .load import run_load
from .options import RunOptions
from .parsing import parse_speed
from .phases.preview import show_phases
from .phases.shape_file import SHAPES, read_shape
from .plan import plan_of

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def with_options(command: Callable[[RunOptions], None]) -> Callable[..., None]:
    """Return a command with a parameter for each field of RunOptions, as typer reads them."""

    def flat(**values: Any) -> None:
        command(RunOptions(**values))

    hints = get_type_hints(RunOptions, include_extras=True)
    parameters = []
    for one in fields(RunOptions):
        kind, text = get_args(hints[one.name])
        annotation = getitem(Annotated, (kind, typer.Option(*text.flags, help=text.text)))
        default = Parameter.empty if one.default is MISSING else one.default
        parameters.append(Parameter(one.name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation))
    flat.__name__, flat.__doc__ = command.__name__, command.__doc__
    flat.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {one.name: one.annotation for one in parameters}
    return flat


@app.callback()
def main() -> None:
    """Send simulated sensor rows."""


@app.command()
def phases(
    shape: Annotated[Path, typer.Argument(help=f"A YAML file, or {', '.join(SHAPES)}.")] = Path("scaling"),
    *,
    speed: Annotated[str, typer.Option(help="Compresses time: 10x.")] = "1x",
    test_mode: Annotated[bool, typer.Option("--test-mode", help="At most five baseline streams.")] = False,
) -> None:
    """Show what a load shape would send, and when; nothing is sent."""
    try:
        show_phases(read_shape(shape, speed=parse_speed(speed), test_mode=test_mode))
    except LoadgenError as error:
        _fail(error)


@app.command()
@with_options
def run(options: RunOptions) -> None:
    """Send rows at a steady rate or in phases; Ctrl-C ends the run in order."""
    try:
        failure = run_load(plan_of(options), resume=options.resume, check=options.check)
    except LoadgenError as error:
        _fail(error)
    if failure:
        typer.echo(f"Error: {failure}", err=True)
        raise typer.Exit(1)


def _fail(error: LoadgenError) -> NoReturn:
    typer.echo(f"Error: {error}", err=True)
    raise typer.Exit(error.exit_code)
