"""The folders of a pipeline: tables, checkpoints, and the lock that keeps two updates apart."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from livetables.errors import LivetablesError, StorageBusy
from livetables.storage.checkpoint import FlowKey
from livetables.storage.layout import Storage, SystemFolder
from livetables.storage.locations import Location
from livetables.storage.lock import LockHolder

HOLD = """
import sys
from pathlib import Path
from livetables.storage.layout import Storage
with Storage(Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def storage(tmp_path):
    """Return a storage whose folder does not exist yet."""
    return Storage(tmp_path / "storage")


def create(storage, *names):
    """Make tables that have a Delta log."""
    for name in names:
        (storage.table(name) / "_delta_log").mkdir()


@pytest.fixture
def other_process(storage):
    """Start another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(storage.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_layout_is_plain_folders(storage):
    """Copying, inspecting and removing a pipeline's data needs no tool of ours; names are case-insensitive."""
    assert storage.table("Orders") == storage.root / "tables" / "orders"
    folder = storage.root / "checkpoints" / "orders" / "from_web" / "1"
    assert storage.checkpoint("Orders", "From_Web").folder == folder
    assert storage.events == storage.root / "system" / "events"


def test_tables_are_the_folders_with_a_delta_log(storage):
    """What a killed creation left behind is no table."""
    create(storage, "silver", "Bronze")
    (storage.root / "tables" / "half").mkdir()
    (storage.root / "tables" / "notes.txt").write_text("")
    assert storage.table_names() == ["bronze", "silver"]
    assert [storage.has_table(name) for name in ("BRONZE", "half", "gone")] == [True, False, False]


def test_a_pipeline_that_never_ran_has_no_tables(storage):
    """Asking makes no folder."""
    assert (storage.table_names(), storage.has_table("x"), storage.root.exists()) == ([], False, False)


def test_flows_are_known_by_their_checkpoints(storage):
    """So a flow that is new to its table, and one that has gone, can be told."""
    storage.new_checkpoint("Orders", "From_Web")
    storage.new_checkpoint("Orders", "old")
    (storage.root / "checkpoints" / "orders" / "empty").mkdir()
    assert (storage.flows_of("ORDERS"), storage.flows_of("other")) == (("from_web", "old"), ())
    storage.remove_checkpoints("Orders")
    assert storage.flows_of("orders") == ()


def test_a_table_remembers_what_its_definition_gave_to_it(storage):
    """The next update compares with that; a table that says nothing was given nothing."""
    write_deltalake(str(storage.table("silver")), pa.table({"id": [1]}))
    before = storage.declared_of("Silver")
    log = storage.table("silver") / "_delta_log" / f"{0:020}.json"
    ours = {"livetables.given": '{"quality": "x"}', "livetables.row_filter": "`f`(`id`)"}
    no_filter = storage.row_filter_of("silver")
    properties = json.dumps({**ours, "delta.appendOnly": "true"})
    log.write_text(log.read_text().replace('"configuration":{}', f'"configuration":{properties}'))
    assert (before, storage.declared_of("Silver")) == ({}, {"quality": "x"})
    assert (no_filter, storage.row_filter_of("Silver")) == (None, "`f`(`id`)")


def test_a_removed_table_is_gone(storage):
    """The others stay; removing one that is not there is no error."""
    create(storage, "bronze", "silver")
    storage.remove_table("SILVER")
    storage.remove_table("silver")
    assert storage.table_names() == ["bronze"]


def test_a_new_checkpoint_has_the_next_number(storage):
    """It is empty, the old ones are gone, and a number never comes again."""
    numbers = [storage.checkpoint_number("orders", "web")]
    for _ in range(3):
        (storage.new_checkpoint("orders", "web").folder / "offsets").write_text("")
        numbers.append(storage.checkpoint_number("orders", "web"))
    new = storage.new_checkpoint("orders", "web")
    assert (numbers, new.folder.children()) == ([0, 1, 2, 3], [])
    assert [folder.name for folder in new.folder.parent.children()] == ["4"]
    assert storage.checkpoint("orders", "web") == new


def test_numbers_grow_as_numbers(storage):
    """10 comes after 9."""
    for _ in range(10):
        storage.new_checkpoint("orders", "web")
    assert storage.checkpoint("orders", "web").number == 10


def test_each_flow_has_its_own_checkpoints(storage):
    """Starting one flow over leaves the others where they are."""
    storage.new_checkpoint("orders", "web")
    storage.new_checkpoint("orders", "web")
    assert (storage.checkpoint_number("orders", "web"), storage.checkpoint_number("orders", "app")) == (2, 0)


def test_a_second_process_is_refused_by_name(storage, other_process):
    """Two updates would write the same checkpoints; the message says which process holds the folder."""
    with pytest.raises(StorageBusy) as caught, storage.locked():
        pass
    diagnostic = caught.value.diagnostic
    assert diagnostic.code == "PIPELINE_BUSY"
    assert (f"process {other_process.pid}" in diagnostic.message, str(storage.root) in diagnostic.message) == (
        True,
        True,
    )
    assert "--storage" in diagnostic.hint


def test_the_lock_goes_with_its_process(storage, other_process):
    """Also when it is killed: nothing has to be cleaned up by hand."""
    other_process.kill()
    other_process.wait()
    with storage.locked():
        held = json.loads((storage.root / "system" / "lock").read_text())
    assert held["process"] == os.getpid() != other_process.pid


def test_a_second_update_reads_who_holds_the_storage_since_when(storage):
    """Also which update: a later one of the same process replaces it, whatever its length."""
    began = datetime(2026, 1, 2, 12, 0, 5, tzinfo=timezone.utc)
    said = []
    with storage.locked(lambda: began) as lock:
        for update in (None, "f00dfeed-0001", "cafe"):
            lock.update(update)
            with pytest.raises(StorageBusy) as caught, storage.locked():
                pass
            said.append(caught.value.diagnostic.message)
    start = f"Another update is using {storage.root} (process {os.getpid()}, since 2026-01-02 12:00:05+00:00"
    assert [f"{start}).", f"{start}, update f00dfe).", f"{start}, update cafe)."] == said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4711", LockHolder(4711)),
        ('{"process": 1, "since": "noon", "update": "u"}', LockHolder(1, "noon", "u")),
        ('{"process": 1, "since": "noon", "update": "u"}te": "longer"}', LockHolder(1, "noon", "u")),
        ('{"process": 47', LockHolder()),
        ("", LockHolder()),
        ('{"other": 1}', LockHolder()),
    ],
    ids=["of an earlier release", "whole", "with the rest of a longer one", "half-written", "empty", "of a later one"],
)
def test_a_lock_file_is_read_as_far_as_it_goes(text, expected):
    """Its holder writes while another process reads; what is unknown is left out."""
    assert expected == LockHolder.of(text)


def test_two_updates_in_one_process_are_kept_apart_too(storage):
    """A test suite or a notebook may try."""
    with storage.locked(), pytest.raises(StorageBusy), storage.locked():
        pass


def test_the_lock_is_free_after_an_error(storage):
    """A failed update can be run again at once."""
    with pytest.raises(KeyError), storage.locked():
        raise KeyError
    with storage.locked():
        pass


def test_a_table_may_lie_elsewhere(tmp_path):
    """A link leads there; removing the table removes its rows; another pipeline's table is left alone."""
    storage, elsewhere = Storage(tmp_path / "storage"), tmp_path / "mnt" / "orders"
    storage.place_table(storage.table("orders"), elsewhere, "orders")
    storage.place_table(storage.table("orders"), elsewhere, "orders")
    (elsewhere / "_delta_log").mkdir()
    assert storage.has_table("orders")
    with pytest.raises(LivetablesError, match="already holds a table") as caught:
        storage.place_table(storage.table("others"), elsewhere, "others")
    assert caught.value.code == "TABLE_EXISTS"
    storage.remove_table("orders")
    assert (elsewhere.exists(), storage.table_names()) == (False, [])


def test_a_storage_of_an_earlier_release_opens(tmp_path):
    """Its folders, written here by hand, are the same: tables, checkpoints with numbers, a lock with a process id."""
    for folder in (
        "tables/raw/_delta_log",
        "tables/__apply_changes_storage_users/_delta_log",
        "checkpoints/raw/raw/2/offsets",
        "checkpoints/users/from_web/1",
        "system/events/_delta_log",
        "system/schemas",
    ):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "system" / "lock").write_text("12345")
    storage = Storage(tmp_path)
    assert (["raw", "users"], True) == (storage.table_names(), storage.exists())
    assert tmp_path / "tables" / "__apply_changes_storage_users" == storage.table("users").path
    assert [("raw",), ("from_web",)] == [storage.flows_of(name) for name in ("raw", "users")]
    assert (2, 1) == (storage.checkpoint_number("raw", "raw"), storage.checkpoint_number("users", "from_web"))
    assert [FlowKey("raw", "raw"), FlowKey("users", "from_web")] == [key for key, _ in storage.checkpoints()]
    with storage.locked():
        pass


def test_the_files_of_a_session_have_fixed_names(tmp_path):
    """Documents name spark.log; the others may be inspected."""
    system = Storage(tmp_path).system
    assert SystemFolder(tmp_path / "system") == system
    names = ("spark.log", "log4j2.properties", "warehouse", "workers", "schemas", "empty")
    paths = (system.spark_log, system.logging, system.warehouse, system.workers, system.schemas, system.empty)
    assert [system.root / name for name in names] == list(paths)


class TestServing:
    """A flow that runs in the micro-batches of another one, and has no checkpoint that Spark writes."""

    @pytest.fixture
    def storage(self, storage):
        """Return a storage in which the checkpoint of `bronze` serves two other flows, `silver` and `from_web`."""
        bronze = storage.new_checkpoint("bronze", "bronze")
        reached = {FlowKey("silver", "silver"): {"bronze": 7}, FlowKey("all", "from_web"): {"bronze": 5}}
        bronze.write_members(reached)
        storage.new_checkpoint("all", "from_app")
        return storage

    def test_it_has_run_as_if_it_had_its_own_checkpoint(self, storage):
        """A plan does not start it again; the checkpoint says up to which version of its input it has come."""
        assert [("silver",), ("from_app", "from_web"), ("bronze",)] == [
            storage.flows_of(dataset) for dataset in ("Silver", "ALL", "bronze")
        ]
        assert storage.checkpoint("bronze", "bronze") == storage.serving("Silver", "SILVER")
        assert {"bronze": 7} == storage.serving("silver", "silver").members()[FlowKey("silver", "silver")]

    def test_its_number_is_that_of_the_checkpoint_that_serves_it(self, storage):
        """As long as it has none of its own."""
        key = FlowKey("silver", "silver")
        storage.new_checkpoint("bronze", "bronze").write_members({key: {"bronze": 0}})
        assert 2 == storage.checkpoint_number(*key)
        assert (1, 1) == (storage.new_checkpoint(*key).number, storage.checkpoint_number(*key))

    def test_a_flow_that_starts_over_is_served_no_more(self, storage):
        """The other members stay where they are."""
        storage.new_checkpoint("Silver", "Silver")
        members = storage.checkpoint("bronze", "bronze").members()
        assert (None, {FlowKey("all", "from_web"): {"bronze": 5}}) == (storage.serving("silver", "silver"), members)

    def test_a_dataset_that_goes_takes_its_members_with_it(self, storage):
        """All its flows are forgotten."""
        storage.remove_checkpoints("ALL")
        assert ((), ("silver",)) == (storage.flows_of("all"), storage.flows_of("silver"))

    def test_members_go_with_the_checkpoint_that_serves_them(self, storage):
        """When its flow starts over, they have never run."""
        storage.new_checkpoint("bronze", "bronze")
        assert ((), None) == (storage.flows_of("silver"), storage.serving("silver", "silver"))

    def test_flows_may_start_over_at_once(self, storage):
        """Tables are set up in parallel; none brings a member back that another one has removed."""
        keys = [FlowKey(f"d{number}", "f") for number in range(20)]
        storage.checkpoint("bronze", "bronze").write_members({key: {} for key in keys})
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda key: storage.new_checkpoint(*key), keys))
        assert {} == storage.checkpoint("bronze", "bronze").members()


def test_a_removed_storage_leaves_nothing_of_ours(tmp_path):
    """Tables that lie elsewhere go too; what others have put beside the folders stays."""
    storage, elsewhere = Storage(tmp_path / "storage"), tmp_path / "mnt" / "orders"
    storage.place_table(storage.table("orders"), elsewhere, "orders")
    create(storage, "orders", "silver")
    storage.new_checkpoint("orders", "orders")
    with storage.locked():
        pass
    (tmp_path / "storage" / "notes.txt").touch()
    storage.remove()
    assert (["notes.txt"], False, False) == (
        [entry.name for entry in storage.root.children()],
        elsewhere.exists(),
        storage.exists(),
    )


def test_what_needs_a_local_folder_says_so(tmp_path):
    """With a storage by URI: the lock, and the files of a session."""
    storage = Storage(Location(f"file://{tmp_path}"))
    for need in (storage.locked, lambda: storage.system):
        with pytest.raises(LivetablesError, match="needs a local folder") as caught:
            need()
        assert "STORAGE_NOT_LOCAL" == caught.value.code


def test_looking_at_paths_loads_no_package_of_delta_or_spark():
    """Cheap commands start at once."""
    code = (
        "import sys; from livetables.storage import checkpoint, layout, stored;"
        "print(sorted({'pyspark', 'deltalake', 'pyarrow', 'pandas'} & sys.modules.keys()))"
    )
    assert "[]\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
