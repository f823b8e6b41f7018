"""A real S3 server on this machine, S3Proxy in memory: `up`, `put` and `down`, or `running_store` for tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pyarrow.fs import LocalFileSystem, S3FileSystem, copy_files

from dev.servers.server import (
    HOST,
    MAX_PORT,
    STOP_SECONDS,
    command_line,
    end,
    first_error,
    free_ports,
    is_free,
    supervised,
)
from livetables.jars import JarError, JavaError, require_java, store_jars

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(__file__).resolve().parents[2] / ".livetables" / "s3"
START_SECONDS = 60
#: They keep nothing safe: the server is for this machine, and for trying things out.
ACCESS_KEY, SECRET_KEY = "local", "local-secret"

PROPERTIES = """\
s3proxy.endpoint=http://{host}:{port}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity={access}
s3proxy.credential={secret}
# the SDK sends more with a request than S3Proxy knows
s3proxy.ignore-unknown-headers=true
# over a folder it gives files from elsewhere no ETag, which s3a needs
jclouds.provider=transient
"""
#: S3Proxy sends its standard error to the log: a log on standard error would come back for ever.
LOG_OPTIONS = ("-Dorg.slf4j.simpleLogger.logFile=System.out", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
MAIN = "org.gaul.s3proxy.Main"


class StoreError(RuntimeError):
    """The server did not start; nothing of it is left running."""


def settings_of(endpoint: str, bucket: str = "") -> dict[str, str]:
    """Return the configuration with which a pipeline reads from a server, in one bucket or in all."""
    prefix = f"spark.hadoop.fs.s3a.bucket.{bucket}." if bucket else "spark.hadoop.fs.s3a."
    values = {"endpoint": endpoint, "access.key": ACCESS_KEY, "secret.key": SECRET_KEY, "path.style.access": "true"}
    return {prefix + name: value for name, value in values.items()}


@contextmanager
def running_store(data: Path) -> Iterator[str]:
    """Run a server on a free port and yield its endpoint; it and its objects end with the block or the process.

    Args:
        data: folder for settings and log.
    """
    port, _ = free_ports()
    command = _prepare(data, port)
    with _log_file(data).open("wb") as log:
        process = supervised(command, log)
    try:
        yield _answering(process, port, _log_file(data))
    finally:
        end(process)


def client(endpoint: str) -> S3FileSystem:
    """Return what makes buckets, and reads and writes objects, without Spark."""
    os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")  # S3Proxy lacks the newest sums
    scheme, _, host = endpoint.partition("://")
    where = {"endpoint_override": host, "scheme": scheme, "region": "us-east-1"}
    return S3FileSystem(access_key=ACCESS_KEY, secret_key=SECRET_KEY, allow_bucket_creation=True, **where)


def start(port: int, data: Path) -> str:
    """Start a server that outlives this process and return the words that say how to reach it."""
    record = _record()
    if record is not None:
        return f"S3 is already running at {record['endpoint']} (pid {record['pid']})."
    if not is_free(port):
        raise StoreError(f"Port {port} is in use by another program; choose another one with --port.")
    command = _prepare(data, port)
    with _log_file(data).open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        endpoint = _answering(process, port, _log_file(data))
        HOME.mkdir(parents=True, exist_ok=True)
        record = {"pid": process.pid, "endpoint": endpoint, "data": str(data.absolute())}
        _record_file().write_text(json.dumps(record))
    except BaseException:
        process.kill()
        process.wait()
        raise
    keys = "".join(f'\n  "{key}": "{value}",' for key, value in settings_of(endpoint).items())
    said = f"S3 is running at {endpoint} (pid {process.pid}), in memory; its log is {_log_file(data)}."
    return f"{said} For the configuration of a pipeline:{keys}"


def stop() -> str:
    """Stop the server that `start` left running and return a sentence that says so."""
    record = _record()
    if record is None:
        _record_file().unlink(missing_ok=True)
        return "S3 is not running."
    pid = int(record["pid"])
    for sign, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
        if _gone(pid, record["data"], seconds):
            break
    _record_file().unlink()
    return f"S3 at {record['endpoint']} (pid {pid}) is stopped; its objects are gone."


def _prepare(data: Path, port: int) -> list[str]:
    """Write the settings, and return the command that runs the server."""
    jars = store_jars()
    data.mkdir(parents=True, exist_ok=True)
    properties = data.absolute() / "server.properties"
    values = {"host": HOST, "port": port, "access": ACCESS_KEY, "secret": SECRET_KEY}
    properties.write_text(PROPERTIES.format(**values))
    classes = f"{jars[0].parent}/*"
    return [require_java(), "-Xmx256m", *LOG_OPTIONS, "-cp", classes, MAIN, "--properties", str(properties)]


def _answering(process: subprocess.Popen[bytes], port: int, log: Path) -> str:
    """Wait until the server answers and return its endpoint."""
    endpoint = f"http://{HOST}:{port}"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StoreError(f"S3Proxy ended at once: {first_error(log.read_text())} (log: {log})")
        if _answers(endpoint):
            return endpoint
        time.sleep(0.1)
    raise StoreError(f"S3Proxy did not answer at {endpoint} within {START_SECONDS} s (log: {log}).")


def _answers(endpoint: str) -> bool:
    try:
        urllib.request.urlopen(endpoint, timeout=2).close()  # noqa: S310 (an address of this machine)
    except urllib.error.HTTPError as refused:  # it asks for a signature
        refused.close()
    except OSError:
        return False
    return True


def _record() -> dict[str, str] | None:
    """Return what `start` wrote, if that process still is our server."""
    try:
        record = json.loads(_record_file().read_text())
        ours = _is_ours(int(record["pid"]), record["data"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if ours else None


def _is_ours(pid: int, data: str) -> bool:
    """Tell whether the process is the server of this folder, and not a stranger who got its number."""
    return f"{MAIN} --properties {data}/" in command_line(pid)


def _gone(pid: int, data: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not _is_ours(pid, data):
            return True
        time.sleep(0.1)
    return False


def _record_file() -> Path:
    return HOME / "server.json"


def _log_file(data: Path) -> Path:
    return data / "server.log"


app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def up(
    port: Annotated[int, typer.Option(min=1, max=MAX_PORT, help="port for clients")] = 9000,
    data: Annotated[Path, typer.Option(help="folder for settings and log")] = HOME,
) -> None:
    """Start a server and leave it running."""
    try:
        typer.echo(start(port, data))
    except (StoreError, JarError, JavaError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.echo(f"The folder {data} cannot be used: {error.strerror or error}.", err=True)
        raise typer.Exit(1) from error


@app.command()
def put(
    folder: Annotated[Path, typer.Argument(help="a folder, or a file")],
    target: Annotated[str, typer.Argument(help="s3://BUCKET/PREFIX; the bucket is made")],
) -> None:
    """Copy files into the server that `up` started."""
    record = _record()
    if record is None:
        typer.echo("S3 is not running: make s3-up.", err=True)
        raise typer.Exit(1)
    files, path = client(record["endpoint"]), target.partition("://")[2] or target
    try:
        files.create_dir(path.split("/", 1)[0])
        copy_files(str(folder), path, LocalFileSystem(), files)
    except OSError as error:
        typer.echo(f"{folder} was not copied: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{folder} is copied to {target}.")


@app.command()
def down() -> None:
    """Stop the server that `up` started."""
    typer.echo(stop())


if __name__ == "__main__":
    app()
