"""One Spark session for all tests that need one, and pipelines written as text inside a test."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from livetables.pipeline import Pipeline
from livetables.settings import Settings, load_settings, with_mode
from livetables.storage.layout import Storage
from tests.small import SMALL

if TYPE_CHECKING:
    import threading
    from pathlib import Path


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """The shared session, started as the runtime starts it, with what S3 needs."""
    from livetables.jars import s3_jars
    from livetables.spark.session import start_session

    s3_jars()

    system = tmp_path_factory.mktemp("session")
    settings = Settings("tests", system, (), system, master="local[2]")
    session = start_session(settings, system, quick=True)
    yield session
    session.stop()


class Workbench:
    """A folder with the files of a pipeline, its storage, and what a test wants to know of them."""

    def __init__(self, folder: Path, spark) -> None:
        self.folder = folder
        self.spark = spark
        self.storage = folder / "storage"
        #: Spark's settings, unless `overrides` says otherwise; {} for what a user's pipeline has.
        self.confs = SMALL

    def write(self, **files: str) -> list[Path]:
        """Write `name.py` for each keyword; return the paths."""
        paths = []
        for name, text in files.items():
            path = self.folder / f"{name}.py"
            path.write_text(dedent(text))
            paths.append(path)
        return paths

    def rows(self, name: str, rows: list[dict], file: str = "1.json") -> Path:
        """Write rows as JSON lines into the folder `name`; return the folder."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    def pipeline(self, *paths: Path, continuous: bool = False, **options) -> Pipeline:
        """Return a pipeline over these files."""
        options.setdefault("path_map", {"/in": str(self.folder)})
        options["overrides"] = {**self.confs, **options.get("overrides", {})}
        settings = load_settings(paths=paths, storage=self.storage, root=self.folder, **options)
        return Pipeline(with_mode(settings, continuous=continuous))

    def run(self, *paths: Path, selection=None, stop: threading.Event | None = None, on_event=None, **options):
        """Run one update; return its final state."""
        with self.pipeline(*paths, **options) as pipeline:
            return pipeline.run(selection, stop=stop, on_event=on_event)

    def table(self, name: str, columns: str = "*") -> list[tuple]:
        """Return the rows of a stored table, sorted."""
        stored = self.spark.read.format("delta").load(str(Storage(self.storage).table(name)))
        frame = stored.selectExpr(*columns.split(", "))
        return sorted((tuple(row) for row in frame.collect()), key=repr)


@pytest.fixture
def bench(tmp_path, spark):
    """An empty workbench."""
    return Workbench(tmp_path, spark)
