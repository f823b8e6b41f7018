"""A real S3 server on this machine, S3Proxy in memory: `up`, `put` and `down`, or `running_store` for tests.

python -m dev.servers.s3 up --port 9000
python -m dev.servers.s3 put FOLDER s3://lake/landing
"""

# Without postponed annotations: typer reads them.
import os
import urllib.error
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer
from pyarrow.fs import LocalFileSystem, S3FileSystem, copy_files

from dev.servers.command import server_app
from dev.servers.processes import HOST
from dev.servers.server import Running, Server, log_file, running, started_before
from livetables.jars import require_java, store_jars

#: No secrets: the server answers on this machine only, and keeps its objects in memory.
ACCESS_KEY, SECRET_KEY = "local", "local-secret"

_PROPERTIES = """\
s3proxy.endpoint=http://{host}:{port}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity={access}
s3proxy.credential={secret}
# the SDK sends more with a request than S3Proxy knows
s3proxy.ignore-unknown-headers=true
# over a folder it gives files from elsewhere no ETag, which s3a needs
jclouds.provider=transient
"""
#: S3Proxy sends its standard error to the log: a log on standard error would be logged again for ever.
_LOG_OPTIONS = ("-Dorg.slf4j.simpleLogger.logFile=System.out", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
_MAIN = "org.gaul.s3proxy.Main"


def settings_of(endpoint: str, bucket: str = "") -> dict[str, str]:
    """Return the configuration of a pipeline that reads from a server: of one bucket, or of all."""
    prefix = f"spark.hadoop.fs.s3a.bucket.{bucket}." if bucket else "spark.hadoop.fs.s3a."
    values = {"endpoint": endpoint, "access.key": ACCESS_KEY, "secret.key": SECRET_KEY, "path.style.access": "true"}
    return {prefix + name: value for name, value in values.items()}


def running_store(data: Path) -> AbstractContextManager[str]:
    """Run a server on a free port and yield its endpoint; it and its objects end with the block or with this process.

    Args:
        data: folder for its settings and its log.
    """
    return running(S3, data)


def client(endpoint: str) -> S3FileSystem:
    """Return a file system of the server's buckets and objects, which works without Spark."""
    os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")  # S3Proxy lacks the newest sums
    scheme, _, host = endpoint.partition("://")
    where = {"endpoint_override": host, "scheme": scheme, "region": "us-east-1"}
    return S3FileSystem(access_key=ACCESS_KEY, secret_key=SECRET_KEY, allow_bucket_creation=True, **where)


def _command(data: Path, port: int) -> list[str]:
    """Write the settings, and return the command that runs the server."""
    jars = store_jars()
    properties = data.absolute() / "server.properties"
    values = {"host": HOST, "port": port, "access": ACCESS_KEY, "secret": SECRET_KEY}
    properties.write_text(_PROPERTIES.format(**values))
    classes = f"{jars[0].parent}/*"
    return [require_java(), "-Xmx256m", *_LOG_OPTIONS, "-cp", classes, _MAIN, "--properties", str(properties)]


def _answers(endpoint: str) -> bool:
    try:
        urllib.request.urlopen(endpoint, timeout=2).close()  # noqa: S310 (an address of this machine)
    except urllib.error.HTTPError as refused:  # it asks for a signature
        refused.close()
    except OSError:
        return False
    return True


def _started(store: Running, data: Path) -> str:
    keys = "".join(f'\n  "{key}": "{value}",' for key, value in settings_of(store.endpoint).items())
    first = f"S3 is running at {store.endpoint} (pid {store.pid}), in memory; its log is {log_file(data)}."
    return f"{first} For the configuration of a pipeline:{keys}"


def _stopped(store: Running) -> str:
    return f"S3 at {store.endpoint} (pid {store.pid}) is stopped; its objects are gone."


S3 = Server("S3", "s3", _MAIN, _command, lambda port: f"http://{HOST}:{port}", _answers)
app = server_app(S3, port=9000, started=_started, stopped=_stopped)


@app.command()
def put(
    folder: Annotated[Path, typer.Argument(help="a folder, or a file")],
    target: Annotated[str, typer.Argument(help="s3://BUCKET/PREFIX; the bucket is created")],
) -> None:
    """Copy files into the server that `up` started."""
    store = started_before(S3)
    if store is None:
        typer.echo("S3 is not running: make s3-up.", err=True)
        raise typer.Exit(1)
    files, path = client(store.endpoint), target.partition("://")[2] or target
    try:
        files.create_dir(path.split("/", 1)[0])
        copy_files(str(folder), path, LocalFileSystem(), files)
    except OSError as error:
        typer.echo(f"{folder} was not copied: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{folder} is copied to {target}.")


if __name__ == "__main__":
    app()
