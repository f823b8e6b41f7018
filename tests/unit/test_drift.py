"""What `tests.drift` writes is what it says: the tests of drifting sources rest on its account."""

import gzip
import json
import zlib

import pytest

from tests.drift import Drift

COLUMNS = {"id", "device_id", "temperature", "humidity", "event_time", "site"}


@pytest.fixture
def steps(tmp_path):
    """A scenario in an empty folder."""
    return Drift(tmp_path, seed=1)


def only(steps):
    """Return the rows in the only file of a folder that readers see."""
    [file] = [entry for entry in steps.folder.iterdir() if not entry.name.startswith(".")]
    assert [file.name] == list(steps.files)
    return [json.loads(line) for line in file.read_text().splitlines()]


def whole(steps):
    """Do every step, each function that it returns too."""
    for step in (
        steps.plain,
        steps.new_column,
        steps.changed_type,
        steps.nested_field,
        steps.mis_cased,
        steps.corrupt,
        steps.truncated,
        steps.empty,
        steps.half_written,
        steps.overwritten,
        steps.deleted,
        steps.plain,
    ):
        then = step()
        if then is not None:
            then()


def test_plain_rows_have_the_columns_of_the_sensors_and_a_site(steps):
    """What follows differs from plain rows in one thing each."""
    steps.plain()
    rows = only(steps)
    assert [COLUMNS] * 3 == [set(row) for row in rows]
    assert [{"room"}] * 3 == [set(row["site"]) for row in rows]
    assert all(isinstance(row["temperature"], float) for row in rows)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("new_column", lambda row: set(row) - COLUMNS == {"battery"} and isinstance(row["battery"], int)),
        ("changed_type", lambda row: set(row) == COLUMNS and row["temperature"] in ("hot", "21.5")),
        ("nested_field", lambda row: set(row) == COLUMNS and set(row["site"]) == {"room", "floor"}),
        ("mis_cased", lambda row: set(row) ^ COLUMNS == {"temperature", "Temperature"}),
    ],
)
def test_a_step_of_drift_changes_one_thing(steps, step, expected):
    """A test that finds something missing knows from the step's name what it was."""
    getattr(steps, step)()
    assert [True] * 3 == [expected(row) for row in only(steps)]


def test_the_kind_of_a_line_tells_the_two_changed_types_apart(steps):
    """The word hot fits no number, 21.5 in quotes does: what becomes of them may differ."""
    steps.changed_type()
    said = {line.kind: json.loads(line.text)["temperature"] for line in steps.expected()}
    assert {"text_temperature": "hot", "quoted_temperature": "21.5"} == said


def test_rubbish_and_an_empty_file_hold_no_line(steps):
    """Nothing is expected of them; the files are named all the same."""
    steps.corrupt()
    steps.empty()
    assert ((), {"001-corrupt.json": "corrupt", "002-empty.json": "empty"}) == (steps.expected(), steps.files)
    with pytest.raises(UnicodeDecodeError):
        (steps.folder / "001-corrupt.json").read_text(encoding="utf-8")
    assert b"" == (steps.folder / "002-empty.json").read_bytes()


def test_a_truncated_archive_begins_well_and_cannot_be_read_to_its_end(steps):
    """The second half is missing; its lines are in the account."""
    steps.truncated()
    data = (steps.folder / "001-truncated.json.gz").read_bytes()
    with pytest.raises(EOFError):
        gzip.decompress(data)
    whole_text = "".join(f"{line.text}\n" for line in steps.expected()).encode()
    assert whole_text.startswith(zlib.decompressobj(wbits=31).decompress(data))
    assert 3 == len(steps.expected())


def test_a_half_written_file_ends_within_a_line_until_it_is_finished(steps):
    """A reader that comes too early sees half of the last line; later it is all there."""
    finish = steps.half_written()
    file = steps.folder / "001-half_written.json"
    early = file.read_text()
    *complete, last = early.splitlines()
    texts = [line.text for line in steps.expected()]
    assert texts[:-1] == complete
    assert texts[-1].startswith(last)
    assert 0 < len(last) < len(texts[-1])
    finish()
    assert [json.loads(text) for text in texts] == only(steps)


def test_an_overwritten_file_holds_other_lines_and_the_account_has_both(steps):
    """The first lines are of kind overwritten, those in their place of kind overwriting, of the same step and file."""
    again = steps.overwritten()
    first = only(steps)
    steps.plain()
    again()
    second = [json.loads(line) for line in (steps.folder / "001-overwritten.json").read_text().splitlines()]
    by_kind = {kind: [x for x in steps.expected() if x.kind == kind] for kind in ("overwritten", "overwriting")}
    assert [first, second] == [[json.loads(x.text) for x in lines] for lines in by_kind.values()]
    assert {(1, "001-overwritten.json")} == {(x.step, x.file) for lines in by_kind.values() for x in lines}


def test_a_deleted_file_is_there_until_it_is_deleted(steps):
    """Its lines stay in the account."""
    delete = steps.deleted()
    assert 3 == len(only(steps))
    delete()
    assert ([], 3) == (list(steps.folder.iterdir()), len(steps.expected()))


def test_every_line_of_a_whole_scenario_has_an_id_of_its_own(steps):
    """A test finds each line again by its id; what is in the files is in the account, once."""
    whole(steps)
    ids = [line.id for line in steps.expected()]
    assert (len(ids), list(range(1, 13))) == (len(set(ids)), [int(name[:3]) for name in steps.files])
    assert ids == [json.loads(line.text)["id"] for line in steps.expected()]
    assert sorted(set(range(1, 13)) - {6, 8}) == sorted({line.step for line in steps.expected()})


def test_equal_seeds_give_equal_files(tmp_path):
    """A failure can be made again; another seed gives other rows."""
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        whole(Drift(tmp_path / name, seed))
        made.append({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()})
    assert made[0] == made[1]
    assert made[0].keys() == made[2].keys()
    assert made[0] != made[2]
