"""Load shapes: what a file of phases says becomes streams with the number of rows to send at any time."""

from fractions import Fraction
from pathlib import Path

import pytest

from loadgen.errors import LoadgenError
from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import read_shape, shape_of

SCALING = Path(__file__).parents[2] / "loadgen" / "phases" / "scaling.yml"
STREAMS = [{"type": "baseline", "count": 2, "rate": 10}]


def rates(shape):
    """Return the rows per second of all streams together, by phase."""
    return {
        phase.name: sum(one.due(phase.end) - one.due(phase.begin) for one in shape.streams)
        * SECOND
        / (phase.end - phase.begin)
        for phase in shape.phases
    }


def two(**second):
    """Return a file of two phases, the second of which says this."""
    first = {"name": "one", "from": "0m", "to": "1m", "streams": STREAMS}
    return {
        "duration": "3m",
        "phases": [first, {"name": "two", "from": "1m", "to": "3m", "streams": STREAMS, **second}],
    }


def test_the_scaling_benchmark_is_that_of_its_documents():
    """50,000 rows a second; 3 minutes with 3,000 more, 4 with 12,000 more; then 50,000 again, 15 minutes in all."""
    shape = read_shape(SCALING)
    assert rates(shape) == {"baseline": 50_000, "3x": 53_000, "9x": 62_000, "baseline again": 50_000}
    assert [phase.end // (60 * SECOND) for phase in shape.phases] == [3, 6, 10, 15]
    tables = [stream.table for stream in shape.streams]
    assert (tables[0], tables[49:]) == (
        "stream_table_001",
        ["stream_table_050", "stream_table_3x_scale", "stream_table_9x_scale"],
    )
    assert sum(stream.rows for stream in shape.streams) == 15 * 60 * 50_000 + 7 * 60 * 3_000 + 4 * 60 * 9_000


def test_time_is_compressed_and_rates_stay():
    """At 10x the phases take a tenth of the time, and the machine has to do as much in a second."""
    shape = read_shape(SCALING, speed=Fraction(10))
    assert (shape.end, rates(shape)["9x"]) == (90 * SECOND, 62_000)


def test_test_mode_has_five_streams_and_the_same_shape():
    """The other streams shrink as the baseline does."""
    shape = read_shape(SCALING, test_mode=True)
    assert rates(shape) == {"baseline": 5_000, "3x": 5_300, "9x": 6_200, "baseline again": 5_000}
    assert len(shape.streams) == 7


def test_a_stream_goes_on_where_its_last_phase_ended():
    """Its rows are numbered through; a phase without it is a pause."""
    pause = [{"type": "burst", "rate": 100}]
    shape = shape_of(two(streams=pause))
    baseline, burst = shape.streams[0], shape.streams[2]
    assert [baseline.due(at * SECOND) for at in (-1, 0, 6, 60, 120, 999)] == [0, 0, 60, 600, 600, 600]
    assert [burst.due(at * SECOND) for at in (0, 60, 61, 180, 999)] == [0, 0, 100, 12_000, 12_000]
    again = shape_of({"duration": "4m", "phases": [*two(streams=pause)["phases"], {"from": "3m", "streams": STREAMS}]})
    assert [again.streams[0].due(at * SECOND) for at in (180, 181, 240)] == [600, 610, 1200]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "it has no keys"),
        ({}, "phases is not a list"),
        ({"phases": []}, "phases is not a list"),
        ({"fases": []}, "fases is not a key\n\nHint: did you mean phases?"),
        ({"baseline_rat": 1, "phases": []}, "baseline_rat is not a key\n\nHint: did you mean baseline_rate?"),
        ({"seed": "x", "phases": []}, "seed 'x' is not a whole number"),
        ({"baseline_rate": -1, "phases": []}, "baseline_rate '-1' is not a whole number, 0 or more"),
        ({"duration": "-3m", "phases": [{}]}, "duration '-3m' is not a duration above 0"),
        ({"phases": ["x"]}, r"phases\[0\] has no keys"),
        (two(**{"from": "30s"}), r"phases\[1\] 'two' overlaps 'one', which ends at 1m"),
        (two(**{"from": "3m", "to": "2m"}), r"phases\[1\] 'two' goes backwards: from 3m to 2m"),
        (two(to="4m"), r"phases\[1\] 'two' ends after the duration of 3m"),
        (two(form="1m"), r"phases\[1\].form is not a key\n\nHint: did you mean from\?"),
        (two(streams=None), r"phases\[1\].streams is not a list"),
        (two(streams=[{"type": "a"}]), r"phases\[1\].streams\[0\] needs type and rate"),
        (two(streams=[{"type": "a", "rate": -5}]), r"streams\[0\].rate '-5' is not a whole number"),
        (two(streams=[{"type": "a", "rate": "scale_4x_rate"}]), "Hint: did you mean scale_[39]x_rate"),
        (two(streams=[{"type": "a", "rate": 1}] * 2), "has the type 'a' for a second time"),
        (two(streams=[{"type": "a", "rate": 1, "number": 2}]), r"streams\[0\].number is not a key"),
        (two(streams=[{"type": "it's", "rate": 1}]), r"streams\[0\].type 'it's' is not a name"),
        (two(name="one"), r"phases\[1\] has the name 'one' for a second time"),
        ({**two(), "table_prefix": "../x"}, "table_prefix '../x' is not a name"),
        ({**two(), "partitions": 0}, "partitions is below 1"),
        ({**two(), "seed": 2**63}, "seed above 9223372036854775807"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(document, said):
    """With the place in the file, and the nearest right key."""
    with pytest.raises(LoadgenError, match=said):
        shape_of(document)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "can't be read: No such file"), (b"a: [", "is no YAML"), (b"\xff", "is no YAML")]
)
def test_a_file_that_is_none_is_named(tmp_path, content, said):
    """What is wrong comes after the file's name."""
    file = tmp_path / "shape.yml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(LoadgenError, match=f"--phases {file}.*{said}"):
        read_shape(file)


@pytest.mark.parametrize(
    ("name", "per_second"),
    [
        ("ramp", [5_000, 10_000, 20_000, 40_000, 80_000, 160_000]),
        ("burst", [10_000, 100_000, 10_000, 100_000, 10_000]),
        ("sawtooth", [10_000, 30_000, 50_000] * 2),
        ("outage", [10_000, 0, 10_000]),
    ],
)
def test_other_shapes_are_data(name, per_second):
    """Each is a file beside that of the benchmark."""
    assert list(rates(read_shape(SCALING.with_name(f"{name}.yml"))).values()) == per_second
