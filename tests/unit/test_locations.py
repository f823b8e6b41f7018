"""Locations: the same operations on a local path and on other file systems."""

from pathlib import Path

import pytest
from pyarrow.fs import FileSystem

from livetables.errors import LivetablesError
from livetables.storage.checkpoint import Checkpoint, FlowKey
from livetables.storage.layout import Storage
from livetables.storage.locations import Location, local_path


@pytest.fixture(params=["local", "file URI", "memory"])
def root(request, tmp_path):
    """Return a folder that does not exist yet: by its path, by a URI, and in a file system in memory."""
    match request.param:
        case "local":
            return Location.of(tmp_path / "root")
        case "file URI":
            return Location(f"file://{tmp_path}/root")
        case _:
            return Location("memory://bucket/root", file_system=FileSystem.from_uri("mock:///")[0])


@pytest.mark.parametrize(
    ("where", "local"),
    [
        ("/a/b", "/a/b"),
        ("file:/a/b", "/a/b"),
        ("file:///a/b", "/a/b"),
        ("a", str(Path.cwd() / "a")),
        ("s3://a/b", None),
        ("s3a://a/b/", None),
    ],
)
def test_a_location_is_a_path_or_a_uri(where, local):
    """Of `file:` too it is the path; relative ones become absolute."""
    location = Location.of(where)
    assert (local, local is not None) == (local_path(where), location.is_local)
    assert local or where.rstrip("/") == str(location)
    assert location is Location.of(location)


def test_what_needs_a_path_is_refused_for_a_uri():
    """By code; the way out is a folder of this machine."""
    with pytest.raises(LivetablesError, match="s3://lake/x is not on this machine") as caught:
        Location.of("s3://lake/x").path  # noqa: B018 (it raises)
    assert ("STORAGE_NOT_LOCAL", True) == (caught.value.code, "--storage" in caught.value.diagnostic.hint)


def test_secrets_are_not_shown():
    """Storage options hold keys: no message or log of a location has them."""
    assert "hunter2" not in repr(Location.of("s3://lake/x", {"AWS_SECRET_ACCESS_KEY": "hunter2"}) / "y")


def test_parts_of_a_location(root):
    """As those of a path."""
    file = root / "a" / "b.json"
    assert ("b.json", root / "a", str(root)) == (file.name, file.parent, str(root / "x").removesuffix("/x"))


def test_a_file_is_written_whole_and_read(root):
    """With the folders above it; a second text replaces the first and leaves nothing beside it."""
    file = root / "a" / "b.json"
    file.write_text("first, and longer")
    file.write_text("zweite, größer")
    assert ("zweite, größer", [file]) == (file.read_text(), (root / "a").children())


def test_what_is_not_there(root):
    """Asking makes nothing; reading it is an error."""
    gone = root / "gone"
    assert (False, False, []) == (gone.exists(), gone.is_dir(), gone.children())
    with pytest.raises(FileNotFoundError):
        gone.read_text()
    gone.remove()
    assert not root.exists()


def test_folders_and_files_are_told_apart(root):
    """A file has no children; a folder that is there can be made again."""
    (root / "a").mkdir()
    (root / "a").mkdir()
    (root / "b").write_text("")
    assert [(root / "a", True, True), (root / "b", False, True)] == [
        (entry, entry.is_dir(), entry.exists()) for entry in root.children()
    ]
    assert [] == (root / "b").children()


def test_a_folder_is_removed_with_all_that_is_in_it(root):
    """And a file alone."""
    for name in ("a/1/x", "a/2/x", "b", "c"):
        (root / name).write_text("")
    (root / "a").remove()
    (root / "b").remove()
    assert ["c"] == root.names()


def test_a_link_is_removed_without_what_it_leads_to(tmp_path):
    """The table of another pipeline may be there."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    Location.of(tmp_path / "link").remove()
    assert ["kept"] == [path.name for path in tmp_path.iterdir()]


def test_checkpoints_work_in_any_file_system(root):
    """All that needs no local path: batches, marks, versions, members, and starting over."""
    storage = Storage(root)
    checkpoint = storage.new_checkpoint("bronze", "bronze")
    (checkpoint.folder / "offsets" / "3").write_text("v1")
    checkpoint.mark_done()
    checkpoint.write_snapshot_version(7)
    checkpoint.write_members({FlowKey("silver", "silver"): {"bronze": 2}})
    assert (3, True, 7) == (checkpoint.planned_batch(), checkpoint.is_done(), checkpoint.snapshot_version())
    assert (("silver",), checkpoint) == (storage.flows_of("silver"), storage.serving("silver", "silver"))
    assert 2 == storage.new_checkpoint("bronze", "bronze").number
    assert ((), -1) == (storage.flows_of("silver"), Checkpoint(checkpoint.folder).planned_batch())


def test_the_options_of_delta_open_an_s3_store_too():
    """Both names of a key work; pyarrow takes the endpoint, region and keys."""
    options = {"AWS_ACCESS_KEY_ID": "a", "secret_access_key": "b", "AWS_REGION": "eu-west-3", "AWS_ALLOW_HTTP": "true"}
    location = Location.of("s3a://bucket/folder", {**options, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    with pytest.raises(OSError, match="folder"):
        location.exists()
