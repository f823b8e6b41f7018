"""`dbutils` and the other globals of the platform: files, secrets, widgets, and errors of missing functions."""

import os
import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest

from livetables.collect import python_files
from livetables.collect.binding import bound
from livetables.collect.registry import Registry
from livetables.errors import LivetablesError
from livetables.notebook.dbutils import DbUtils, notebook_names
from livetables.redaction import redacted
from livetables.settings import SecretStore, Settings, map_path


@pytest.fixture
def dbutils(tmp_path):
    """Return a `dbutils` whose `dbfs:/` is the folder `tmp_path / "dbfs"`, with three entries in `landing`."""
    landing = tmp_path / "dbfs" / "landing"
    (landing / "day=1").mkdir(parents=True)
    (landing / "b.json").write_text("{}")
    (landing / "a.json").write_text("żółw")
    os.utime(landing / "b.json", (1700000000, 1700000000.5))
    return DbUtils(lambda path: map_path(path, {"dbfs:/": "dbfs"}, tmp_path))


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """Return a function that sets the environment and returns a `dbutils` with a file of secrets."""

    def secrets(text=None, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        file = tmp_path / "secrets.yml"
        if text is not None:
            file.write_text(text)
        return DbUtils(str, secrets=SecretStore(None if text is None else file)).secrets

    return secrets


def refused(call, *args, **kwargs):
    """Return the diagnostic of the error of a call."""
    with pytest.raises(LivetablesError) as caught:
        call(*args, **kwargs)
    return caught.value.diagnostic


@pytest.mark.parametrize("asked", ["dbfs:/landing", "dbfs:/landing/", "/dbfs/landing"])
def test_ls_gives_paths_in_the_form_that_was_asked_for(dbutils, asked):
    """`ls` returns paths as the folder was written, for Spark and dbutils; names of folders end with a slash."""
    folder = asked.rstrip("/")
    found = dbutils.fs.ls(asked)
    assert [
        (f"{folder}/a.json", "a.json", 7),
        (f"{folder}/b.json", "b.json", 2),
        (f"{folder}/day=1/", "day=1/", 0),
    ] == [(entry.path, entry.name, entry.size) for entry in found]
    assert (1700000000500, True, True) == (found[1].modificationTime, found[1].isFile(), found[2].isDir())


def test_ls_of_the_top_and_of_a_file(dbutils):
    """`ls` works for the root of dbfs; for a file, it returns the file."""
    assert ["dbfs:/landing/"] == [entry.path for entry in dbutils.fs.ls("dbfs:/")]
    assert ["dbfs:/landing/a.json"] == [entry.path for entry in dbutils.fs.ls("dbfs:/landing/a.json")]


@pytest.mark.parametrize(("limit", "text"), [((), "żółw"), ((2,), "ż"), ((100,), "żółw")])
def test_head_reads_so_many_bytes(dbutils, limit, text):
    """`head` returns at most the given number of bytes, as UTF-8 text."""
    assert dbutils.fs.head("dbfs:/landing/a.json", *limit) == text


def test_files_are_written_copied_moved_and_removed(dbutils, tmp_path):
    """Writing creates missing parents; a file that is copied to a folder keeps its name."""
    fs, root = dbutils.fs, tmp_path / "dbfs"
    assert fs.put("dbfs:/out/x/y.txt", "one")
    assert "PATH_REFUSED" == refused(fs.put, "dbfs:/out/x/y.txt", "two").code
    assert fs.put("dbfs:/out/x/y.txt", "two", overwrite=True)
    assert fs.mkdirs("dbfs:/in")
    assert fs.mkdirs("dbfs:/in/")
    assert fs.cp("dbfs:/out/x/y.txt", "dbfs:/in")
    assert fs.mv("dbfs:/out/x/y.txt", "dbfs:/moved/z.txt")
    assert fs.cp("dbfs:/in", "dbfs:/copy", recurse=True)
    assert fs.mv("dbfs:/in", "dbfs:/landing/day=1", True)
    assert fs.rm("dbfs:/out", True)
    assert not fs.rm("dbfs:/out")
    assert ["copy/y.txt", "landing/day=1/y.txt", "moved/z.txt"] == sorted(
        str(file.relative_to(root)) for file in root.rglob("*.txt")
    )
    assert [] == [name for name in ("in", "out") if (root / name).exists()]


@pytest.mark.parametrize("call", ["rm", "cp", "mv"])
def test_a_folder_is_taken_only_with_recurse(dbutils, tmp_path, call):
    """Without recurse=True, a call on a folder with content is an error and changes nothing."""
    args = ["dbfs:/landing"] if call == "rm" else ["dbfs:/landing", "dbfs:/other"]
    assert "PATH_REFUSED" == refused(getattr(dbutils.fs, call), *args).code
    assert ["a.json", "b.json"] == sorted(path.name for path in (tmp_path / "dbfs").rglob("*.json"))


@pytest.mark.parametrize("call", [("rm", "dbfs:/", True), ("rm", "/", True), ("mv", "file:/", "dbfs:/x", True)])
def test_the_folder_that_livetables_runs_in_is_not_removed(dbutils, tmp_path, monkeypatch, call):
    """A parent of the current folder can't be removed or moved: on the platform it would be another machine's."""
    monkeypatch.chdir(tmp_path / "dbfs" / "landing")
    name, *args = call
    assert "PATH_REFUSED" == refused(getattr(dbutils.fs, name), *args).code
    assert Path("a.json").exists()


def test_the_error_for_a_path_that_is_not_there(dbutils, tmp_path):
    """The error of a missing path contains the Java class that code for the platform searches for."""
    diagnostic = refused(dbutils.fs.ls, "dbfs:/nowhere")
    assert "PATH_NOT_FOUND" == diagnostic.code
    assert "java.io.FileNotFoundException: 'dbfs:/nowhere'" in diagnostic.message
    assert str(tmp_path / "dbfs" / "nowhere") in diagnostic.message


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("dbfs:/x/y", "dbfs:/"),
        ("/dbfs/x/y", "dbfs:/"),
        ("/FileStore/x", "/FileStore/"),
        ("/mnt/lt_none/x", "/mnt/"),
        ("/databricks-datasets/iot/x", "/databricks-datasets/"),
        ("/Volumes/main/raw/x", "/Volumes/"),
        ("s3://bucket/x", "s3://bucket/"),
        ("abfss://raw@account.dfs.core.windows.net/x", "abfss://raw@account.dfs.core.windows.net/"),
    ],
)
@pytest.mark.parametrize("call", [("ls",), ("put", "text"), ("mkdirs",), ("rm",)])
def test_a_path_of_the_platform_that_nothing_maps(path, prefix, call):
    """A path of the platform without a mapping is an error with the line to add; nothing is written."""
    name, *args = call
    diagnostic = refused(getattr(DbUtils(str).fs, name), path, *args)
    assert ("PATH_NOT_MAPPED", True) == (diagnostic.code, f'path_map: {{"{prefix}": folder}}' in diagnostic.hint)


def test_a_path_of_this_machine_is_itself(tmp_path):
    """A local path is not mapped, with `file:` or without."""
    fs = DbUtils(str).fs
    fs.put(f"{tmp_path}/a.txt", "text")
    assert ["text"] * 3 == [fs.head(f"{start}{tmp_path}/a.txt") for start in ("", "file:", "file://")]


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [
        ("dbfs:/x/y", "dbfs:/x", "/here/y"),
        ("/dbfs/x/y", "dbfs:/x", "/here/y"),
        ("dbfs:/x/y", "/dbfs/x/", "/here/y"),
        ("/dbfs/x", "dbfs:/", "/here/x"),
        ("dbfs:/", "/dbfs", "/here/"),
        ("dbfs:/mnt/x", "/mnt/", "/here/x"),
        ("dbfs:/Volumes/x", "/Volumes", "/here/x"),
        ("/dbfs2/x", "dbfs:/", "/dbfs2/x"),
        ("/mnt/x", "dbfs:/", "/mnt/x"),
        ("dbfs:/xy", "/dbfs/x", "dbfs:/xy"),
    ],
)
def test_dbfs_is_one_place_however_it_is_written(path, prefix, expected):
    """`dbfs:/x` and `/dbfs/x` are one path: a mapping of either form maps both."""
    assert map_path(path, {prefix: "/here"}, Path("/")) == expected


def test_a_secret_of_the_environment_wins_over_the_file(secrets):
    """An environment variable has precedence over the file: upper case, with underscores."""
    environment = {"LIVETABLES_SECRET_MY_SCOPE_DB_USER": "of env"}
    found = secrets("my-scope: {db.user: of the file, port: 007}", **environment)
    assert ("of env", "007") == (found.get("my-scope", "db.user"), found.get(scope="my-scope", key="port"))
    assert b"of env" == found.getBytes("my-scope", "db.user")


def test_scopes_and_keys_are_listed_without_values(secrets):
    """Scopes and keys of the file can be listed, as code does to test for a secret."""
    found = secrets("one: {a: '1', b: '2'}\ntwo: {}")
    assert [scope.name for scope in found.listScopes()] == [scope.getName() for scope in found.listScopes()]
    assert (["one", "two"], [("a",), ("b",)]) == ([scope.name for scope in found.listScopes()], found.list("one"))
    assert "SECRET_NOT_FOUND" == refused(found.list, "three").code


@pytest.mark.parametrize(("text", "hint"), [(None, "livetables.yml"), ("other: {key: x}", "secrets.yml")])
def test_a_missing_secret_says_how_to_give_it(secrets, text, hint):
    """The error of a missing secret says how to set it: as a variable, or in the file."""
    diagnostic = refused(secrets(text).get, "my scope", "key-1")
    assert ("SECRET_NOT_FOUND", True) == (diagnostic.code, "'key-1'" in diagnostic.message)
    assert (True, True) == ("LIVETABLES_SECRET_MY_SCOPE_KEY_1" in diagnostic.hint, hint in diagnostic.hint)


@pytest.mark.parametrize(
    ("text", "line"),
    [("one: {a: hidden}\ntwo: [hidden\n", 3), ("hidden", 0), ("one: hidden", 0), ("one: {a: {b: hidden}}", 0)],
)
def test_a_broken_file_of_secrets_shows_nothing_of_it(secrets, text, line):
    """The error of a broken file of secrets has its line, and not its text."""
    with pytest.raises(LivetablesError) as caught:
        secrets(text).get("one", "a")
    diagnostic = caught.value.diagnostic
    assert ("SECRETS_UNREADABLE", line, True) == (
        diagnostic.code,
        diagnostic.location.line,
        diagnostic.location.file.endswith("secrets.yml"),
    )
    assert (False, None) == ("hidden" in str(diagnostic), caught.value.__cause__)


def test_a_file_of_secrets_that_is_not_there(tmp_path):
    """A missing file of secrets that livetables.yml names is an error."""
    dbutils = DbUtils(str, secrets=SecretStore(tmp_path / "none.yml"))
    assert "SECRETS_UNREADABLE" == refused(dbutils.secrets.listScopes).code


def test_a_secret_is_not_shown_by_an_error(tmp_path, monkeypatch):
    """An error of a pipeline file, which is printed and logged, does not contain a secret."""
    monkeypatch.setenv("LIVETABLES_SECRET_KAFKA_PASSWORD", "hunter2\nline")
    file = tmp_path / "a.py"
    file.write_text("word = dbutils.secrets.get('kafka', 'password')\nraise ValueError(f'{word} and', word)\n")
    dbutils = DbUtils(str)
    with bound([tmp_path]):
        defined = python_files.collect([file], Registry(root=tmp_path), {"dbutils": dbutils})
    assert ["ValueError: ('[REDACTED] and', '[REDACTED]')"] == [
        diagnostic.message for diagnostic in defined.diagnostics
    ]
    assert "sasl [REDACTED]!" == redacted("sasl hunter2\nline!")


def test_widgets_take_the_configuration_then_the_default():
    """A widget has the value of the configuration, else its default; values are texts."""
    widgets = DbUtils(str, {"env": "dev", "catalog": "local"}).widgets
    widgets.text("env", "prod", "Environment")
    widgets.dropdown("limit", 10, ["10", "20"])
    widgets.combobox(name="mode", defaultValue="fast", choices=["fast"], label="Mode")
    widgets.multiselect("days", "mon", ["mon", "tue"])
    assert {"env": "dev", "catalog": "local", "limit": "10", "mode": "fast", "days": "mon"} == widgets.getAll()
    assert ["dev", "10", "1"] == [widgets.get("env"), widgets.getArgument("limit"), widgets.getArgument("none", 1)]
    widgets.remove("mode")
    widgets.removeAll()
    assert {"env": "dev", "catalog": "local"} == widgets.getAll()


@pytest.mark.parametrize(("call", "name"), [("get", "enviroment"), ("getArgument", "enviroment"), ("remove", "limt")])
def test_an_unknown_widget_names_the_nearest(call, name):
    """The error of an unknown widget has the nearest name."""
    widgets = DbUtils(str, {"environment": "dev"}).widgets
    widgets.text("limit", "1")
    diagnostic = refused(getattr(widgets, call), name)
    expected = "environment" if name == "enviroment" else "limit"
    assert (diagnostic.code, diagnostic.hint) == ("WIDGET_NOT_FOUND", f"Did you mean '{expected}'?")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("notebook.exit", "Leave it out"),
        ("notebook.run", "%run"),
        ("notebook.entry_point", "differences.md"),
        ("fs.mount", "path_map"),
        ("fs.lss", "'dbutils.fs.ls'"),
        ("credentials", "differences.md"),
        ("widget", "'dbutils.widgets'"),
        ("jobs.taskValue", "'dbutils.jobs.taskValues'"),
    ],
)
def test_what_does_not_run_here_is_refused_by_its_name(name, hint):
    """A function that does not run here is an error with its name; `hasattr` returns False."""
    *above, last = name.split(".")
    owner = DbUtils(str)
    for part in above:
        owner = getattr(owner, part)
    diagnostic = refused(getattr, owner, last)
    assert (diagnostic.code, diagnostic.message) == ("NOT_SUPPORTED", f"dbutils.{name} does not run here.")
    assert (True, False) == (hint in diagnostic.hint, hasattr(owner, last))


def test_task_values_are_those_of_a_run_outside_a_job():
    """`taskValues.get` returns debugValue, as on the platform outside a job."""
    values = DbUtils(str).jobs.taskValues
    assert (None, 3) == (values.set("key", 1), values.get("task", "key", debugValue=3))
    assert "NOT_SUPPORTED" == refused(values.get, "task", "key", default=1).code


def test_restart_and_help_do_no_harm(capsys):
    """`restartPython` has no effect; `help` prints the functions."""
    dbutils = DbUtils(str)
    dbutils.library.restartPython()
    dbutils.help()
    dbutils.fs.help("ls")
    assert [
        "dbutils has fs, help, jobs, library, notebook, secrets, widgets",
        "dbutils.fs has cp, head, help, ls, mkdirs, mv, put, rm",
    ] == [line.split(";")[0] for line in capsys.readouterr().out.splitlines()]


def test_dbutils_can_be_pickled():
    """`dbutils` can be pickled: Spark sends the globals of a function to its workers."""
    assert "1" == pickle.loads(pickle.dumps(DbUtils(str, {"a": "1"}, caller=print))).widgets.get("a")


def test_the_globals_of_a_file(tmp_path):
    """A file has all globals of the platform, with the paths, configuration and secrets of the settings."""
    spark = SimpleNamespace(sparkContext="context", sql="sql", table="table")
    (tmp_path / "secrets.yml").write_text("scope: {key: value}")
    (tmp_path / "data").mkdir()
    settings = Settings(
        "p",
        tmp_path,
        (),
        tmp_path,
        configuration={"env": "dev"},
        path_map={"/mnt/raw": "data"},
        secrets=SecretStore(tmp_path / "secrets.yml"),
    )
    names = notebook_names(spark, settings)
    assert [
        "dbutils",
        "display",
        "displayHTML",
        "getArgument",
        "open",
        "print",
        "sc",
        "spark",
        "sql",
        "sqlContext",
        "table",
        "udf",
    ] == sorted(names)
    assert (spark, "context", "sql") == (names["spark"], names["sc"], names["sql"])
    assert (None, None) == (names["display"](1, x=2), names["displayHTML"]("<b>"))
    dbutils = names["dbutils"]
    assert ("dev", "value") == (names["getArgument"]("env"), dbutils.secrets.get("scope", "key"))
    assert [] == dbutils.fs.ls("/mnt/raw")


def test_an_error_of_dbutils_names_the_line_that_calls_it(tmp_path):
    """An error of dbutils has the line of the call, also in a query function that is evaluated later."""
    file = tmp_path / "sub" / "a.py"
    file.parent.mkdir()
    file.write_text("import dlt\n\n@dlt.view\ndef v():\n    return dbutils.fs.ls('dbfs:/x')\n\nv()\n")
    names = notebook_names(
        SimpleNamespace(sparkContext=None, sql=None, table=None), Settings("p", tmp_path, (), tmp_path)
    )
    with bound([tmp_path]):
        defined = python_files.collect([file], Registry(root=tmp_path), names)
    assert ["sub/a.py:5"] == [str(diagnostic.location) for diagnostic in defined.diagnostics]
    assert "sub/a.py:5" == str(refused(defined.flows[0].query).location)
