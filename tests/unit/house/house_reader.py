"""Reads the product with `ast`, importing none of it, and says where it breaks the rules of `house_rules`."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import house_rules as rules

SOURCE_ROOTS = re.compile(r"^(?:libs|services)/[^/]+/(airlock_[a-z_]+/.+)\.py$")


@dataclass(frozen=True)
class Import:
    """One import as it is written: the dotted name that it names, and where it stands."""

    target: str
    line: int


@dataclass(frozen=True)
class Module:
    """One Python file of the product: its dotted name, its path in the checkout, and what it imports."""

    name: str
    path: str
    is_package: bool
    tree: ast.Module
    imports: tuple[Import, ...]


def tracked_files(root: Path) -> list[str]:
    """Every file of the checkout that is not ignored, new ones included; sorted paths relative to `root`."""
    if not (root / ".git").exists():
        found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if not path.parts[0].startswith(".venv"))
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    names = {name for name in listing.stdout.decode().split("\0") if name}
    return sorted(name for name in names if (root / name).is_file())


def read_modules(root: Path, files: Iterable[str]) -> list[Module]:
    """The product's modules. A file that Python cannot parse raises SyntaxError, which names it."""
    modules = []
    for path in files:
        found = SOURCE_ROOTS.match(path)
        if found is None:
            continue
        name = found.group(1).replace("/", ".")
        is_package = name.endswith(".__init__")
        name = name.removesuffix(".__init__")
        tree = ast.parse((root / path).read_text(), filename=path)
        modules.append(Module(name, path, is_package, tree, tuple(_imports(name, is_package, tree))))
    return modules


def _imports(name: str, is_package: bool, tree: ast.Module) -> Iterator[Import]:
    """Every import, those inside functions and type-checking blocks too: a hidden circle is a circle."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = name.split(".") if is_package else name.split(".")[:-1]
                kept = parts[: len(parts) - node.level + 1]
                base = ".".join([*kept, base]) if base else ".".join(kept)
            yield from (Import(f"{base}.{alias.name}", node.lineno) for alias in node.names)


def within(name: str, room: str) -> bool:
    """Is that dotted name the room itself, or inside it?"""
    return name == room or name.startswith(f"{room}.")


def room_of(name: str) -> str | None:
    """The innermost room that a module stands in; None for a file that has been given no floor."""
    fitting = [room for room in rules.ROOMS if within(name, room)]
    room = max(fitting, key=len, default=None)
    is_service = room is not None and any(other.startswith(f"{room}.") for other in rules.ROOMS)
    return None if is_service and name != room else room


def floor_breaks(modules: Iterable[Module]) -> list[str]:
    """Imports that go up, sideways or into the other service, and modules that stand on no floor."""
    known = list(modules)
    names = {module.name for module in known}
    breaks = []
    for module in known:
        room = room_of(module.name)
        if room is None:
            breaks.append(f"{module.path}: stands on no floor; name its room in house_rules.ROOMS")
            continue
        for item in module.imports:
            if item.target.split(".")[0] not in {name.split(".")[0] for name in rules.ROOMS}:
                continue
            target = room_of(_as_module(item.target, names))
            if target != room and target not in rules.ROOMS[room]:
                breaks.append(f"{module.path}:{item.line}: {room} may not import {item.target}")
    return breaks


def _as_module(target: str, names: set[str]) -> str:
    """`package.module.thing` names a module, or a thing inside one: the longest prefix that is a file."""
    parts = target.split(".")
    for size in range(len(parts), 0, -1):
        if ".".join(parts[:size]) in names:
            return ".".join(parts[:size])
    return target


def home_breaks(modules: Iterable[Module]) -> list[str]:
    """Third parties outside their homes, those that have none, and evaluators wrapped more than once."""
    known = list(modules)
    breaks = []
    wrapped: dict[str, set[str]] = {}
    for module in known:
        own = _names_beside(module, known)
        for item in module.imports:
            top = item.target.split(".")[0]
            if top in sys.stdlib_module_names or top.startswith("airlock_") or top in own:
                continue
            if not _is_welcome(module, top):
                if within(module.name, rules.BUILTIN_ROOM):
                    said = "is no tool of this agent (house_rules.AGENT_TOOLS)"
                else:
                    homes = ", ".join(rules.HOMES.get(top, ())) or "no room"
                    said = f"is at home in {homes} (house_rules.HOMES)"
                breaks.append(f"{module.path}:{item.line}: {top} {said}")
            if top in rules.ONE_MODULE_EACH:
                wrapped.setdefault(top, set()).add(module.path)
    breaks += [
        f"{top} is imported by more than one module: {', '.join(sorted(paths))}"
        for top, paths in sorted(wrapped.items())
        if len(paths) > 1
    ]
    return breaks


def _is_welcome(module: Module, top: str) -> bool:
    agent = _agent_of(module)
    if agent is not None:
        return top in rules.AGENT_TOOLS.get(agent, frozenset())
    for room, guests in rules.ONLY_GUESTS.items():
        if within(module.name, room) and top not in guests:
            return False
    return any(within(module.name, home) for home in rules.HOMES.get(top, ()))


def _agent_of(module: Module) -> str | None:
    """The built-in agent whose folder (or single file) holds this module, by the agent's own name."""
    if not within(module.name, rules.BUILTIN_ROOM) or module.name == rules.BUILTIN_ROOM:
        return None
    return module.name.removeprefix(f"{rules.BUILTIN_ROOM}.").split(".")[0].replace("_", "-")


def _names_beside(module: Module, known: Iterable[Module]) -> set[str]:
    """A built-in agent's folder is run from inside it: its files import each other by their bare names."""
    agent = _agent_of(module)
    if agent is None:
        return set()
    return {
        part
        for other in known
        if _agent_of(other) == agent
        for part in other.name.removeprefix(f"{rules.BUILTIN_ROOM}.").split(".")
    }


def circles(modules: Iterable[Module]) -> list[str]:
    """Every import circle among our modules, each told once with its members in order of their names."""
    known = list(modules)
    names = {module.name for module in known}
    edges = {
        module.name: {_as_module(item.target, names) for item in module.imports} & names - {module.name}
        for module in known
    }
    reach = {name: _reachable(name, edges) for name in edges}
    found = {
        tuple(sorted(other for other in reach[name] if name in reach[other]))
        for name in edges
        if name in reach[name]
    }
    return [f"import circle: {' <-> '.join(circle)}" for circle in sorted(found)]


def _reachable(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(edges[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(edges[name])
    return seen


def impurities(modules: Iterable[Module]) -> list[str]:
    """Where the pure core reads a clock, draws by chance, touches the outside or awaits."""
    breaks = []
    for module in modules:
        if not within(module.name, rules.PURE_ROOM):
            continue
        breaks += [
            f"{module.path}:{item.line}: the pure core imports {item.target}"
            for item in module.imports
            if any(within(item.target, outside) for outside in rules.IMPURE_MODULES)
        ]
        for node in ast.walk(module.tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
                breaks.append(f"{module.path}:{node.lineno}: the pure core awaits")
            elif isinstance(node, ast.Attribute) and node.attr in rules.CLOCKS_AND_CHANCE:
                if isinstance(node.value, ast.Name | ast.Attribute) and _last(node.value) in {
                    "date",
                    "datetime",
                    "uuid",
                }:
                    breaks.append(f"{module.path}:{node.lineno}: the pure core calls {node.attr}")
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in rules.IMPURE_CALLS | rules.CLOCKS_AND_CHANCE - {"now", "today"}
            ):
                breaks.append(f"{module.path}:{node.lineno}: the pure core calls {node.func.id}")
    return breaks


def _last(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr
