"""Settings: what a file may hold, where its paths lie here, and what is said when it can't be used."""

import json
from pathlib import Path

import pytest

from livetables.errors import SettingsError
from livetables.model import Namespace
from livetables.settings import Settings, load_settings, map_path, parse_duration, seconds, with_mode

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return the current folder, a project with two source files and a helper."""
    for file in ("pipelines/a.py", "pipelines/deep/b.sql", "pipelines/deep/__init__.py", "pipelines/notes.md", "c.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def load(project):
    """Return a function that writes a settings file (and livetables.yml) with these contents and loads it."""

    def load(document=None, yml=None, **arguments):
        document = {"libraries": [{"file": {"path": "c.py"}}]} | (document or {})
        (project / "pipeline_settings.json").write_text(json.dumps(document))
        if yml is not None:
            (project / "livetables.yml").write_text(yml)
        return load_settings(**arguments)

    return load


def diagnostic_of(load, *arguments, **more):
    """Return the problem of a call that must be refused."""
    with pytest.raises(SettingsError) as caught:
        load(*arguments, **more)
    return caught.value.diagnostic


def test_a_file_needs_nothing_but_its_sources(load, project):
    """Everything else has a default that lets the pipeline run on this machine."""
    document = {"libraries": [{"file": {"path": "c.py"}}]}
    assert load() == Settings(
        "pipeline",
        project,
        (project / "c.py",),
        project / ".livetables" / "pipeline",
        Namespace(None, "default"),
        document=document,
    )
    assert (load().master, load().continuous, load().configuration) == ("local[*]", False, {})


def test_what_the_platform_reads_is_taken_as_it_is(load):
    """The keys of a Databricks pipeline mean the same here."""
    settings = load(
        {
            "id": "1",
            "name": "Sales EU/1",
            "catalog": "main",
            "schema": "sales",
            "continuous": True,
            "development": True,
            "edition": "CORE",
            "photon": True,
            "serverless": True,
            "tags": {"team": "x"},
            "notifications": [{}],
            "configuration": {"a": "1", "spark.sql.ansi.enabled": "false"},
        }
    )
    assert (settings.name, settings.namespace) == ("Sales EU/1", Namespace("main", "sales"))
    assert (settings.continuous, settings.development) == (True, True)
    assert settings.storage.name == "Sales_EU_1"
    assert settings.configuration == {"a": "1", "spark.sql.ansi.enabled": "false"}
    assert settings.spark_conf == {"spark.sql.ansi.enabled": "false"}


@pytest.mark.parametrize(
    ("document", "schema"),
    [({}, "default"), ({"target": "old"}, "old"), ({"schema": "new"}, "new"), ({"target": "", "schema": "new"}, "new")],
)
def test_the_schema_may_have_its_old_name(load, document, schema):
    """`target` is what `schema` was called before."""
    assert load(document).namespace.schema == schema


def test_the_spark_conf_of_clusters_counts_below_the_configuration(load):
    """The cluster that runs updates may set Spark; the maintenance cluster is another machine."""
    settings = load(
        {
            "clusters": [
                {"label": "default", "spark_conf": {"a": "cluster", "b": 1}},
                {"label": "maintenance", "spark_conf": {"c": "x"}},
            ],
            "configuration": {"a": "configuration"},
        }
    )
    assert settings.configuration == {"a": "configuration", "b": "1"}


@pytest.mark.parametrize(
    ("document", "code", "says", "hint"),
    [
        ({"contnuous": True}, "UNKNOWN_KEY", "'contnuous'", "Did you mean 'continuous'?"),
        ({"shcema": "x"}, "UNKNOWN_KEY", "'shcema'", "Did you mean 'schema'?"),
        ({"libraries": [{"fil": {}}]}, "UNKNOWN_KEY", "'libraries.0.fil'", "Did you mean 'file'?"),
        (
            {"libraries": [{"glob": {"includes": "x"}}]},
            "UNKNOWN_KEY",
            "'libraries.0.glob.includes'",
            "Did you mean 'include'?",
        ),
        ({"continuous": "yes"}, "WRONG_VALUE", "'continuous' is \"yes\"", None),
        ({"configuration": {"a": 1}}, "WRONG_VALUE", "'configuration.a' is 1", 'Write it in quotes: "a": "1".'),
        (
            {"configuration": {"b": True}},
            "WRONG_VALUE",
            "'configuration.b' is true",
            'Write it in quotes: "b": "true".',
        ),
        ({"configuration": {"c": ["x"]}}, "WRONG_VALUE", "'configuration.c' is [\"x\"]", None),
        ({"name": None}, "WRONG_VALUE", "'name' is null", None),
        ({"libraries": []}, "NO_SOURCE_FILES", "no source files", 'Add "libraries"'),
        ({"libraries": [{"file": {"path": "gone.py"}}]}, "SOURCE_NOT_FOUND", "'gone.py'", "Check the path"),
        ({"libraries": [{"glob": {"include": "gone/**"}}]}, "SOURCE_NOT_FOUND", "'gone/**'", "Check the path"),
        ({"libraries": [{"glob": {"include": "pipelines/*.py"}}]}, "SOURCE_NOT_FOUND", "'pipelines/*.py'", "A glob"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(load, document, code, says, hint):
    """Nothing is guessed: the message has the key, the file and a hint."""
    found = diagnostic_of(load, document)
    assert (found.code, str(found.location)) == (code, "pipeline_settings.json")
    assert says in found.message
    assert found.hint is hint or found.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "code", "location"),
    [
        ('{\n  "name": "x"\n  "catalog": "y"\n}', "SETTINGS_NOT_JSON", "settings.json:3"),
        ("", "SETTINGS_NOT_JSON", "settings.json:1"),
        ("[]", "SETTINGS_NOT_JSON", "settings.json"),
        (b"\xff\xfe", "SETTINGS_UNREADABLE", "settings.json"),
        (None, "SETTINGS_NOT_FOUND", "settings.json"),
    ],
)
def test_a_file_that_is_no_settings_file_is_named(project, text, code, location):
    """A corrupt file is named with the line where it stops making sense."""
    file = project / "settings.json"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    diagnostic = diagnostic_of(load_settings, file)
    assert (diagnostic.code, str(diagnostic.location)) == (code, location)


@pytest.mark.parametrize("other", ["databricks.yml", "spark-pipeline.yml", "spark-pipeline.yaml"])
def test_the_hint_names_settings_that_are_there(project, other):
    """A project may have another kind of settings file."""
    (project / other).touch()
    assert diagnostic_of(load_settings).hint == f"{other} is there: run with --settings {other}."


def test_without_any_settings_the_hint_names_the_file_that_is_missing(project):
    """Most often the folder is the wrong one."""
    hint = "Name another file with --settings, or run in the folder that holds pipeline_settings.json."
    assert diagnostic_of(load_settings).hint == hint


def test_a_folder_in_place_of_a_file_is_named(project):
    """`--settings .` is not a settings file."""
    assert diagnostic_of(load_settings, project / "pipelines").code == "SETTINGS_UNREADABLE"


def test_errors_of_settings_are_value_errors_with_exit_code_2():
    """A script can tell a wrong call from a failed update."""
    error = SettingsError("CODE", "It is wrong.")
    assert (isinstance(error, ValueError), error.exit_code) == (True, 2)


@pytest.mark.parametrize(
    ("library", "files"),
    [
        ({"glob": {"include": "pipelines/**"}}, ["pipelines/a.py", "pipelines/deep/b.sql"]),
        ({"glob": {"include": "pipelines"}}, ["pipelines/a.py", "pipelines/deep/b.sql"]),
        ({"glob": {"include": "pipelines/a.py"}}, ["pipelines/a.py"]),
        ({"file": {"path": "pipelines/a.py"}}, ["pipelines/a.py"]),
        ({"file": {"path": "./pipelines/a.py"}}, ["pipelines/a.py"]),
        ({"notebook": {"path": "pipelines/a"}}, ["pipelines/a.py"]),
        ({"notebook": {"path": "pipelines/deep/b"}}, ["pipelines/deep/b.sql"]),
        ({"notebook": {"path": "deeper/../pipelines/a"}}, ["pipelines/a.py"]),
        ({"notebook": {"path": "/Workspace/Repos/me/project/pipelines/a"}}, ["pipelines/a.py"]),
        ({"glob": {"include": "/Workspace/Repos/me/project/pipelines/**"}}, ["pipelines/a.py", "pipelines/deep/b.sql"]),
    ],
)
def test_a_library_names_source_files(load, project, library, files):
    """Folder, file or notebook without its extension; paths below root_path lie beside the settings file."""
    settings = load({"root_path": "/Workspace/Repos/me/project", "libraries": [library]})
    assert list(settings.files) == [project / file for file in files]


def test_a_file_that_two_libraries_name_is_taken_once(load, project):
    """Else everything in it would be defined twice."""
    libraries = [{"file": {"path": "pipelines/a.py"}}, {"glob": {"include": "pipelines/**"}}]
    assert load({"libraries": libraries}).files == (project / "pipelines/a.py", project / "pipelines/deep/b.sql")


def test_sources_may_be_given_in_place_of_a_settings_file(project):
    """`livetables run FILE` needs no settings: the name is the file's, the root is the current folder."""
    settings = load_settings(paths=(Path("pipelines/a.py"),))
    assert (settings.name, settings.root, settings.files) == ("a", project, (project / "pipelines/a.py",))
    assert settings.storage == project / ".livetables" / "a"


def test_a_source_that_is_not_there_is_named(project):
    """As the user wrote it."""
    diagnostic = diagnostic_of(load_settings, paths=(Path("pipelines/gone.py"),))
    assert (diagnostic.code, "'pipelines/gone.py'" in diagnostic.message) == ("SOURCE_NOT_FOUND", True)


def test_choices_for_this_machine_stand_beside_the_settings(load, project):
    """livetables.yml adds to the settings file, which stays what the platform reads."""
    yml = """
        storage: data/here
        master: spark://cluster:7077
        configuration: {a: local, c: local}
        tables: {main.crm.customers: data/customers}
        path_map: {"/Volumes/main": data/volumes}
    """
    settings = load({"configuration": {"a": "file", "b": "file"}, "storage": "/from/file"}, yml)
    assert (settings.storage, settings.master) == (project / "data/here", "spark://cluster:7077")
    assert settings.configuration == {"a": "local", "b": "file", "c": "local"}
    assert settings.tables == {"main.crm.customers": "data/customers"}
    assert settings.path_map == {"/Volumes/main": "data/volumes"}


def test_the_command_line_wins(load, project):
    """What is said last counts: settings file, then livetables.yml, then options."""
    settings = load(
        {"configuration": {"a": "file", "b": "file"}},
        "{storage: x, master: x, configuration: {a: yml}, tables: {t: yml, u: yml}, path_map: {/p: yml, /q: yml}}",
        overrides={"a": "option"},
        storage="/option",
        master="local[2]",
        tables={"t": "option"},
        path_map={"/p": "option"},
    )
    assert settings.configuration == {"a": "option", "b": "file"}
    assert (settings.storage, settings.master) == (Path("/option"), "local[2]")
    assert settings.tables == {"t": "option", "u": "yml"}
    assert settings.path_map == {"/p": "option", "/q": "yml"}


@pytest.mark.parametrize(
    ("yml", "code", "hint"),
    [
        ("master: x\nstroage: x", "UNKNOWN_KEY", "Did you mean 'storage'?"),
        ("master: x\nstorage: 1", "WRONG_VALUE", 'Write it in quotes: "storage": "1".'),
        ("master: x\nstorage: x: y", "SETTINGS_NOT_YAML", None),
        ("master: x\nstorage: [x]", "WRONG_VALUE", None),
    ],
)
def test_a_wrong_local_choice_is_named_with_its_line(load, yml, code, hint):
    """livetables.yml is checked like the settings file."""
    diagnostic = diagnostic_of(load, None, yml)
    assert (diagnostic.code, str(diagnostic.location), diagnostic.hint) == (code, "livetables.yml:2", hint)


def test_local_choices_that_are_a_list_are_refused(load):
    """There is no line to name: all of it is wrong."""
    diagnostic = diagnostic_of(load, None, "- storage")
    assert (diagnostic.code, str(diagnostic.location)) == ("WRONG_VALUE", "livetables.yml")


def test_secrets_are_a_file_of_this_machine(load, project):
    """Its path starts at the folder of livetables.yml; without the key there is none."""
    (project / "secrets.yml").touch()
    assert load(yml="secrets: ./secrets.yml").secrets.file == project / "secrets.yml"
    assert load(yml="").secrets.file is None


def test_a_file_of_secrets_that_is_not_there_is_named(load):
    """With the key that names it."""
    diagnostic = diagnostic_of(load, None, "secrets: gone.yml")
    assert (diagnostic.code, str(diagnostic.location)) == ("SETTINGS_NOT_FOUND", "livetables.yml:1")
    assert diagnostic.message == "'secrets' names gone.yml, which does not exist."


@pytest.mark.parametrize(
    ("yml", "expected"),
    [("", []), ("functions: a.sql", ["a.sql"]), ("functions: [sub/../b.sql, a.sql]", ["b.sql", "a.sql"])],
)
def test_functions_are_one_file_of_this_machine_or_several(load, project, yml, expected):
    """Their paths start at the folder of livetables.yml; those that come later may use those before."""
    (project / "a.sql").touch()
    (project / "b.sql").touch()
    assert load(yml=yml).functions == tuple(project / name for name in expected)


@pytest.mark.parametrize(
    ("yml", "code", "line", "message"),
    [
        ("functions: gone.sql", "SETTINGS_NOT_FOUND", 1, "'functions' names gone.sql, which does not exist."),
        ("functions:\n- gone.sql", "SETTINGS_NOT_FOUND", 1, "'functions' names gone.sql, which does not exist."),
        ("functions: 1", "WRONG_VALUE", 1, "The value of 'functions' is 1: it must be a valid list."),
    ],
)
def test_a_file_of_functions_that_is_not_there_is_named(load, yml, code, line, message):
    """As the file of secrets is."""
    diagnostic = diagnostic_of(load, None, yml)
    assert (diagnostic.code, str(diagnostic.location), diagnostic.message) == (code, f"livetables.yml:{line}", message)


def test_an_empty_local_file_is_the_same_as_none(load):
    """A file with comments only is empty."""
    assert load(yml="# nothing yet\n") == load()


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        (None, ".livetables/pipeline"),
        ("dbfs:/pipelines/1", ".livetables/pipeline"),
        ("s3://bucket/x", ".livetables/pipeline"),
        ("dbfs:/mine/1", "local/1"),
        ("file:///data/x", "/data/x"),
        ("data/x", "data/x"),
    ],
)
def test_storage_lies_on_this_machine(load, project, storage, expected):
    """A platform path that nothing maps has no place here, so the default folder is used."""
    settings = load({"storage": storage}, "path_map: {'dbfs:/mine': local}")
    assert settings.storage == project / expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/Volumes/main/landing/x.json", "/here/main/landing/x.json"),
        ("/Volumes/raw/x.json", "/raw/x.json"),
        ("/Volumes/raw", "/raw"),
        ("/Volumes/raw2/x.json", "/here/raw2/x.json"),
        ("/VolumesOld/x.json", "/VolumesOld/x.json"),
        ("dbfs:/data/x", "/files/data/x"),
        ("s3://bucket/x", "s3://other/x"),
        ("/bucket/x", "s3://other/x"),
        ("s3://bucket2/x", "s3://bucket2/x"),
        ("/elsewhere", "/elsewhere"),
    ],
)
def test_the_longest_prefix_of_whole_folders_is_mapped(path, expected):
    """`/mnt/data` says nothing about `/mnt/database`; relative targets start at the project's folder."""
    path_map = {
        "/Volumes": "/here",
        "/Volumes/raw": "/raw",
        "dbfs:/": "/files",
        "s3://bucket": "s3://other",
        "/bucket/": "s3://other/",
    }
    assert map_path(path, path_map, Path("/project")) == expected


def test_a_relative_target_starts_at_the_project(project):
    """The settings can be copied with the project."""
    assert map_path("/mnt/x/y", {"/mnt": "data"}, project) == str(project / "data/x/y")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1 minute", 60.0),
        ("10 minutes", 600.0),
        ("10 seconds", 10.0),
        ("6 hour", 21600.0),
        ("1.5h", 5400.0),
        ("1 day", 86400.0),
        ("2 days", 172800.0),
        (" 5 SECONDS ", 5.0),
        ("30 sec", 30.0),
        ("3 mins", 180.0),
        ("0s", 0.0),
        ("100 milliseconds", 0.1),
    ],
)
def test_a_duration_is_written_as_people_write_it(text, expected):
    """Databricks' own forms (`6 hour`, `10 seconds`) and the short ones of a command line."""
    assert seconds(text, "--for") == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "-5s", "5 s 3", "1,5s", "s"])
def test_what_is_no_duration_is_refused_by_name(text):
    """The message names the option or setting that was wrong."""
    diagnostic = diagnostic_of(seconds, text, "--for")
    assert (diagnostic.code, diagnostic.message) == ("WRONG_VALUE", f"--for is '{text}', which is not a duration.")


def test_a_whole_number_of_the_configuration(load):
    """The default counts when nothing is set."""
    settings = load({"configuration": {"pipelines.maxFlowRetryAttempts": "7"}})
    assert settings.integer("pipelines.maxFlowRetryAttempts", 2) == 7
    assert settings.integer("pipelines.other", 2) == 2


@pytest.mark.parametrize("value", ["many", "-1", "1.5", ""])
def test_a_number_that_is_none_is_refused_by_name(load, value):
    """It is not taken for 0."""
    diagnostic = diagnostic_of(load({"configuration": {"k": value}}).integer, "k", 2)
    assert (diagnostic.code, f"'k' is '{value}'" in diagnostic.message) == ("WRONG_VALUE", True)


@pytest.mark.parametrize(("value", "on"), [(None, False), ("true", True), ("TRUE", True), ("false", False)])
def test_a_switch_of_the_configuration(load, value, on):
    """Off when nothing is set."""
    assert load({"configuration": {"k": value} if value else {}}).switch("k") is on


@pytest.mark.parametrize(("asked", "mode"), [(None, True), (True, True), (False, False)])
def test_the_mode_may_be_asked_for(load, asked, mode):
    """--triggered and --continuous win over the settings; without them the settings decide."""
    assert with_mode(load({"continuous": True}), continuous=asked).continuous is mode


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pipelines.maxFlowRetryAttempts", "many"),
        ("pipelines.numUpdateRetryAttempts", "-1"),
        ("pipelines.dropInactiveTables", "yes"),
        ("pipelines.trigger.interval", "soon"),
    ],
)
def test_what_the_runtime_reads_later_is_checked_at_once(load, key, value):
    """The file is named when the value stands in it, and not when an option gave it."""
    diagnostic = diagnostic_of(load, {"configuration": {key: value}})
    assert (diagnostic.code, str(diagnostic.location)) == ("WRONG_VALUE", "pipeline_settings.json")
    assert diagnostic_of(load, overrides={key: value}).location is None


def test_this_projects_own_settings_load():
    """`livetables run` in a fresh clone finds the sensor pipeline's files, and only those."""
    settings = load_settings(ROOT / "pipeline_settings.json")
    files = sorted(file for file in (ROOT / "pipelines" / "sensors").rglob("*.py") if file.name != "__init__.py")
    assert (settings.name, settings.namespace, list(settings.files)) == ("sensors", Namespace("main", "sensors"), files)


def test_the_pipeline_in_sql_has_the_same_settings():
    """It differs in its files, its schema and its one source, so that either pipeline can take the other's place."""
    python, sql = (load_settings(ROOT / f"pipeline_settings{which}.json") for which in ("", "_sql"))
    folder = ROOT / "pipelines" / "sensors_sql"
    assert (sql.namespace, list(sql.files)) == (Namespace("main", "sensors_sql"), sorted(folder.glob("*.*")))
    source = {"sensors.source", "sensors.kafka.bootstrap_servers", "sensors.kafka.topic"}
    assert sql.configuration == {key: value for key, value in python.configuration.items() if key not in source}
    assert (sql.continuous, sql.development) == (python.continuous, python.development)


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("path_maps", "Did you mean 'path_map'?"),
        ("mastr", "Did you mean 'master'?"),
        ("xyz", "Its keywords are file, paths, root, storage, overrides, parameters, tables, path_map, master, "),
    ],
)
def test_a_misspelt_keyword_is_an_error_that_names_the_nearest(load, keyword, hint):
    """Nothing is accepted in silence; user code that catches TypeError catches it, too."""
    with pytest.raises(TypeError) as caught:
        load(**{keyword: "x"})
    assert isinstance(caught.value, SettingsError)
    assert ("UNKNOWN_PARAMETER", f"load_settings() has no keyword '{keyword}'.") == (
        caught.value.code,
        caught.value.message,
    )
    assert caught.value.hint.startswith(hint)


def test_the_caller_may_name_the_folder_that_imports_start_at(load, project):
    """Relative targets of the path map start there, too."""
    settings = load(root="pipelines", path_map={"/in": "data", "s3://lake/": "s3a://copy/"})
    assert project / "pipelines" == settings.root
    assert {"/in": f"{project}/pipelines/data", "s3://lake/": "s3a://copy/"} == settings.path_map


def test_a_root_that_is_no_folder_is_named(load):
    """The path may be misspelt."""
    assert "The value of 'root' is 'gone', which is not a folder." == diagnostic_of(load, root="gone").message


def test_paths_may_be_texts(project):
    """As in a notebook or a test."""
    settings = load_settings(paths=["c.py"], storage="out")
    assert ((project / "c.py",), project / "out") == (settings.files, settings.storage)
    assert load_settings(paths=[project / "c.py"]).files == settings.files


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90", 90.0),
        ("1.5 h", 5400.0),
        ("2 MINUTES", 120.0),
        ("1 week 12 hours", 648_000.0),
        ("interval 6 hour", 21_600.0),
        ("250 microseconds", 0.000_25),
        ("1 2 s", None),
        ("2 moons", None),
        ("", None),
    ],
)
def test_a_duration_is_a_number_of_seconds(text, duration):
    """In all the forms that options of the command line, of the configuration and of Spark have."""
    assert duration == parse_duration(text)
