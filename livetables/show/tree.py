"""The graph of a pipeline as a tree for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from livetables.errors import count

if TYPE_CHECKING:
    from livetables.graph.graph import Graph


def graph_tree(graph: Graph) -> Tree:
    """Return the datasets as a tree: each below its input, or below the last of several inputs."""
    root = Tree(Text("pipeline", style="bold"))
    nodes: dict[str, Tree] = {}
    for key, dataset in graph.datasets.items():
        label = Text.assemble((dataset.name, "bold"), f"  {dataset.kind}, {count(len(dataset.schema), 'column')}")
        if len(dataset.inputs) > 1:
            label.append(f", reads {', '.join(graph.datasets[name].name for name in dataset.inputs)}", style="dim")
        parent = nodes[dataset.inputs[-1]] if dataset.inputs else root
        nodes[key] = parent.add(label)
    return root
