"""Where nodes stand in a picture: layers, few crossings, room for each, and edges around the boxes."""

import random
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest
from airlock_orchestration.pictures.layout import MAX_BENDS, Layout, lay_out
from hypothesis import given
from hypothesis import strategies as st

Edges = dict[str, list[str]]


@st.composite
def dags(draw: st.DrawFn) -> Edges:
    """A DAG whose nodes depend on earlier ones."""
    size = draw(st.integers(1, 24))
    return {
        f"n{at}": [f"n{parent}" for parent in draw(st.sets(st.integers(0, at - 1), max_size=4))] if at else []
        for at in range(size)
    }


def by_layer(layout: Layout) -> list[list[str]]:
    """The nodes of each layer, from the top."""
    rows: list[list[str]] = [[] for _ in range(layout.layers)]
    for name in sorted(layout.place, key=lambda one: layout.place[one]):
        rows[layout.layer[name]].append(name)
    return rows


@given(dags())
def test_each_node_stands_one_layer_behind_its_deepest_parent(edges: Edges) -> None:
    layer = lay_out(edges).layer
    for name, parents in edges.items():
        assert layer[name] == max((layer[parent] + 1 for parent in parents), default=0)


@given(dags())
def test_no_two_nodes_of_a_layer_overlap_and_none_is_crossed_by_an_edge(edges: Edges) -> None:
    layout = lay_out(edges)
    for row in by_layer(layout):
        for above, below in pairwise(row):
            assert layout.place[below] - layout.place[above] >= 1 - 0.002
    for (start, to), bends in layout.bends.items():
        assert len(bends) == layout.layer[to] - layout.layer[start] - 1
        for layer, place in enumerate(bends, layout.layer[start] + 1):
            for name in edges:
                if layout.layer[name] == layer:
                    assert abs(layout.place[name] - place) >= 0.67  # half a box, half an edge's room


@given(dags())
def test_the_same_graph_is_laid_out_the_same_and_within_its_height(edges: Edges) -> None:
    layout = lay_out(edges)
    assert layout == lay_out(dict(edges))
    places = [*layout.place.values(), *(place for bends in layout.bends.values() for place in bends)]
    assert min(places) == 0
    assert max(places) == pytest.approx(layout.height, abs=0.002)


def test_a_diamond_is_drawn_without_a_crossing_whatever_the_order_of_its_nodes() -> None:
    edges: Edges = {"a": [], "b": [], "x": ["b"], "y": ["a"], "z": ["x", "y"]}
    layout = lay_out(edges)
    assert (layout.place["a"] < layout.place["b"]) == (layout.place["y"] < layout.place["x"])
    assert layout.place["z"] == pytest.approx(0.5)


def test_a_child_stands_beside_its_only_parent() -> None:
    edges: Edges = (
        {"root": []} | {f"b{n}": ["root"] for n in range(5)} | {f"c{n}": [f"b{n}"] for n in range(5)}
    )
    layout = lay_out(edges)
    assert all(layout.place[f"b{n}"] == layout.place[f"c{n}"] for n in range(5))
    assert layout.place["root"] == 2.0


def test_a_thousand_nodes_are_laid_out_within_two_seconds_also_with_many_long_edges(
    processor_seconds: Callable[[Callable[[], object]], float],
) -> None:
    chance = random.Random(7)
    wide: Edges = {
        f"n{at}": [f"n{parent}" for parent in sorted(chance.sample(range(at), min(at, 3)))]
        for at in range(1000)
    }
    near: Edges = {
        f"n{at}": [f"n{p}" for p in sorted(chance.sample(range(max(0, at - 50), at), min(at, 3)))]
        for at in range(1000)
    }
    chain: Edges = {f"n{at}": [f"n{at - 1}"] if at else [] for at in range(1000)}
    for edges in (wide, near, chain):
        assert processor_seconds(partial(lay_out, edges)) < 2
        assert sum(map(len, lay_out(edges).bends.values())) <= MAX_BENDS
