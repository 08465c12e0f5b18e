"""Rules about files rather than imports: length, names, public faces, and what no tracked text may name."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import house_rules as rules

LOCK_FILE = re.compile(r"(?:^|/)requirements[^/]*\.(?:lock|txt)$")
LARGEST_TEXT = 4 * 1024 * 1024  # bytes; a larger file is data, and nobody wrote a path into it by hand


def long_files(root: Path, files: Iterable[str]) -> list[str]:
    """Python files over the limit, tests included."""
    counted = ((path, (root / path).read_bytes().count(b"\n")) for path in files if path.endswith(".py"))
    return [
        f"{path}: {lines} lines, at most {rules.LONGEST_FILE}; it has outgrown its name"
        for path, lines in counted
        if lines > rules.LONGEST_FILE
    ]


def nameless_files(files: Iterable[str]) -> list[str]:
    """Python files and folders called after nothing in particular."""
    breaks = []
    for path in files:
        if not path.endswith(".py") or path.startswith(rules.FOREIGN_STYLE):
            continue
        parts = PurePosixPath(path).with_suffix("").parts
        if any(word in rules.NAMELESS for part in parts for word in re.split(r"[_-]", part.lower())):
            breaks.append(f"{path}: name it for what it is")
    return breaks


def promises(root: Path, files: Iterable[str]) -> list[str]:
    """Public faces (`__all__` of an `__init__.py`) that are unsorted or promise what is not there."""
    breaks = []
    for path in files:
        if not path.endswith("/__init__.py"):
            continue
        tree = ast.parse((root / path).read_text(), filename=path)
        promised = _promised(tree)
        if promised is None:
            continue
        if promised != sorted(set(promised)):
            breaks.append(f"{path}: __all__ is not sorted, or names something twice")
        missing = sorted(set(promised) - _bound(tree))
        breaks += [f"{path}: __all__ promises {name}, which is not there" for name in missing]
    return breaks


def _promised(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            value = getattr(node, "value", None)
            if isinstance(value, ast.List | ast.Tuple):
                return [str(item.value) for item in value.elts if isinstance(item, ast.Constant)]
    return None


def _bound(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def unwelcome_words(root: Path, files: Iterable[str]) -> list[str]:
    """Tracked text that names one machine's path or a package registry, and a lock file with an address."""
    hosts = "|".join(re.escape(host) for host in rules.REGISTRY_HOSTS)
    unwelcome = re.compile(rf"{rules.MACHINE_PATH}|\b(?:{hosts})\b".encode())
    breaks = []
    for path in files:
        if (root / path).stat().st_size > LARGEST_TEXT:
            continue
        content = (root / path).read_bytes()
        for number, line in enumerate(content.split(b"\n"), start=1):
            found = unwelcome.search(line)
            if found:
                breaks.append(f"{path}:{number}: names {found.group().decode()!r}")
        if LOCK_FILE.search(path) and b"://" in content:
            breaks.append(
                f"{path}: holds an address, and the machine's own configuration is to say where from"
            )
    return breaks


def untidy_tests(root: Path, files: Iterable[str]) -> list[str]:
    """Test files that share a name (pytest would take one for the other), packages among them, and skips."""
    breaks = []
    seen: dict[str, str] = {}
    for path in files:
        name = PurePosixPath(path).name
        if not path.startswith("tests/") or not name.endswith(".py"):
            continue
        if name == "__init__.py":
            breaks.append(f"{path}: test folders are no packages")
        elif name != "conftest.py" and name in seen:
            breaks.append(f"{path}: {seen[name]} has the same name")
        seen.setdefault(name, path)
        breaks += [
            f"{path}:{node.lineno}: a test that skips proves nothing"
            for node in ast.walk(ast.parse((root / path).read_text(), filename=path))
            if isinstance(node, ast.Attribute) and ast.unparse(node) in rules.SKIPS
        ]
    return breaks
