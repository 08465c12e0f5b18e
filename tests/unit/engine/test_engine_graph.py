"""The order of a graph, its cycles and ancestors, against a plain model."""

from itertools import pairwise

import pytest
from airlock_orchestration.engine.graph import ancestors, find_cycle, topological
from hypothesis import given
from hypothesis import strategies as st

NAMES = [f"n{i}" for i in range(8)]
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4), max_size=8)


@st.composite
def dags(draw: st.DrawFn) -> dict[str, list[str]]:
    count = draw(st.integers(1, 12))
    edges = {f"n{i}": draw(st.lists(st.integers(0, i - 1), max_size=4)) if i else [] for i in range(count)}
    named = {name: [f"n{parent}" for parent in parents] for name, parents in edges.items()}
    return dict(draw(st.permutations(list(named.items()))))


@given(dags())
def test_a_dag_is_ordered_parents_first_and_has_no_cycle(edges: dict[str, list[str]]) -> None:
    order = topological(edges)
    assert sorted(order) == sorted(edges)
    position = {name: index for index, name in enumerate(order)}
    assert all(position[parent] < position[name] for name in edges for parent in edges[name])
    assert find_cycle(edges) is None


@given(dags())
def test_ancestors_are_the_parents_and_theirs(edges: dict[str, list[str]]) -> None:
    found = ancestors(edges)
    for name, parents in edges.items():
        assert found[name] == frozenset(parents).union(*(found[parent] for parent in parents))
        assert name not in found[name]


@given(GRAPHS)
def test_either_there_is_an_order_or_a_cycle_whose_edges_exist(edges: dict[str, list[str]]) -> None:
    cycle = find_cycle(edges)
    if cycle is None:
        assert len(topological(edges)) == len(edges)
        return
    assert cycle[0] == cycle[-1]
    assert len(set(cycle)) == len(cycle) - 1
    assert all(after in edges[before] for before, after in pairwise(cycle))
    with pytest.raises(ValueError, match=r"^the edges hold a cycle$"):
        topological(edges)


def test_nodes_that_are_ready_together_keep_their_order() -> None:
    assert topological({"c": [], "a": [], "b": ["a"]}) == ["c", "a", "b"]


def test_the_same_dependency_twice_counts_once_and_an_unknown_one_not_at_all() -> None:
    assert topological({"b": ["a", "a", "gone"], "a": []}) == ["a", "b"]


@pytest.mark.parametrize("size", [1000, 20_000])
def test_a_long_chain_does_not_recurse(size: int) -> None:
    chain = {f"n{i}": [f"n{i - 1}"] if i else [] for i in range(size)}
    backwards = dict(reversed(chain.items()))
    assert topological(backwards) == list(chain)
    assert find_cycle(backwards) is None
    ring = {**chain, "n0": [f"n{size - 1}"]}
    assert len(find_cycle(ring) or []) == size + 1


def test_a_wide_diamond_of_layers_is_quick() -> None:
    layers = {
        f"n{i}-{j}": [f"n{i - 1}-{k}" for k in range(20)] if i else [] for i in range(50) for j in range(20)
    }
    assert len(ancestors(layers)["n49-0"]) == 49 * 20
