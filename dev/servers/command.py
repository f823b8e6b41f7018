"""The commands `up` and `down` of a local server."""

# Without postponed annotations: typer reads them.
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from dev.servers.processes import MAX_PORT
from dev.servers.server import Running, Server, ServerError, start, started_before, stop
from livetables.jars import JarError, JavaError


def server_app(
    server: Server, *, port: int, started: Callable[[Running, Path], str], stopped: Callable[[Running], str]
) -> typer.Typer:
    """Return the command line of a server.

    Args:
        server: the kind of server.
        port: the port of its clients, unless `--port` is given.
        started: the message for a server that has started in a data folder.
        stopped: the message for a server that has stopped.
    """
    app = typer.Typer(add_completion=False, help=f"A real {server.name} server on 127.0.0.1.")
    default_port = port

    @app.command()
    def up(
        port: Annotated[int, typer.Option(min=1, max=MAX_PORT, help="port for clients")] = default_port,
        data: Annotated[Path, typer.Option(help="folder for settings, log and data")] = server.home,
    ) -> None:
        """Start the server and leave it running."""
        before = started_before(server)
        if before is not None:
            typer.echo(f"{server.name} is already running at {before.endpoint} (pid {before.pid}).")
            return
        try:
            typer.echo(started(start(server, port, data), data))
        except (ServerError, JarError, JavaError) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error
        except OSError as error:
            typer.echo(f"The folder {data} cannot be used: {error.strerror or error}.", err=True)
            raise typer.Exit(1) from error

    @app.command()
    def down() -> None:
        """Stop the server that `up` started."""
        before = stop(server)
        typer.echo(stopped(before) if before else f"{server.name} is not running.")

    return app
