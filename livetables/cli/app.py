"""The command line: `livetables run | check | graph | plan | events | tables | files | query | reset | doctor`."""

from __future__ import annotations

import typer

from livetables.cli import pipelines, stored
from livetables.cli.options import command
from livetables.cli.output import print_line

app = typer.Typer(
    help="Run Delta Live Tables pipelines on this machine, unchanged.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@command
def doctor() -> None:
    """Check what this machine needs to run pipelines: Python, packages, Java, jars."""
    from livetables.show.doctor import checks

    failed = False
    for name, ok, text in checks():
        failed = failed or not ok
        print_line(f"{'ok  ' if ok else 'FAIL'} {name}: {text}", style=None if ok else "red")
    if failed:
        raise typer.Exit(1)


for _function in (
    pipelines.run,
    pipelines.check,
    pipelines.graph,
    pipelines.plan,
    stored.events,
    stored.tables,
    stored.files,
    stored.query,
    stored.reset,
    doctor,
):
    app.command()(_function)
