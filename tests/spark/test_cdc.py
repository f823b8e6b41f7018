"""AUTO CDC against documented tables and a plain-Python oracle: any order, any split, any replay."""

import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F  # noqa: N812 (the name all Spark code uses)

from livetables.cdc import apply as cdc
from livetables.cdc import scd1
from livetables.errors import SourceLocation
from livetables.execute.tables import Tables
from livetables.graph.cdc_schema import cdc_output
from livetables.graph.graph import ResolvedDataset, ResolvedFlow
from livetables.model import CdcFlow, Changes, ColumnSelector, Namespace, StreamingTable
from livetables.storage.layout import Storage
from tests.cdc_oracle import Event, history, newest

pytestmark = pytest.mark.spark

HERE = SourceLocation("test.py", 1)
_numbers = itertools.count()


class Target:
    """A target of AUTO CDC that batches are applied to."""

    def __init__(self, spark, folder, schema, changes):
        """Create it for a source of this schema (DDL)."""
        self.spark, self.schema = spark, schema
        name = f"target_{next(_numbers)}"
        flow = CdcFlow(name, name, lambda: None, HERE, changes=changes)
        result, sequence = cdc_output(spark.createDataFrame([], schema), flow)
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
        return cdc.apply(events, self.dataset, self.storage.table(self.dataset.name).path)

    def rows(self):
        """What users see, sorted."""
        return sorted((tuple(r) for r in self.spark.table(f"default.{self.dataset.name}").collect()), key=repr)


USERS = "userId INT, name STRING, city STRING, operation STRING, sequenceNum INT"
FEED = [
    (124, "Raul", "Oaxaca", "INSERT", 1),
    (123, "Isabel", "Monterrey", "INSERT", 1),
    (125, "Mercedes", "Tijuana", "INSERT", 2),
    (126, "Lily", "Cancun", "INSERT", 2),
    (123, None, None, "DELETE", 6),
    (125, "Mercedes", "Guadalajara", "UPDATE", 6),
    (125, "Mercedes", "Mexicali", "UPDATE", 5),
    (123, "Isabel", "Chihuahua", "UPDATE", 5),
]
TRUNCATE = (None, None, None, "TRUNCATE", 3)
#: What the platform's documentation says becomes of FEED, by the mode of the target.
DOCUMENTED = {
    "type 1": [(124, "Raul", "Oaxaca"), (125, "Mercedes", "Guadalajara"), (126, "Lily", "Cancun")],
    "type 1, truncates": [(125, "Mercedes", "Guadalajara")],
    "type 2": [
        (123, "Isabel", "Chihuahua", 5, 6),
        (123, "Isabel", "Monterrey", 1, 5),
        (124, "Raul", "Oaxaca", 1, None),
        (125, "Mercedes", "Guadalajara", 6, None),
        (125, "Mercedes", "Mexicali", 5, 6),
        (125, "Mercedes", "Tijuana", 2, 5),
        (126, "Lily", "Cancun", 2, None),
    ],
    "type 2, city untracked": [
        (123, "Isabel", "Chihuahua", 1, 6),
        (124, "Raul", "Oaxaca", 1, None),
        (125, "Mercedes", "Guadalajara", 2, None),
        (126, "Lily", "Cancun", 2, None),
    ],
}
MODES = {
    "type 1": {"scd_type": 1},
    "type 1, NULL leaves alone": {"scd_type": 1, "partial": ColumnSelector()},
    "type 1, truncates": {"scd_type": 1, "truncates": "operation = 'TRUNCATE'"},
    "type 2": {"scd_type": 2},
    "type 2, NULL leaves name alone": {"scd_type": 2, "partial": ColumnSelector(only=("name",))},
    "type 2, city untracked": {"scd_type": 2, "tracked": ColumnSelector(but=("city",))},
    "type 2, city untracked, NULL leaves all but name alone": {
        "scd_type": 2,
        "tracked": ColumnSelector(but=("city",)),
        "partial": ColumnSelector(but=("name",)),
    },
}
ROUNDS, COPIES, EXAMPLES = 4, 21, 60
#: Keys from here on are those of random feeds.
RANDOM = 100_000


def users(spark, folder, **options):
    """A target of the documented feed."""
    changes = Changes(
        ("userId",),
        "sequenceNum",
        deletes="operation = 'DELETE'",
        columns=ColumnSelector(but=("operation", "sequenceNum")),
        **options,
    )
    return Target(spark, folder, USERS, changes)


def copies(rows, offset=1000):
    """The rows again and again, with keys of their own."""
    return [[(row[0] + offset * copy, *row[1:]) for row in rows] for copy in range(COPIES)]


def documented_rounds():
    """The documented feed whole in one batch, and shuffled and split in 20 ways; at last the first batch again."""
    whole, *others = copies(FEED)
    chance, rounds = random.Random(7), [[], whole, [], []]
    for rows in others:
        shuffled = chance.sample(rows, len(rows))
        first, second = sorted(chance.sample(range(1, len(rows)), 2))
        parts = shuffled[:first], shuffled[first:second], shuffled[second:], shuffled[:first]
        rounds = [[*batch, *part] for batch, part in zip(rounds, parts, strict=True)]
    return rounds


values = st.sampled_from(["x", "y", None])


@st.composite
def random_rounds(draw):
    """Events of a few keys in up to three batches, with late, repeated and deleting ones among them.

    One of the batches comes twice: right after itself, as after a crash between its merge and its checkpoint, or
    after others. A tie in (key, sequence) has the same content: the documentation leaves other ties open.
    """
    made = draw(
        st.dictionaries(
            st.tuples(st.integers(0, 2), st.integers(1, 7)),
            st.tuples(values, values, st.sampled_from(["UPDATE"] * 4 + ["DELETE"])),
            min_size=1,
            max_size=14,
        )
    )
    events = [(key, *content, sequence) for (key, sequence), content in made.items()]
    arriving = draw(st.permutations([*events, *draw(st.lists(st.sampled_from(events), max_size=3))]))
    cuts = sorted(draw(st.sets(st.integers(0, len(arriving)), max_size=2)))
    batches = [arriving[a:b] for a, b in zip([0, *cuts], [*cuts, len(arriving)], strict=True)]
    again = draw(st.integers(0, len(batches) - 1))
    batches.insert(draw(st.integers(again + 1, len(batches))), batches[again])
    return batches + [[]] * (ROUNDS - len(batches))


def rounds_of_all():
    """Documented and random feeds together, each with keys of its own: its batches are theirs."""
    examples = []

    @settings(
        max_examples=EXAMPLES, database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(random_rounds())
    def collect(batches):
        examples.append(batches)

    collect()
    rounds = documented_rounds()
    for number, batches in enumerate(examples):
        for i, batch in enumerate(batches):
            rounds[i] += [(RANDOM + 10 * number + key, *rest) for key, *rest in batch]
    return rounds


def expected(rows, mode):
    """What the oracle says of these rows, sorted as `Target.rows`."""
    events = [
        Event(key, sequence, {"name": name, "city": city}, delete=op == "DELETE", truncate=op == "TRUNCATE")
        for key, name, city, op, sequence in rows
    ]
    ignored = mode["partial"].of(["name", "city"]) if "partial" in mode else []
    if mode["scd_type"] == 1:
        found = [(key, v["name"], v["city"]) for key, v in newest(events, ignore_nulls=ignored).items()]
    else:
        untracked = ("city",) if "tracked" in mode else ()
        found = [
            (key, v["name"], v["city"], start, end)
            for key, v, start, end in history(events, untracked=untracked, ignore_nulls=ignored)
        ]
    return sorted(found, key=repr)


def after_all(spark, folder, mode, rounds):
    """What a target of this mode shows after all rounds, and all events that it got."""
    if "truncates" in mode:
        rounds = [rounds[0], [*rounds[1], TRUNCATE], *rounds[2:]]
    target = users(spark, folder, **mode)
    target.apply(rounds[0])
    if "truncates" in mode:
        with pytest.MonkeyPatch.context() as crash:  # between the merge of the rows and that of the truncation
            crash.setattr(scd1, "_remember", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                target.apply(rounds[1])
    for batch in rounds[1:]:
        target.apply(batch)
    return target.rows(), [row for batch in rounds for row in batch]


@pytest.fixture(scope="module")
def outcomes(spark, small_plans, tmp_path_factory):
    """What becomes of all modes, side by side: Spark plans a merge, which takes longest, on one core."""
    rounds = rounds_of_all()
    with ThreadPoolExecutor(max_workers=3) as threads:
        yield {
            name: threads.submit(after_all, spark, tmp_path_factory.mktemp("mode"), mode, rounds)
            for name, mode in MODES.items()
        }


@pytest.mark.shows(
    "The newest event of a key by `sequence_by` wins",
    "Type 1 ignores a late event; type 2 inserts it into the history",
    "Repeated events change nothing",
    "A NULL overwrites; with `ignore_null_updates`, the column keeps its value",
    "`ignore_null_updates_column_list` and `_except_column_list` select the columns",
    "`apply_as_truncates` removes all rows with a lower sequence",
    "The conditions of deletes and truncates see all columns of the source",
    "Type 2: `__START_AT` and `__END_AT` are sequences; the end is exclusive, and NULL in a current row",
    "Type 2: only a tracked column begins a version; others change in place",
    "Type 2: equal consecutive versions are one version",
    "The documented examples of types 1 and 2, with truncate and with an untracked column",
)
@pytest.mark.parametrize("name", MODES)
def test_any_order_split_and_replay_gives_the_documented_tables_and_those_of_the_oracle(outcomes, name):
    """Late, repeated and out-of-order events, deletes, any split, crashes, replays: as if all came once and in order.

    The platform's own examples are told apart by their keys, and compared with its documentation too.
    """
    found, events = outcomes[name].result()
    assert found == expected(events, MODES[name])
    if name in DOCUMENTED:
        examples = [row for row in found if row[0] < RANDOM]
        assert examples == sorted((row for copy in copies(DOCUMENTED[name]) for row in copy), key=repr)


@pytest.mark.shows(
    "Of two different events with one key and one sequence, either may win", "Repeated events change nothing"
)
def test_counts_of_a_batch(spark, tmp_path):
    """Type 1 counts keys by their newest event; type 2 counts events, each once; of a tie, one of the two wins."""
    one, two = users(spark, tmp_path), users(spark, tmp_path, scd_type=2)
    tie = [(200, "Eve", "Lima", "UPDATE", 7), (200, "Eve", "Quito", "UPDATE", 7)]
    assert one.apply([*FEED, *tie]) == {"num_upserted_rows": 4, "num_deleted_rows": 1}
    assert two.apply([*FEED, *tie]) == {"num_upserted_rows": 8, "num_deleted_rows": 1}
    assert two.apply([*FEED, *tie]) == {"num_upserted_rows": 0, "num_deleted_rows": 0}
    for target, added in ((one, ()), (two, (7, None))):
        assert [row for row in target.rows() if row[0] == 200] in [[(*row[:3], *added)] for row in tie]


@pytest.mark.shows(
    "A sequence has any type that sorts; structs compare field by field",
    "Type 2: `__START_AT` and `__END_AT` are sequences; the end is exclusive, and NULL in a current row",
)
def test_sequences_may_be_structs_and_keys_may_be_null(spark, tmp_path):
    """Structs compare field by field; a NULL key is a key like any other; odd column names are only names."""
    changes = Changes(("key",), F.struct("at", "n"), columns=ColumnSelector(but=("at", "n")), scd_type=2)
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


@pytest.mark.shows("`columns_to_update` is a column that lists the columns to change")
def test_columns_to_update_are_named_by_the_event(spark, tmp_path):
    """A named column takes the event's value, NULL too; the others keep theirs, also when events come late."""
    changes = Changes(
        ("id",),
        "seq",
        columns=ColumnSelector(but=("seq", "change")),
        partial=ColumnSelector(),
        columns_to_update="change",
    )
    target = Target(spark, tmp_path, "id INT, a STRING, b STRING, change ARRAY<STRING>, seq INT", changes)
    target.apply([(1, None, "old", ["a"], 3)])
    target.apply([(1, "a1", "b1", ["a", "b"], 1), (1, "x", "b2", ["b"], 2)])
    assert target.rows() == [(1, None, "b2")]


@pytest.mark.shows("`ignore_null_updates` also looks at the fields of structs")
def test_a_null_field_of_a_struct_leaves_that_field_alone(spark, tmp_path):
    """Where NULLs change nothing, that holds for each field of a struct, and for a struct as a whole."""
    columns, found = "id INT, home STRUCT<city: STRING, at: STRUCT<zip: STRING>>, seq INT", {}
    for scd_type in (1, 2):
        changes = Changes(
            ("id",), "seq", columns=ColumnSelector(but=("seq",)), partial=ColumnSelector(), scd_type=scd_type
        )
        target = Target(spark, tmp_path, columns, changes)
        target.apply([(1, ("Rome", None), 2), (2, None, 2)])
        target.apply([(1, None, 3), (1, ("Oslo", ("0150",)), 1)])
        found[scd_type] = target.rows()
    moved = ("Rome", ("0150",))
    assert found[1] == [(1, moved), (2, None)]
    assert found[2] == [(1, ("Oslo", ("0150",)), 1, 2), (1, moved, 2, None), (2, None, 2, None)]


@pytest.mark.shows("An event without a sequence is an error")
def test_an_event_without_a_sequence_fails_the_batch(spark, tmp_path):
    """The message shows the event; nothing of the batch is written, and it can come again, repaired."""
    target = users(spark, tmp_path)
    with pytest.raises(Exception, match=r"CDC_NULL_SEQUENCE.*has no sequence"):
        target.apply([(1, "a", "b", "INSERT", 1), (2, "lost", "b", "INSERT", None)])
    assert target.rows() == []
    target.apply([(1, "a", "b", "INSERT", 1), (2, "found", "b", "INSERT", 2)])
    assert target.rows() == [(1, "a", "b"), (2, "found", "b")]
