"""What a flow's checkpoint folder says: batches, marks, snapshot versions, ledgers, and the flows that it serves."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livetables.errors import LivetablesError
from livetables.storage.checkpoint import Checkpoint, FlowKey

VERSIONS = st.one_of(
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, timezone.utc, timezone(timedelta(hours=-3, minutes=-30))])),
)
MEMBERS = st.dictionaries(
    st.builds(FlowKey, st.text(), st.text()), st.dictionaries(st.text(), st.integers(0, 2**63)), max_size=4
)


@pytest.fixture
def checkpoint(tmp_path):
    """Return the first checkpoint of a flow, which has no folder yet."""
    return Checkpoint.at(tmp_path / "checkpoints" / "orders" / "web" / "1")


def write(checkpoint, name, text=""):
    """Write a file in a checkpoint, as Spark or a crash may leave it."""
    (checkpoint.folder / name).write_text(text)


class TestBatches:
    """The micro-batches that Spark has planned and committed."""

    def test_a_new_flow_has_none(self, checkpoint):
        """Looking makes no folder."""
        assert (-1, -1, False) == (checkpoint.planned_batch(), checkpoint.committed_batch(), checkpoint.all_committed())
        assert not checkpoint.folder.exists()

    @pytest.mark.parametrize(
        ("offsets", "commits", "expected"),
        [([0], [], (0, -1, False)), ([9, 10], [9], (10, 9, False)), ([9, 10], [9, 10], (10, 10, True))],
        ids=["first planned", "second planned", "all committed"],
    )
    def test_the_newest_is_known(self, checkpoint, offsets, commits, expected):
        """10 comes after 9; what the file system keeps beside them does not count."""
        for name, numbers in (("offsets", offsets), ("commits", commits)):
            for number in numbers:
                write(checkpoint, f"{name}/{number}")
                write(checkpoint, f"{name}/.{number}.crc")
                write(checkpoint, f"{name}/.{number + 5}.tmp")
        assert expected == (checkpoint.planned_batch(), checkpoint.committed_batch(), checkpoint.all_committed())


class TestOnce:
    """A flow that runs once."""

    def test_it_is_done_when_that_was_marked(self, checkpoint):
        """Until the next checkpoint."""
        before = checkpoint.is_done()
        checkpoint.mark_done()
        assert (False, True) == (before, checkpoint.is_done())

    def test_its_transaction_stays_the_same(self, checkpoint):
        """After a crash Delta knows by it that the rows are there; another flow has another one."""
        first = checkpoint.transaction()
        other = Checkpoint(checkpoint.folder.parent / "2").transaction()
        assert (first, True) == (checkpoint.transaction(), first != other)

    def test_a_half_written_transaction_does_not_count(self, checkpoint):
        """A crash leaves a file of another name."""
        write(checkpoint, "transaction.new", "4f")
        assert 36 == len(checkpoint.transaction())


class TestSnapshots:
    """The version of the newest snapshot."""

    def test_there_is_none_before_the_first(self, checkpoint):
        """The user's function is then called with None."""
        assert checkpoint.snapshot_version() is None

    @given(VERSIONS)
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
    def test_a_version_comes_back_as_it_was(self, checkpoint, version):
        """Of each type, with the same value."""
        checkpoint.write_snapshot_version(version)
        kept = checkpoint.snapshot_version()
        assert (version, type(version)) == (kept, type(kept))

    @pytest.mark.parametrize(
        ("text", "version"),
        [
            ('{"type": "int", "version": "7"}', 7),
            ('{"type": "date", "version": "2026-01-02"}', date(2026, 1, 2)),
            ('{"type": "datetime", "version": "2026-01-02T03:04:05"}', datetime(2026, 1, 2, 3, 4, 5)),  # noqa: DTZ001 (a version may have no zone)
            ('{"type": "Decimal", "version": "1.50"}', Decimal("1.50")),
            ('{"type": "bytes", "version": "AA=="}', b"\0"),
        ],
        ids=["int", "date", "datetime", "Decimal", "bytes"],
    )
    def test_a_file_of_an_earlier_release_is_read(self, checkpoint, text, version):
        """Its form has not changed."""
        write(checkpoint, "version.json", text)
        assert version == checkpoint.snapshot_version()

    def test_a_half_written_file_does_not_count(self, checkpoint):
        """A crash leaves it under another name: the old version is read, and the next one can be written."""
        checkpoint.write_snapshot_version(7)
        write(checkpoint, "version.json.new", '{"type": "in')
        assert 7 == checkpoint.snapshot_version()
        checkpoint.write_snapshot_version(8)
        assert 8 == checkpoint.snapshot_version()

    def test_a_damaged_file_is_named(self, checkpoint):
        """Its flow would apply all snapshots again: it says so and stops."""
        write(checkpoint, "version.json", '{"type": "in')
        with pytest.raises(LivetablesError, match=r"web/1/version\.json, which says how far a flow has come") as caught:
            checkpoint.snapshot_version()
        assert ("CHECKPOINT_UNREADABLE", True) == (caught.value.code, "from a copy" in caught.value.diagnostic.hint)


class TestLedgers:
    """The ledgers of the flow's Auto Loader sources."""

    def test_each_source_has_one(self, checkpoint):
        """By the number of the source; the files that SQLite keeps beside a database are none."""
        for number in (0, 1):
            write(checkpoint, f"auto_loader/{number}.db")
            write(checkpoint, f"auto_loader/{number}.db-wal")
        assert {0: checkpoint.ledger(0), 1: checkpoint.ledger(1)} == checkpoint.ledgers()

    def test_a_flow_without_such_a_source_has_none(self, checkpoint):
        """There is no folder."""
        assert {} == checkpoint.ledgers()

    def test_a_ledger_leads_to_its_checkpoint(self, checkpoint):
        """It tells whether batches refer to the ledger."""
        assert checkpoint == Checkpoint.of_ledger(checkpoint.ledger(3))


class TestImport:
    """The checkpoint of a streaming query from elsewhere."""

    @pytest.fixture
    def other(self, tmp_path):
        """Return a checkpoint with one committed batch."""
        other = Checkpoint.at(tmp_path / "old")
        for name in ("offsets/0", "commits/0"):
            write(other, name, name)
        return other

    def test_the_flow_goes_on_where_it_ends(self, checkpoint, other):
        """Also when an import before was cut off; the other one stays."""
        checkpoint.folder.mkdir()
        write(Checkpoint(checkpoint.folder.parent / "importing"), "offsets/9")
        checkpoint.import_from(other)
        assert (0, 0) == (checkpoint.planned_batch(), other.planned_batch())
        assert ["1"] == checkpoint.folder.parent.names()

    @pytest.mark.parametrize("number", [1, 2], ids=["has started", "has started over"])
    def test_a_flow_that_has_its_own_way_imports_nothing(self, checkpoint, other, number):
        """A full refresh asks for all rows again."""
        own = Checkpoint(checkpoint.folder.parent / str(number))
        if number == 1:
            write(own, "offsets/5")
        own.import_from(other)
        assert {1: 5, 2: -1}[number] == own.planned_batch()

    @pytest.mark.parametrize("folder", ["/no/such/gone", "s3://lake/gone", "dbfs:/gone"])
    def test_a_folder_without_offsets_is_none(self, checkpoint, folder):
        """A query would silently start from the beginning; no store is asked."""
        with pytest.raises(FileNotFoundError, match="gone"):
            checkpoint.import_from(Checkpoint.at(folder))


class TestMembers:
    """The other flows that run in the micro-batches of this one."""

    def test_a_folder_without_the_file_serves_its_own_flow_alone(self, checkpoint):
        """As those of earlier releases do."""
        write(checkpoint, "offsets/0")
        assert {} == checkpoint.members()

    @given(MEMBERS)
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
    def test_what_is_written_is_read(self, checkpoint, members):
        """All members with the version of each of their inputs; what was written before is replaced."""
        checkpoint.write_members(members)
        assert members == checkpoint.members()

    def test_a_half_written_file_does_not_count(self, checkpoint):
        """The members are those of the batch before."""
        reached = {FlowKey("silver", "silver"): {"bronze": 7}, FlowKey("gold", "gold"): {"silver": 3}}
        checkpoint.write_members(reached)
        write(checkpoint, "flows.json.new", '{"members": [{"data')
        assert reached == checkpoint.members()

    def test_a_damaged_file_is_named(self, checkpoint):
        """Its members would be filled again."""
        write(checkpoint, "flows.json", "[")
        with pytest.raises(LivetablesError, match=r"web/1/flows\.json") as caught:
            checkpoint.members()
        assert "CHECKPOINT_UNREADABLE" == caught.value.code
