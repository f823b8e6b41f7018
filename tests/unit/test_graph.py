"""The checked graph: its order, what is stored, and how it is drawn."""

import json
import xml.etree.ElementTree as ET
from io import StringIO

import pytest
from pyspark.sql.types import LongType, StructField, StructType
from rich.console import Console

from livetables.graph.drawing import graph_document, graph_svg
from livetables.graph.graph import Graph
from livetables.model import Action, Expectation, MaterializedView, StreamingTable, View
from livetables.show.tree import graph_tree
from tests.unit.builders import dataset, medallion

SVG = "{http://www.w3.org/2000/svg}"


def diamond():
    """Build a graph in which `top` reaches `bottom` over two ways; the names need escaping."""
    rules = (Expectation("r", "id > 0", Action.DROP),)
    return Graph.of(
        [
            dataset(StreamingTable, "top", schema=StructType([StructField("id", LongType())]), expectations=rules),
            dataset(View, "left & <right>", "top"),
            dataset(MaterializedView, 'a "quoted" name', "top"),
            dataset(MaterializedView, "bottom", "left & <right>", 'a "quoted" name'),
            dataset(MaterializedView, "alone"),
        ]
    )


def test_every_dataset_comes_after_those_it_reads():
    """Whatever the order of the files."""
    assert list(medallion().datasets) == ["bronze", "cleaned", "silver", "gold"]


def test_independent_datasets_stay_in_the_order_of_their_definition():
    """People find them where they wrote them."""
    graph = Graph.of([dataset(StreamingTable, name) for name in ("z", "a", "m")])
    assert list(graph.datasets) == ["z", "a", "m"]


def test_a_dataset_that_reads_itself_or_a_circle_ends():
    """A circle is reported elsewhere; ordering must not hang on it."""
    graph = Graph.of([dataset(View, "a", "b"), dataset(View, "b", "a"), dataset(View, "c", "c")])
    assert set(graph.datasets) == {"a", "b", "c"}


@pytest.mark.shows("A view is not stored")
def test_tables_are_the_stored_datasets():
    """A view is evaluated by its readers."""
    assert [table.name for table in medallion().tables] == ["bronze", "Silver", "gold"]


@pytest.mark.parametrize(
    ("key", "inputs"), [("bronze", ()), ("cleaned", ("bronze",)), ("silver", ("bronze",)), ("gold", ("silver",))]
)
def test_stored_inputs_are_found_through_views(key, inputs):
    """A flow waits for tables; a view in between has nothing to wait for."""
    assert medallion().stored_inputs(key) == inputs


@pytest.mark.parametrize(
    ("keys", "reached"),
    [
        (["bronze"], {"cleaned", "silver", "gold"}),
        (["silver"], {"gold"}),
        (["gold"], set()),
        ([], set()),
        (["bronze", "silver"], {"cleaned", "gold"}),
    ],
)
def test_downstream_is_everything_that_depends_on_a_dataset(keys, reached):
    """Also over several steps, and through views; without the datasets themselves."""
    assert medallion().downstream(keys) == reached


@pytest.mark.parametrize("graph", [medallion(), diamond(), Graph({})])
def test_the_picture_names_every_dataset_and_has_an_edge_per_input(graph):
    """It is well-formed XML, also with names that XML has to escape."""
    root = ET.fromstring(graph_svg(graph))  # noqa: S314 (our own text)
    titles = [title.text for title in root.iter(f"{SVG}title")]
    edges = [path for path in root.iter(f"{SVG}path") if path.get("fill") == "none"]
    assert titles == [d.name for d in graph.datasets.values()]
    assert len(edges) == sum(len(d.inputs) for d in graph.datasets.values())


@pytest.mark.parametrize("graph", [medallion(), diamond()])
def test_boxes_lie_inside_the_picture_and_apart(graph):
    """Inputs are left of their readers, and no box covers another."""
    root = ET.fromstring(graph_svg(graph))  # noqa: S314 (our own document)
    boxes = {
        group.find(f"{SVG}title").text: [float(group.find(f"{SVG}rect").get(k)) for k in ("x", "y", "width", "height")]
        for group in root.iter(f"{SVG}g")
    }
    width, height = float(root.get("width")), float(root.get("height"))
    outside = [name for name, (x, y, w, h) in boxes.items() if not (0 <= x <= width - w and 0 <= y <= height - h)]
    locations = list(boxes.values())
    covered = [
        (a, b)
        for i, a in enumerate(locations)
        for b in locations[:i]
        if abs(a[0] - b[0]) < a[2] and abs(a[1] - b[1]) < a[3]
    ]
    backwards = [
        d.name
        for d in graph.datasets.values()
        for key in d.inputs
        if boxes[graph.datasets[key].name][0] >= boxes[d.name][0]
    ]
    assert (outside, covered, backwards) == ([], [], [])


def test_the_picture_counts_the_rules():
    """One rule is an expectation, two are expectations."""
    texts = [text.text for text in ET.fromstring(graph_svg(diamond())).iter(f"{SVG}text")]  # noqa: S314 (our own document)
    assert "streaming table · 1 expectation" in texts


def test_the_tree_shows_each_dataset_once_under_what_it_reads():
    """One that reads several says which."""
    out = StringIO()
    Console(file=out, width=200).print(graph_tree(diamond()))
    lines = [line.strip("│├└─ ") for line in out.getvalue().splitlines()]
    assert lines == [
        "pipeline",
        "top  streaming table, 1 column",
        "left & <right>  view, 0 columns",
        'a "quoted" name  materialized view, 0 columns',
        'bottom  materialized view, 0 columns, reads left & <right>, a "quoted" name',
        "alone  materialized view, 0 columns",
    ]


def test_the_document_has_everything_that_a_program_needs():
    """`livetables graph --json` is stable data: names, kinds, columns, inputs, rules and places."""
    document = json.loads(json.dumps(graph_document(diamond())))
    assert document["datasets"][0] == {
        "name": "top",
        "kind": "streaming table",
        "columns": [{"name": "id", "type": "bigint"}],
        "inputs": [],
        "external_inputs": [],
        "flows": ["top"],
        "file": "pipeline.py",
        "line": 1,
        "expectations": [{"name": "r", "predicate": "id > 0", "action": "drop"}],
    }
    assert [(d["name"], d["inputs"]) for d in document["datasets"][1:]] == [
        ("alone", []),
        ("left & <right>", ["top"]),
        ('a "quoted" name', ["top"]),
        ("bottom", ["left & <right>", 'a "quoted" name']),
    ]
