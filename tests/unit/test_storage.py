"""The folders of a pipeline: tables, checkpoints, and the lock that keeps two updates apart."""

import json
import subprocess
import sys

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from livetables.errors import LivetablesError, PipelineBusyError
from livetables.storage.layout import Storage

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
        (storage.table(name) / "_delta_log").mkdir(parents=True)


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
    assert storage.checkpoint("Orders", "From_Web") == storage.root / "checkpoints" / "orders" / "from_web" / "1"
    assert storage.events == storage.root / "system" / "events"


def test_tables_are_the_folders_with_a_delta_log(storage):
    """What a killed creation left behind is no table."""
    create(storage, "silver", "Bronze")
    (storage.root / "tables" / "half").mkdir()
    (storage.root / "tables" / "notes.txt").touch()
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
        (storage.new_checkpoint("orders", "web") / "offsets").touch()
        numbers.append(storage.checkpoint_number("orders", "web"))
    new = storage.new_checkpoint("orders", "web")
    assert (numbers, list(new.iterdir())) == ([0, 1, 2, 3], [])
    assert [folder.name for folder in new.parent.iterdir()] == ["4"]
    assert storage.checkpoint("orders", "web") == new


def test_numbers_grow_as_numbers(storage):
    """10 comes after 9."""
    for _ in range(10):
        storage.new_checkpoint("orders", "web")
    assert storage.checkpoint("orders", "web").name == "10"


def test_each_flow_has_its_own_checkpoints(storage):
    """Starting one flow over leaves the others where they are."""
    storage.new_checkpoint("orders", "web")
    storage.new_checkpoint("orders", "web")
    assert (storage.checkpoint_number("orders", "web"), storage.checkpoint_number("orders", "app")) == (2, 0)


def test_a_second_process_is_refused_by_name(storage, other_process):
    """Two updates would write the same checkpoints; the message says which process holds the folder."""
    with pytest.raises(PipelineBusyError) as caught, storage.locked():
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
        held = (storage.root / "system" / "lock").read_text()
    assert held.isdigit()
    assert int(held) != other_process.pid


def test_two_updates_in_one_process_are_kept_apart_too(storage):
    """A test suite or a notebook may try."""
    with storage.locked(), pytest.raises(PipelineBusyError), storage.locked():
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
