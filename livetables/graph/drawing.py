"""The graph of a pipeline as SVG, for documents and pages, and as plain data."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from livetables.errors import count

if TYPE_CHECKING:
    from livetables.graph.graph import Graph, ResolvedDataset

_BOX_WIDTH, _BOX_HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 220, 44, 70, 22, 16
_COLOURS = {"streaming table": "#1f6feb", "materialized view": "#8250df", "view": "#6e7781"}


def graph_document(graph: Graph) -> dict[str, Any]:
    """Return the graph as plain data: datasets with kind, columns, inputs, flows, expectations, location."""
    return {
        "datasets": [
            {
                "name": dataset.name,
                "kind": dataset.kind,
                "columns": [{"name": f.name, "type": f.dataType.simpleString()} for f in dataset.schema],
                "inputs": [graph.datasets[key].name for key in dataset.inputs],
                "external_inputs": sorted({name for flow in dataset.flows for name in flow.external_inputs}),
                "flows": [flow.name for flow in dataset.flows],
                "expectations": [
                    {"name": rule.name, "predicate": str(rule.predicate), "action": rule.action.value}
                    for rule in getattr(dataset.definition, "expectations", ())
                ],
                "file": dataset.definition.location.file,
                "line": dataset.definition.location.line,
            }
            for dataset in graph.datasets.values()
        ]
    }


def layers_of(graph: Graph) -> dict[str, int]:
    """Return the layer of each dataset: 0 without inputs, otherwise one more than its deepest input."""
    layer: dict[str, int] = {}
    for key, dataset in graph.datasets.items():
        layer[key] = max((layer[name] + 1 for name in dataset.inputs), default=0)
    return layer


def graph_svg(graph: Graph) -> str:
    """Return the graph as an SVG document, layers from left to right, inputs close to their readers."""
    layer = layers_of(graph)
    positions = _positions(graph, layer)
    width = _MARGIN * 2 + (max(layer.values(), default=0) + 1) * (_BOX_WIDTH + _GAP_X) - _GAP_X
    rows = max((row for _, row in positions.values()), default=0.0) + 1
    height = _MARGIN * 2 + rows * (_BOX_HEIGHT + _GAP_Y) - _GAP_Y
    size = f'width="{width:g}" height="{height:g}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:g} {height:g}" font-family="sans-serif">',
        f'<rect {size} fill="#ffffff"/>',
    ]
    parts += [
        _edge(_corner(*positions[name]), _corner(*positions[key]))
        for key, dataset in graph.datasets.items()
        for name in dataset.inputs
    ]
    parts += [_box(dataset, *_corner(*positions[key])) for key, dataset in graph.datasets.items()]
    return "\n".join([*parts, "</svg>", ""])


def _positions(graph: Graph, layer: dict[str, int]) -> dict[str, tuple[int, float]]:
    """Return (layer, row) per dataset: the free row that is nearest to the mean row of its inputs."""
    positions: dict[str, tuple[int, float]] = {}
    for column in range(max(layer.values(), default=-1) + 1):
        here = [key for key in graph.datasets if layer[key] == column]
        wanted = {key: _mean([positions[name][1] for name in graph.datasets[key].inputs]) for key in here}
        taken = -1.0
        for key in sorted(here, key=lambda key: wanted[key]):
            taken = max(taken + 1, wanted[key])
            positions[key] = (column, taken)
    return positions


def _mean(rows: list[float]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


def _corner(column: int, row: float) -> tuple[float, float]:
    return _MARGIN + column * (_BOX_WIDTH + _GAP_X), _MARGIN + row * (_BOX_HEIGHT + _GAP_Y)


def _edge(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1 = start[0] + _BOX_WIDTH, start[1] + _BOX_HEIGHT / 2
    x2, y2 = end[0], end[1] + _BOX_HEIGHT / 2
    bend = (x2 - x1) / 2
    return (
        f'<path d="M{x1:g},{y1:g} C{x1 + bend:g},{y1:g} {x2 - bend:g},{y2:g} {x2 - 5:g},{y2:g}" fill="none" '
        f'stroke="#8c959f" stroke-width="1.5"/><path d="M{x2 - 7:g},{y2 - 4:g} l7,4 l-7,4 z" fill="#8c959f"/>'
    )


def _box(dataset: ResolvedDataset, x: float, y: float) -> str:
    colour = _COLOURS[dataset.kind]
    dash = ' stroke-dasharray="4 3"' if dataset.kind == "view" else ""
    rules = len(getattr(dataset.definition, "expectations", ()))
    below = dataset.kind + (f" · {count(rules, 'expectation')}" if rules else "")
    return (
        f'<g><title>{escape(dataset.name)}</title><rect x="{x:g}" y="{y:g}" width="{_BOX_WIDTH}" '
        f'height="{_BOX_HEIGHT}" rx="6" fill="#f6f8fa" stroke="{colour}" stroke-width="1.5"{dash}/>'
        f'<text x="{x + 12:g}" y="{y + 19:g}" font-size="13" font-weight="600" fill="#1f2328">'
        f"{escape(dataset.name)}</text>"
        f'<text x="{x + 12:g}" y="{y + 35:g}" font-size="11" fill="{colour}">{escape(below)}</text></g>'
    )
