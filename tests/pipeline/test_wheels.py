"""The wheels, installed into an environment of their own, beside a user's project."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Names that a user's project has; no wheel may install them.
USERS_OWN = {"pipelines", "transformations", "sources", "expectations", "loadgen", "tests", "dev", "benchmarks"}


def pip(*arguments):
    """Run pip; return nothing, and show its output when it fails."""
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Build both wheels from copies of what they are made of; return their files by distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    source = folder / "source"
    source.mkdir()
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.split("\0"):  # a copy, as builds leave folders behind
        if name.startswith(("livetables/", "loadgen/")) or name in ("pyproject.toml", "README.md", "LICENSE"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    for project in (source, source / "loadgen"):
        pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(project))
    return {file.name.split("-")[0]: file for file in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def python(wheels, tmp_path_factory):
    """Install both wheels into a new environment; return its Python. Dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    [packages] = folder.glob("lib/python*/site-packages")
    # A path in a .pth file adds the packages there without the links that an editable installation leaves.
    dependencies = next(Path(entry) for entry in sys.path if (Path(entry) / "pyspark").is_dir())
    (packages / "dependencies.pth").write_text(f"{dependencies}\n")
    for wheel in wheels.values():
        pip("--python", str(python), "install", "--quiet", "--no-deps", "--ignore-installed", str(wheel))
    return python


def run(python, folder, *words):
    """Run a command in a folder, with nothing of this project on the path; return what it prints."""
    environment = {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(Path.home()), "TERM": "dumb"}
    done = subprocess.run(
        [str(python), *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def top_level(wheel):
    """Return the names that a wheel adds to site-packages, without its metadata."""
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    return {name for name in names if not name.endswith(".dist-info")}


def test_no_wheel_installs_a_name_that_a_user_has(wheels):
    """Each adds one package, with the project's name in it."""
    added = {distribution: top_level(wheel) for distribution, wheel in wheels.items()}
    assert added == {"livetables": {"livetables"}, "livetables_loadgen": {"livetables_loadgen"}}
    assert not USERS_OWN & set.union(*added.values())


def test_a_project_with_its_own_transformations_runs_with_the_wheel(python, tmp_path):
    """Its folder is what its pipeline imports; the wheel brings the command and the Python API."""
    (tmp_path / "transformations").mkdir()
    (tmp_path / "transformations" / "rooms.py").write_text("def warm(frame):\n    return frame.where('celsius > 25')\n")
    (tmp_path / "rooms.py").write_text(
        "import dlt\n\nfrom transformations.rooms import warm\n\n\n"
        "@dlt.table\ndef warm_rooms():\n    return warm(spark.sql('SELECT 30.0 AS celsius'))\n"
    )
    shown = run(python, tmp_path, "-m", "livetables", "check", "rooms.py")
    assert "No errors: 1 dataset, 1 flow." in shown
    assert run(python, tmp_path, "-c", "import livetables; print(livetables.__version__)").strip()


def test_the_load_generator_runs_from_its_wheel(python, tmp_path):
    """As `python -m livetables_loadgen`, and without livetables."""
    words = ("-m", "livetables_loadgen", "run", "--target", "files:out", "--rows", "20", "--rate", "1000")
    run(python, tmp_path, *words)
    lines = [line for file in sorted((tmp_path / "out").rglob("*.json")) for line in file.read_text().splitlines()]
    assert len(lines) >= 20
