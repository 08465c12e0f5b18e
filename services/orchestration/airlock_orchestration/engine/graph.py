"""Questions about a directed graph of names: its order, its cycles, who stands before whom.

Edges are given as `{name: names that it depends on}`. A dependency that is no key of the mapping is
ignored here: saying that it is unknown is the business of `checks`. Nothing recurses, so a chain as long
as a workflow may be is as good as any other graph, and the same edges always give the same answer.
"""

from collections import deque
from collections.abc import Iterable, Mapping

Edges = Mapping[str, Iterable[str]]


def find_cycle(edges: Edges) -> list[str] | None:
    """Return one cycle as the names along it, the first repeated at its end, or None.

    Each name depends on the next: `["a", "b", "a"]` says that a depends on b and b on a.
    """
    parents = _known(edges)
    done: set[str] = set()
    for start in parents:
        path: list[str] = []
        on_path: dict[str, int] = {}
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                del on_path[name]
                done.add(name)
            elif name in on_path:
                return [*path[on_path[name] :], name]
            elif name not in done:
                on_path[name] = len(path)
                path.append(name)
                stack.append((name, True))
                stack.extend((parent, False) for parent in reversed(parents[name]))
    return None


def topological(edges: Edges) -> list[str]:
    """Order the names so that each stands behind all that it depends on.

    Among names that are ready at the same time the order of `edges` is kept. Raises ValueError for a cycle.
    """
    parents = _known(edges)
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name, its_parents in parents.items():
        for parent in its_parents:
            children[parent].append(name)
    missing = {name: len(its_parents) for name, its_parents in parents.items()}
    ready = deque(name for name, count in missing.items() if count == 0)
    order: list[str] = []
    while ready:
        name = ready.popleft()
        order.append(name)
        for child in children[name]:
            missing[child] -= 1
            if missing[child] == 0:
                ready.append(child)
    if len(order) < len(parents):
        raise ValueError("the edges hold a cycle")
    return order


def ancestors(edges: Edges) -> dict[str, frozenset[str]]:
    """Return for each name all names that it depends on, directly or through others.

    Raises ValueError for a cycle. Takes memory of names times ancestors: a chain of 1,000 is half a
    million entries, the most that a workflow can ask for.
    """
    parents = _known(edges)
    found: dict[str, frozenset[str]] = {}
    for name in topological(edges):
        before: set[str] = set(parents[name])
        for parent in parents[name]:
            before |= found[parent]
        found[name] = frozenset(before)
    return found


def _known(edges: Edges) -> dict[str, list[str]]:
    return {
        name: [parent for parent in dict.fromkeys(parents) if parent in edges]
        for name, parents in edges.items()
    }
