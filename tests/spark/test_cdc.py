"""AUTO CDC against documented tables and a plain-Python oracle: any order, any split, any replay."""

import itertools
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.errors import Place
from livetables.execute import cdc
from livetables.execute.storage import Storage
from livetables.execute.tables import Tables
from livetables.graph.cdc import written
from livetables.graph.graph import ResolvedDataset, ResolvedFlow
from livetables.model import CdcFlow, Changes, Columns, Namespace, StreamingTable
from tests.cdc_oracle import Event, history, newest

pytestmark = pytest.mark.spark

HERE = Place("test.py", 1)
_numbers = itertools.count()


class Target:
    """A target of AUTO CDC that batches are applied to."""

    def __init__(self, spark, folder, schema, changes):
        """Create it for a source of this schema (DDL)."""
        self.spark, self.schema = spark, schema
        name = f"target_{next(_numbers)}"
        flow = CdcFlow(name, name, lambda: None, HERE, changes=changes)
        result, sequence = written(spark.createDataFrame([], schema), flow)
        resolved = ResolvedFlow(flow, (), (), True, result.schema, sequence=sequence)
        self.dataset = ResolvedDataset(StreamingTable(name, HERE), result.schema, (resolved,))
        self.storage = Storage(folder)
        self.tables = Tables(spark, self.storage, Namespace())
        self.tables.create(self.dataset)
        self.tables.register(name)

    def apply(self, rows):
        """Apply one batch; return its counts."""
        frame = self.spark.createDataFrame(rows, self.schema)
        events = cdc.events_of(frame, self.dataset)
        return cdc.apply(events, self.dataset, self.storage.table(self.dataset.name))

    def rows(self):
        """What users see, sorted."""
        return sorted((tuple(r) for r in self.spark.table(f"default.{self.dataset.name}").collect()), key=repr)


USERS = "userId INT, name STRING, city STRING, operation STRING, sequenceNum INT"
FEED = [
    (124, "Raul", "Oaxaca", "INSERT", 1), (123, "Isabel", "Monterrey", "INSERT", 1),
    (125, "Mercedes", "Tijuana", "INSERT", 2), (126, "Lily", "Cancun", "INSERT", 2),
    (123, None, None, "DELETE", 6), (125, "Mercedes", "Guadalajara", "UPDATE", 6),
    (125, "Mercedes", "Mexicali", "UPDATE", 5), (123, "Isabel", "Chihuahua", "UPDATE", 5),
]  # fmt: skip
TRUNCATE = (None, None, None, "TRUNCATE", 3)
DOCUMENTED = {
    "type 1": (
        FEED, {},
        [(124, "Raul", "Oaxaca"), (125, "Mercedes", "Guadalajara"), (126, "Lily", "Cancun")],
    ),
    "type 1 with truncate": (
        [*FEED, TRUNCATE], {"truncates": "operation = 'TRUNCATE'"},
        [(125, "Mercedes", "Guadalajara")],
    ),
    "type 2": (
        FEED, {"scd_type": 2},
        [
            (123, "Isabel", "Chihuahua", 5, 6), (123, "Isabel", "Monterrey", 1, 5), (124, "Raul", "Oaxaca", 1, None),
            (125, "Mercedes", "Guadalajara", 6, None), (125, "Mercedes", "Mexicali", 5, 6),
            (125, "Mercedes", "Tijuana", 2, 5), (126, "Lily", "Cancun", 2, None),
        ],
    ),
    "type 2 with an untracked column": (
        FEED, {"scd_type": 2, "tracked": Columns(but=("city",))},
        [
            (123, "Isabel", "Chihuahua", 1, 6), (124, "Raul", "Oaxaca", 1, None),
            (125, "Mercedes", "Guadalajara", 2, None), (126, "Lily", "Cancun", 2, None),
        ],
    ),
}  # fmt: skip


def users(spark, folder, **options):
    """A target of the documented feed."""
    changes = Changes(
        ("userId",), "sequenceNum", deletes="operation = 'DELETE'",
        columns=Columns(but=("operation", "sequenceNum")), **options,
    )  # fmt: skip
    return Target(spark, folder, USERS, changes)


def copies(feed, number, offset=1000):
    """The feed with keys of its own, as often as asked for."""
    return [[(row[0] and row[0] + offset * copy, *row[1:]) for row in feed] for copy in range(number)]


def split(rows, chance, parts=3):
    """The rows in a random order, in so many batches."""
    shuffled = chance.sample(rows, len(rows))
    cuts = sorted(chance.sample(range(1, len(rows)), parts - 1))
    return [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]


@pytest.mark.parametrize("case", DOCUMENTED)
def test_the_documented_tables_in_one_batch_and_in_any_order_and_split(spark, tmp_path, case):
    """The platform's own examples: whole, shuffled and split in 20 ways; a batch that comes again changes nothing."""
    feed, options, rows = DOCUMENTED[case]
    whole, *others = copies([row for row in feed if row is not TRUNCATE], 21)
    chance = random.Random(7)
    splits = [split(rows_, chance) for rows_ in others]
    batches = [[row for one in splits for row in one[i]] for i in range(3)]
    batches[1] += [*whole, *(row for row in feed if row is TRUNCATE)]
    target = users(spark, tmp_path, **options)
    for batch in [*batches, batches[0]]:
        target.apply(batch)
    assert target.rows() == sorted((row for copy in copies(rows, 21) for row in copy), key=repr)


WIDE = "key INT, a STRING, b STRING, op STRING, seq INT"
MODES = {
    "type 1": {"scd_type": 1},
    "type 1, NULL leaves alone": {"scd_type": 1, "partial": Columns()},
    "type 1, truncates": {"scd_type": 1, "truncates": "op = 'T'"},
    "type 2": {"scd_type": 2},
    "type 2, NULL leaves alone": {"scd_type": 2, "partial": Columns()},
    "type 2, b untracked": {"scd_type": 2, "tracked": Columns(but=("b",))},
    "type 2, b untracked, NULL leaves alone": {
        "scd_type": 2, "tracked": Columns(but=("b",)), "partial": Columns(),
    },
}  # fmt: skip

values = st.sampled_from(["x", "y", None])


@st.composite
def feeds(draw):
    """Batches of events over many small groups of keys, with late, repeated and deleting ones among them.

    A tie in (key, sequence) has the same content: the documentation leaves other ties open.
    """
    made = draw(
        st.dictionaries(
            st.tuples(st.integers(0, 2), st.integers(1, 7)),
            st.tuples(values, values, st.sampled_from("UUUUD")),
            min_size=1, max_size=14,
        )
    )  # fmt: skip
    events = [(key, *content, seq) for (key, seq), content in made.items()]
    arriving = draw(st.permutations([*events, *draw(st.lists(st.sampled_from(events), max_size=3))]))
    cuts = sorted(draw(st.sets(st.integers(0, len(arriving)), max_size=2)))
    return [arriving[a:b] for a, b in zip([0, *cuts], [*cuts, len(arriving)], strict=True)]


def expected(rows, mode):
    """What the oracle says of these rows, sorted as `Target.rows`."""
    events = [Event(k, s, {"a": a, "b": b}, delete=op == "D", truncate=op == "T") for k, a, b, op, s in rows]
    ignores = "partial" in mode
    if mode["scd_type"] == 1:
        found = [(k, v["a"], v["b"]) for k, v in newest(events, ignore_nulls=ignores).items()]
    else:
        untracked = ("b",) if "tracked" in mode else ()
        found = [
            (k, v["a"], v["b"], start, end)
            for k, v, start, end in history(events, untracked=untracked, ignore_nulls=ignores)
        ]
    return sorted(found, key=repr)


@pytest.mark.parametrize("name", MODES)
def test_random_feeds_agree_with_the_oracle(spark, tmp_path, name):
    """Late, repeated and out-of-order events, deletes, any split, the last batch again: as if all came in order.

    Feeds of many examples go through Spark together, each with keys of its own: its batches are theirs.
    """
    mode = MODES[name]
    feeds_ = []

    @settings(max_examples=60, database=None, derandomize=True, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(feeds())
    def collect(batches):
        feeds_.append(batches)

    collect()
    changes = Changes(
        ("key",), "seq", deletes="op = 'D'", columns=Columns(but=("op", "seq")), **mode,
    )  # fmt: skip
    target = Target(spark, tmp_path, WIDE, changes)
    own = [
        [[(key + 10 * number, *rest) for key, *rest in batch] for batch in batches]
        for number, batches in enumerate(feeds_)
    ]
    if "truncates" in mode:
        own[0][0].append((None, None, None, "T", 3))
    rounds = max(len(batches) for batches in own)
    for i in range(rounds):
        target.apply([row for batches in own for row in (batches[i] if i < len(batches) else [])])
    target.apply([row for batches in own for row in batches[-1]])
    rows = [row for batches in own for batch in batches for row in batch]
    assert target.rows() == expected(rows, mode)


def test_counts_of_a_batch(spark, tmp_path):
    """Type 1 counts keys by their newest event; type 2 counts events, each once."""
    one, two = users(spark, tmp_path), users(spark, tmp_path, scd_type=2)
    assert one.apply(FEED) == {"num_upserted_rows": 3, "num_deleted_rows": 1}
    assert two.apply(FEED) == {"num_upserted_rows": 7, "num_deleted_rows": 1}
    assert two.apply(FEED) == {"num_upserted_rows": 0, "num_deleted_rows": 0}


def test_sequences_may_be_structs_and_keys_may_be_null(spark, tmp_path):
    """Structs compare field by field; a NULL key is a key like any other; odd column names are only names."""
    changes = Changes(("key",), F.struct("at", "n"), columns=Columns(but=("at", "n")), scd_type=2)
    target = Target(spark, tmp_path, "key INT, `a-b` STRING, at TIMESTAMP, n INT", changes)
    from datetime import datetime

    noon, later = datetime(2026, 1, 1, 12), datetime(2026, 1, 1, 13)  # noqa: DTZ001 (Spark's own form)
    target.apply([(None, "second", noon, 2), (1, "x", noon, 1)])
    target.apply([(None, "third", later, 0), (None, "first", noon, 1)])
    found = [(key, v, tuple(start), end and tuple(end)) for key, v, start, end in target.rows()]
    assert found == [
        (1, "x", (noon, 1), None),
        (None, "first", (noon, 1), (noon, 2)),
        (None, "second", (noon, 2), (later, 0)),
        (None, "third", (later, 0), None),
    ]


def test_columns_to_update_are_named_by_the_event(spark, tmp_path):
    """A named column takes the event's value, NULL too; the others keep theirs, also when events come late."""
    changes = Changes(("id",), "seq", columns=Columns(but=("seq", "change")), partial=Columns(),
                      columns_to_update="change")  # fmt: skip
    target = Target(spark, tmp_path, "id INT, a STRING, b STRING, change ARRAY<STRING>, seq INT", changes)
    target.apply([(1, None, "old", ["a"], 3)])
    target.apply([(1, "a1", "b1", ["a", "b"], 1), (1, "x", "b2", ["b"], 2)])
    assert target.rows() == [(1, None, "b2")]


def test_an_event_without_a_sequence_fails_the_batch(spark, tmp_path):
    """The message shows the event; nothing of the batch is written."""
    target = users(spark, tmp_path)
    with pytest.raises(Exception, match=r"CDC_NULL_SEQUENCE.*has no sequence"):
        target.apply([(1, "a", "b", "INSERT", 1), (2, "lost", "b", "INSERT", None)])
    assert target.rows() == []
