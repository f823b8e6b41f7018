"""The picture of a run: the rates in it, and what can be read from it."""

import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from loadgen.errors import LoadgenError
from loadgen.phases.shape import SECOND
from loadgen.phases.shape_file import shape_of
from loadgen.report.picture import draw, mean_seconds, rates, target_steps

BASELINE = {"type": "baseline", "count": 10, "rate": 1000}
SHAPE = shape_of(
    {
        "duration": "3m",
        "phases": [
            {"name": "calm & quiet", "from": "0s", "to": "90s", "streams": [BASELINE]},
            {"name": "$5 to $6", "from": "90s", "to": "3m", "streams": [{**BASELINE, "rate": 2000}]},
        ],
    }
)
MOMENTS = range(181)


def samples(sent, moments=MOMENTS):
    """Return the samples of a run of the shape, in which what was due at a time of their own was sent at these."""
    due = [sum(stream.due(second * SECOND) for stream in SHAPE.streams) for second in range(182)]
    return [{"at": at, "due_rows": due[at], "sent_rows": due[sent(at)], "lag_seconds": at - sent(at)} for at in moments]


def texts(file):
    """Return the texts of an SVG file."""
    return ["".join(text.itertext()) for text in ET.parse(file).iter() if text.tag.endswith("}text")]  # noqa: S314 (our own file)


def around(second, at, values):
    """Return the value at a second."""
    return float(np.interp(second, at, values))


def test_rates_are_those_of_the_load():
    """Rows per second of each phase; also at the run's both ends."""
    at, due, sent = rates(samples(lambda second: second))
    for second in (at[0], 10, 60, 80):
        assert around(second, at, due) == pytest.approx(10_000)
    for second in (100, 150, at[-1]):
        assert around(second, at, due) == pytest.approx(20_000)
    assert around(90, at, due) == pytest.approx(15_000, rel=0.01)
    assert sent.tolist() == due.tolist()


def test_an_outage_is_a_hole_and_a_peak():
    """Nothing arrives from 30 s to 60 s; then all that has waited within some seconds."""
    at, due, sent = rates(samples(lambda second: 30 if 30 <= second < 60 else second))
    assert {around(second, at, sent) for second in (36, 45, 53)} == {0}
    assert max(sent) > 5 * 10_000
    assert around(20, at, sent) == around(20, at, due) == around(75, at, sent) == pytest.approx(10_000)


@pytest.mark.parametrize("block", [2, 10])
def test_a_target_that_takes_large_blocks_does_not_seem_to_stop_between_them(block):
    """A rate is a mean over several of them."""
    run = samples(lambda second: second // block * block)
    at, _, sent = rates(run)
    assert mean_seconds(run) == 6 * block
    steady = sent[(at > 3 * block) & (at < 85 - 3 * block)]
    assert steady.min() > 9_300
    assert steady.max() < 10_700


@pytest.mark.parametrize("run", [[], samples(lambda second: second, [7]), samples(lambda second: second, [7, 7])])
def test_a_run_in_which_no_time_passed_has_no_rates(run, tmp_path):
    """It was stopped at once; its picture has the phases."""
    assert [len(values) for values in rates(run)] == [0, 0, 0]
    draw(tmp_path / "run.svg", SHAPE, run)
    assert "$5 to $6" in texts(tmp_path / "run.svg")


def test_an_svg_says_in_text_what_is_shown(tmp_path):
    """Names of phases, units and totals; freshness when there is a pipeline."""
    run = samples(lambda second: second)
    draw(tmp_path / "run.svg", SHAPE, run)
    found = texts(tmp_path / "run.svg")
    assert {
        "calm & quiet",
        "$5 to $6",
        "rows/s (actual: mean over 6 s)",
        "lag (s)",
        "target rate",
        "actual rate",
        "20,000",
        "time since the start of the run (minutes:seconds)",
        "1:30",
        "3:00",
        "Load: 2,700,000 of 2,700,000 rows sent in 3:00 minutes",
    } <= set(found)
    assert "freshness (s)" not in found
    draw(tmp_path / "run.svg", SHAPE, run, [(10.0, 2.5), (20.0, 3.5)])
    assert "freshness (s)" in texts(tmp_path / "run.svg")


def test_a_peak_that_is_higher_than_the_panel_is_said(tmp_path):
    """The axis is for the targets; what catches up may be far above them."""
    draw(tmp_path / "run.svg", SHAPE, samples(lambda second: 30 if 30 <= second < 60 else second))
    assert "up to 96,000 rows/s" in texts(tmp_path / "run.svg")


def test_a_png_is_drawn_by_its_suffix(tmp_path):
    """And written over an older one; a file that can't be written is an OSError."""
    (tmp_path / "run.png").write_text("old")
    draw(tmp_path / "run.png", SHAPE, samples(lambda second: second))
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OSError, match="gone"):
        draw(tmp_path / "gone" / "run.png", SHAPE, [])


@pytest.mark.parametrize("ends", [range(1, 13), [1, 2, 3, 4, 5, 100, 101, 102, 103, 104, 105, 106]])
def test_long_names_of_many_phases_do_not_overlap(tmp_path, ends):
    """They slant, in lines that are further apart than a letter is high, also when phases are short."""
    names = [f"phase {number} with a long name" for number in range(12)]
    phases = [
        {"name": name, "from": f"{begin}s", "to": f"{end}s", "streams": [BASELINE]}
        for name, begin, end in zip(names, [0, *ends], ends, strict=False)
    ]
    draw(tmp_path / "run.svg", shape_of({"duration": "1h", "phases": phases}), [])
    places = {}
    for text in ET.parse(tmp_path / "run.svg").iter():  # noqa: S314 (our own file)
        name = "".join(text.itertext())
        if text.tag.endswith("}text") and name in names:
            found = re.search(r"rotate\(-35 ([\d.]+) ([\d.]+)\)", text.get("transform"))
            places[name] = tuple(float(number) for number in found.groups())
    assert list(places) == names
    distances = np.diff([x for x, _ in places.values()])
    assert min(distances) * np.sin(np.radians(35)) > 12
    assert len({y for _, y in places.values()}) == 1


def test_without_matplotlib_an_error_says_what_to_install(tmp_path, monkeypatch):
    """It is optional; a run goes on without a picture."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        LoadgenError, match=r"^No picture was drawn: matplotlib is missing\.\n\nHint: pip install matplotlib$"
    ):
        draw(tmp_path / "run.png", SHAPE, [])


def test_a_run_without_a_picture_does_not_load_matplotlib():
    """It takes a second, and may not be installed."""
    code = "import sys, loadgen.report.picture; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_target_is_drawn_as_it_is():
    """In steps, not smoothed: that is what the actual rate is compared with."""
    streams = [{"type": "baseline", "count": 2, "rate": 10}]
    phases = [
        {"from": "0s", "to": "10s", "streams": streams},
        {"from": "10s", "to": "15s", "streams": [{**streams[0], "rate": 30}]},
        {"from": "20s", "to": "30s", "streams": streams},
    ]
    assert target_steps(shape_of({"duration": "30s", "phases": phases})) == ([0, 10, 15, 20, 30], [20, 60, 0, 20, 0])
