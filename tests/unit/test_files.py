"""What `livetables files` shows of a storage folder: the files of each flow, and the schemas that were inferred."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest
from pyspark.sql.types import ArrayType, LongType, StringType, StructField, StructType
from typer.testing import CliRunner

from livetables.autoloader.find.files import FoundFile
from livetables.autoloader.find.ledger import Ledger
from livetables.autoloader.schema.schemas import SchemaStore
from livetables.cli.app import app
from livetables.errors import LivetablesError
from livetables.show.files import file_filter
from livetables.storage.checkpoint import Checkpoint
from livetables.storage.layout import Storage
from tests.unit.builders import NOON

START = NOON.timestamp()
TEXT = """\
raw: 5 files in /in: 2 read (7 rows, 1.5 kB), 1 pending (3.0 MB), 1 failed (20 bytes), 1 skipped (1 byte). \
Last read: day=2/b.json at 2026-01-02 12:00:10.
  found                read                 state         size       rows  file
  2026-01-02 12:00:05                       FAILED    20 bytes             day=2/c.json
    [FAILED_READ_FILE] /in/day=2/c.json can't be read: cut off.
  2026-01-02 12:00:05                       PENDING     3.0 MB             day=2/d.json
  2026-01-02 12:00:05  2026-01-02 12:00:10  READ        1.0 kB             day=2/b.json
  2026-01-02 12:00:05  2026-01-02 12:00:10  READ     500 bytes          7  day=1/a.json
  2026-01-02 12:00:00                       SKIPPED     1 byte             day=1/old.json
"""


@pytest.fixture
def now():
    """The time, as a list of one number that a test may change."""
    return [START]


@pytest.fixture
def storage(tmp_path, now):
    """A storage folder with the flow `raw`, whose files have all states."""
    ledger = ledger_of(tmp_path, "raw/raw/2", now)
    ledger.add([FoundFile("file:///in/day=1/old.json", 1, 1)], skipped=True)
    now[0] += 5
    found = [("day=1/a", 500), ("day=2/b", 1000), ("day=2/c", 20), ("day=2/d", 3_000_000)]
    ledger.add(FoundFile(f"file:///in/{name}.json", size, number) for number, (name, size) in enumerate(found))
    now[0] += 5
    ledger.count_rows({2: 7})
    ledger.done(3)
    ledger.fail(4, "[FAILED_READ_FILE] /in/day=2/c.json can't be read: cut off.")
    ledger.close()
    return tmp_path


def ledger_file(storage, checkpoint, source=0):
    """Return the file of a ledger; the checkpoint is `dataset/flow/number`."""
    dataset, flow, number = checkpoint.split("/")
    flows = Storage(storage).checkpoint(dataset, flow).folder.parent
    return Checkpoint(flows / number).ledger(source)


def ledger_of(storage, checkpoint, now, source=0):
    """Return the ledger of a flow's source."""
    return Ledger(ledger_file(storage, checkpoint, source), now=lambda: now[0])


def add(storage, checkpoint, *paths, source=0):
    """Put files into the ledger of a flow's source."""
    ledger = ledger_of(storage, checkpoint, [START], source)
    ledger.add(FoundFile(path, 1, number) for number, path in enumerate(paths))
    ledger.close()


def shown(storage, *words):
    """Return what the command prints."""
    return CliRunner().invoke(app, ["files", "--storage", str(storage), *words], catch_exceptions=False).stdout


def data(storage, *words):
    """Return what the command prints as JSON."""
    return json.loads(shown(storage, "--json", *words))


def names(sources):
    """Return the names of the files of each source."""
    return [[entry["path"].rpartition("/")[2] for entry in source["files"]] for source in sources]


class TestFiles:
    """The files of flows."""

    def test_a_flow_is_summed_up_and_its_files_follow(self, storage):
        """Failed files come first with their error, then the newest; names are relative to the common folder."""
        assert shown(storage) == TEXT

    def test_json_has_all_of_it(self, storage):
        """Times are ISO 8601 in UTC, sizes bytes, states the words of the text."""
        [source] = data(storage)
        assert {key: source[key] for key in ("dataset", "flow", "source", "folder", "more")} == {
            "dataset": "raw",
            "flow": "raw",
            "source": 0,
            "folder": "file:///in",
            "more": 0,
        }
        assert source["totals"]["READ"] == {"files": 2, "bytes": 1500, "rows": 7}
        assert set(source["totals"]) == {"READ", "PENDING", "FAILED", "SKIPPED"}
        assert source["newest_read"] == source["files"][2]
        assert source["files"][3] == {
            "seq": 2,
            "path": "file:///in/day=1/a.json",
            "size": 500,
            "modified": "1970-01-01T00:00:00Z",
            "found": "2026-01-02T12:00:05Z",
            "read": "2026-01-02T12:00:10Z",
            "rows": 7,
            "error": None,
            "state": "READ",
        }

    def test_a_storage_without_such_a_flow_says_so(self, tmp_path):
        """In one sentence; as JSON it is an empty list; also beside flows that read something else."""
        Storage(tmp_path).new_checkpoint("t", "t")
        assert shown(tmp_path) == "No files yet: no flow has read with Auto Loader with this storage folder.\n"
        assert (data(tmp_path), data(tmp_path / "none"), data(tmp_path, "--flow", "x")) == ([], [], [])

    def test_a_flow_that_has_started_over_shows_its_newest_checkpoint(self, storage):
        """What an older one knew no longer counts: 10 comes after 2."""
        add(storage, "raw/raw/10", "file:///in/again.json")
        add(storage, "raw/raw/9", "file:///in/before.json")
        assert names(data(storage)) == [["again.json"]]

    def test_each_source_of_each_flow_is_shown(self, storage):
        """A flow may have another name than its table, and read two folders."""
        add(storage, "all/from_b/1", "file:///b/1.json")
        add(storage, "all/from_b/1", "s3a://lake/c/2.json", source=1)
        heads = [line for line in shown(storage).splitlines() if not line.startswith("  ")]
        assert [head.partition(": ")[0] for head in heads] == [
            "from_b (into all)",
            "from_b (into all), source 2",
            "raw",
        ]
        assert "1 file in s3a://lake/c:" in heads[1]

    def test_a_flow_is_chosen_by_its_name(self, storage):
        """In any case of letters; a wrong name is answered with the nearest one."""
        add(storage, "all/from_b/1", "file:///b/1.json")
        assert [source["flow"] for source in data(storage, "--flow", "From_B")] == ["from_b"]
        with pytest.raises(LivetablesError) as caught:
            shown(storage, "--flow", "form_b")
        diagnostic = caught.value.diagnostic
        assert (diagnostic.code, diagnostic.hint, caught.value.exit_code) == (
            "FLOW_NOT_FOUND",
            "Did you mean 'from_b'?",
            2,
        )

    @pytest.mark.parametrize(
        ("words", "files", "more"),
        [
            ([], ["c", "d", "b", "a", "old"], 0),
            (["--state", "failed"], ["c"], 0),
            (["--state", "PENDING"], ["d"], 0),
            (["--state", "read"], ["b", "a"], 0),
            (["--state", "skipped"], ["old"], 0),
            (["--limit", "2"], ["c", "d"], 3),
            (["--limit", "1"], ["c"], 4),
            (["--limit", "0"], ["c", "d", "b", "a", "old"], 0),
            (["--state", "read", "--limit", "1"], ["b"], 1),
            (["--since", "2026-01-02T12:00:05"], ["c", "d", "b", "a"], 0),
            (["--since", "2026-01-02T12:00:05", "--limit", "3"], ["c", "d", "b"], 1),
            (["--since", "2026-01-02T12:00:06"], [], 0),
        ],
    )
    def test_which_files_are_shown(self, storage, words, files, more):
        """--state and --since choose, --limit cuts and says how many more there are."""
        [source] = data(storage, *words)
        assert ([[f"{name}.json" for name in files]], more) == (names([source]), source["more"])

    def test_the_text_has_fifty_files_and_says_how_many_more_there_are(self, storage):
        """The newest ones; JSON has all."""
        add(storage, "raw/raw/3", *(f"file:///in/{number:03}.json" for number in range(120)))
        lines = shown(storage).splitlines()
        assert (len(lines), lines[2][-8:], lines[-1]) == (53, "119.json", "  70 more: --limit 0 shows all.")
        assert [len(files) for files in names(data(storage))] == [120]

    def test_a_name_may_hold_anything(self, tmp_path):
        """It stays one line, and gives the terminal no commands."""
        add(tmp_path, "raw/raw/1", "file:///in/a\nb\x1b[31m [bold]日本.json")
        assert shown(tmp_path).splitlines()[2].endswith("  a\\nb\\x1b[31m [bold]日本.json")

    def test_files_are_shown_while_a_pipeline_writes(self, storage, now):
        """Only what is committed: the command neither waits for an update nor delays one."""
        ledger = ledger_of(storage, "raw/raw/2", now)
        with ledger._transaction() as writing:
            writing.execute("DELETE FROM files")
            assert shown(storage) == TEXT
        ledger.close()

    def test_a_ledger_that_is_just_being_made_has_no_files(self, tmp_path):
        """A pipeline makes the file first, then what is in it."""
        file = ledger_file(tmp_path, "raw/raw/1")
        file.parent.mkdir(parents=True)
        file.touch()
        assert shown(tmp_path) == "raw: no files found.\n"

    def test_what_is_no_ledger_is_named(self, tmp_path):
        """With a hint."""
        file = ledger_file(tmp_path, "raw/raw/1")
        file.parent.mkdir(parents=True)
        file.write_text("no database" * 100)
        with pytest.raises(LivetablesError, match=r"raw/1/auto_loader/0\.db, can't be read: ") as caught:
            shown(tmp_path)
        assert (caught.value.code, caught.value.exit_code) == ("LEDGER_UNREADABLE", 1)

    def test_spark_is_not_needed(self, storage):
        """Nor are its packages and those of Delta loaded: that takes longer than all of the command."""
        code = (
            "import sys; from livetables.cli.app import app; app(sys.argv[1:], standalone_mode=False);"
            "print(sorted({'pyspark', 'deltalake', 'pyarrow', 'pandas'} & sys.modules.keys()))"
        )
        command = [sys.executable, "-c", code, "files", "--storage", str(storage)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{TEXT}[]\n"


class TestOptions:
    """What the options mean."""

    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("30m", START - 1800),
            ("1h", START - 3600),
            ("2 days", START - 2 * 86400),
            ("2026-01-01", START - 36 * 3600),
            ("2026-01-02T11:00:00+02:00", START - 3 * 3600),
        ],
    )
    def test_since_is_a_time_ago_or_a_point_in_time(self, text, moment):
        """Without a zone it is UTC, as all times that are shown."""
        assert file_filter(None, None, text, 0, START).since == moment

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--since", "noon"], "--since is 'noon', which is neither a duration nor a point in time."),
            (["--state", "lost"], "The option --state is 'lost', which is not one of its values."),
            (
                ["--schemas", "--flow", "raw"],
                "--schemas shows no files, so --flow, --state, --since and --limit have no",
            ),
        ],
        ids=["since", "state", "schemas"],
    )
    def test_a_wrong_value_is_named(self, storage, words, said):
        """As the option that was given."""
        with pytest.raises(LivetablesError) as caught:
            shown(storage, *words)
        assert (caught.value.diagnostic.message.startswith(said), caught.value.exit_code) == (True, 2)


class TestSchemas:
    """The option --schemas."""

    @pytest.fixture
    def storage(self, tmp_path):
        """A storage folder in which two sources have schemas, one of them two versions."""
        first = StructType([StructField("id", LongType())])
        second = StructType([*first.fields, StructField("a tag", ArrayType(StringType()))])
        folder = Storage(tmp_path).system.schemas
        SchemaStore(folder / "0f", "/in/sensors").append(first, "inferred from 3 files", NOON)
        SchemaStore(folder / "0f", "/in/sensors").append(second, "new columns: `a tag`", NOON + timedelta(hours=1))
        SchemaStore(folder / "1e", "/in/devices").append(first, "hints changed", NOON)
        return tmp_path

    def test_each_source_shows_the_versions_of_its_schema(self, storage):
        """By the path that it reads; a version tells when and why it was made, and its columns."""
        assert shown(storage, "--schemas") == (
            "/in/devices: 1 version\n"
            "  0  2026-01-02 12:00:00  hints changed\n"
            "     id bigint\n"
            "/in/sensors: 2 versions\n"
            "  0  2026-01-02 12:00:00  inferred from 3 files\n"
            "     id bigint\n"
            "  1  2026-01-02 13:00:00  new columns: `a tag`\n"
            "     id bigint, `a tag` array<string>\n"
        )

    def test_json_has_the_same(self, storage):
        """As data."""
        devices, sensors = data(storage, "--schemas")
        assert devices == {
            "path": "/in/devices",
            "versions": [
                {"number": 0, "time": "2026-01-02T12:00:00Z", "reason": "hints changed", "columns": "id bigint"}
            ],
        }
        assert [version["number"] for version in sensors["versions"]] == [0, 1]

    def test_a_storage_without_schemas_says_so(self, tmp_path):
        """In one sentence."""
        said = "No schemas yet: Auto Loader has inferred none with this storage folder.\n"
        assert (shown(tmp_path, "--schemas"), data(tmp_path, "--schemas")) == (said, [])
