"""Where the nodes of a DAG stand in a picture: in layers, with few crossings, the same for the same graph.

After Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures" (1981):
layers by the longest path, places within a layer by the barycentre of the neighbours, then positions. An edge
over several layers is given a place in each of them, so that it does not run through what stands there. Ties
are broken by the order of the nodes. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..engine.graph import topological

MAX_EDGES = 5_000
"""Of a picture: a megabyte of them, more than eyes can follow. Beyond that none is drawn: a workflow may have
140,000, which would be 20 MB and a second of computing."""
MAX_BENDS = 10_000
"""Places that edges have between their ends, all together; beyond that long edges run straight."""
_SWEEPS, _PATIENCE = 12, 2
"""Rounds of ordering, and how many of them in a row may bring nothing."""
_BEND = 0.35
"""How much room an edge takes between its neighbours in a layer; a node takes 1."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture's places, in units of a node's height with its gap."""

    layer: Mapping[str, int]
    place: Mapping[str, float]
    """How far down a node's middle is in its layer, from 0."""
    bends: Mapping[tuple[str, str], tuple[float, ...]]
    """Of each edge (from, to): where it passes the layers between. Empty for more than MAX_EDGES."""
    edges: int
    """How many there are."""
    layers: int
    height: float
    """Where the lowest middle is."""


def lay_out(edges: Mapping[str, Sequence[str]]) -> Layout:
    """Place the nodes of `{node: those that it depends on}`. Raises ValueError for a cycle."""
    layer = _layers(edges)
    graph = _Graph(edges, layer)
    graph.order()
    graph.position()
    return graph.layout()


def _layers(edges: Mapping[str, Sequence[str]]) -> dict[str, int]:
    layer: dict[str, int] = {}
    for name in topological(edges):
        layer[name] = max((layer[parent] + 1 for parent in edges[name] if parent in edges), default=0)
    return layer


class _Graph:
    """Points in layers: one for each node, and one for each layer that an edge passes."""

    def __init__(self, edges: Mapping[str, Sequence[str]], layer: Mapping[str, int]) -> None:
        self._names = list(edges)
        self._layer = layer
        self._rows: list[list[int]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
        self._before: list[list[int]] = []  # by point: its neighbours in the layer before, and behind
        self._behind: list[list[int]] = []
        self._room: list[float] = []
        self._paths: dict[tuple[str, str], list[int]] = {}
        point = {name: self._add(layer[name], 1.0) for name in self._names}
        known = [
            (parent, name) for name in self._names for parent in dict.fromkeys(edges[name]) if parent in edges
        ]
        self._edges = len(known)
        bends = sum(layer[to] - layer[start] - 1 for start, to in known)
        for start, to in known if len(known) <= MAX_EDGES else ():
            between = range(layer[start] + 1, layer[to]) if bends <= MAX_BENDS else ()
            path = [self._add(place, _BEND) for place in between]
            self._paths[start, to] = path
            if bends <= MAX_BENDS or layer[to] == layer[start] + 1:
                for a, b in pairwise([point[start], *path, point[to]]):
                    self._behind[a].append(b)
                    self._before[b].append(a)
        self._point = point
        self._place = [0.0] * len(self._room)

    def _add(self, layer: int, room: float) -> int:
        self._before.append([])
        self._behind.append([])
        self._room.append(room)
        self._rows[layer].append(len(self._room) - 1)
        return len(self._room) - 1

    def order(self) -> None:
        """Order each layer by the barycentre of its neighbours, down and up in turn; keep the best order."""
        best, least = [list(row) for row in self._rows], self._crossings()
        last_gain = 0
        for sweep in range(_SWEEPS):
            if not least or sweep - last_gain > _PATIENCE:
                break
            down = sweep % 2 == 0
            rows = self._rows[1:] if down else self._rows[-2::-1]
            neighbours = self._before if down else self._behind
            index = {point: at for row in self._rows for at, point in enumerate(row)}
            for row in rows:
                self._sort(row, neighbours, index)
            if (crossings := self._crossings()) < least:
                best, least, last_gain = [list(row) for row in self._rows], crossings, sweep
        self._rows = best

    def _sort(self, row: list[int], neighbours: list[list[int]], index: dict[int, int]) -> None:
        weights = {
            point: sum(index[other] for other in neighbours[point]) / len(neighbours[point])
            if neighbours[point]
            else float(index[point])
            for point in row
        }
        row.sort(key=lambda point: (weights[point], index[point]))
        index.update({point: at for at, point in enumerate(row)})

    def _crossings(self) -> int:
        """How many pairs of edges cross between neighbouring layers: inversions, by a Fenwick tree."""
        count = 0
        for row, behind in pairwise(self._rows):
            at = {point: place for place, point in enumerate(behind)}
            tree = [0] * (len(behind) + 1)
            seen = 0
            for point in row:
                ends = sorted(at[other] for other in self._behind[point])
                for end in ends:
                    count += seen - _sum(tree, end + 1)
                for end in ends:
                    _add(tree, end + 1)
                seen += len(ends)
        return count

    def position(self) -> None:
        """Give each point a place as near as may be to its neighbours, in the order of its layer."""
        for row in self._rows:
            self._spread(row, [0.0] * len(row))
        rounds = [(self._rows[1:], self._before), (self._rows[-2::-1], self._behind)] * 3
        for rows, neighbours in rounds:
            for row in rows:
                wanted = [
                    sum(self._place[other] for other in neighbours[point]) / len(neighbours[point])
                    if neighbours[point]
                    else self._place[point]
                    for point in row
                ]
                self._spread(row, wanted)
        top = min(self._place, default=0.0)
        self._place = [place - top for place in self._place]

    def _spread(self, row: list[int], wanted: list[float]) -> None:
        """The places nearest to those wanted, by least squares, that leave each point its room.

        With the room taken off the places need only not fall: isotonic regression, by pooling neighbours.
        """
        offset, offsets = 0.0, []
        for at, point in enumerate(row):
            if at:
                offset += (self._room[row[at - 1]] + self._room[point]) / 2
            offsets.append(offset)
        pools: list[tuple[float, int]] = []
        for want, off in zip(wanted, offsets, strict=True):
            total, count = want - off, 1
            while pools and pools[-1][0] / pools[-1][1] >= total / count:
                before, members = pools.pop()
                total, count = total + before, count + members
            pools.append((total, count))
        at = 0
        for total, count in pools:
            for _ in range(count):
                self._place[row[at]] = total / count + offsets[at]
                at += 1

    def layout(self) -> Layout:
        return Layout(
            layer=self._layer,
            place={name: round(self._place[self._point[name]], 3) for name in self._names},
            bends={
                edge: tuple(round(self._place[point], 3) for point in path)
                for edge, path in self._paths.items()
            },
            edges=self._edges,
            layers=len(self._rows),
            height=round(max(self._place, default=0.0), 3),
        )


def _sum(tree: list[int], to: int) -> int:
    total = 0
    while to:
        total += tree[to]
        to &= to - 1
    return total


def _add(tree: list[int], at: int) -> None:
    while at < len(tree):
        tree[at] += 1
        at += at & -at
