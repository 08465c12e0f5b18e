"""What stands between the braces, read as text: where it ends, whether it is a bare path, what it touches.

A bare path (`context.a.b`, `nodes.my-node.output.items[0]["a b"]`) is read here and looked up as it is. All
else is CEL, of which only the tokens matter here. Source: the CEL specification, section Syntax.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

PathStep = str | int
Path = tuple[PathStep, ...]

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*+)
  | (?P<raw>[bB]?[rR][bB]?(?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*+'|"[^"\n]*+"))
  | (?P<string>[bB]?(?:
        \'\'\'(?:[^\\]|\\.)*?\'\'\' | \"\"\"(?:[^\\]|\\.)*?\"\"\"
      | '(?:[^'\\\n]|\\.)*+' | "(?:[^"\\\n]|\\.)*+"
    ))
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*+)
  | (?P<number>[0-9](?:[0-9A-Za-z_.]|(?<=[eE])[+-])*+)
  | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)

# A hyphen inside a key must stand before a letter: `context.count-1` is a subtraction.
_KEY = r"[A-Za-z_][A-Za-z0-9_]*(?:-(?!(?:context|nodes)\b)[A-Za-z_][A-Za-z0-9_]*)*"
_STEP = rf"""\.(?:{_KEY})|\[(?:[0-9]{{1,9}}|"[^"\\]*"|'[^'\\]*')\]"""
_BARE = re.compile(
    rf"""(?:context|nodes(?:\.(?P<id>[a-z0-9][a-z0-9-]{{0,62}})|\[(["'])(?P<quoted>[a-z0-9][a-z0-9-]{{0,62}})\2\])"""
    rf"""(?:\.output|\["output"\]|\['output'\]))(?P<steps>(?:{_STEP})*)"""
)
_ONE_STEP = re.compile(_STEP)

_LOOPS = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
_SCANS = {"size": 1, "contains": 1, "endsWith": 1, "matches": 10}


class Malformed(ValueError):
    """The expression cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Bare:
    """A bare path: what it starts from, and the steps from there."""

    node: str | None
    """Whose output it reads; None for the context."""
    steps: Path


@dataclass(frozen=True, slots=True)
class Touched:
    """What a CEL expression may read: a root and the longest path that its text gives away."""

    node: str | None
    steps: tuple[str, ...]


def read_bare(expression: str) -> Bare | None:
    """Read a bare path; None where the expression is something else."""
    found = _BARE.fullmatch(expression)
    if found is None:
        return None
    return Bare(node=found["id"] or found["quoted"], steps=tuple(_steps(found["steps"])))


def _steps(text: str) -> Iterator[PathStep]:
    for found in _ONE_STEP.finditer(text):
        step = found.group()
        if step[0] == ".":
            yield step[1:]
        elif step[1] in "\"'":
            yield step[2:-2]
        else:
            yield int(step[1:-1])


def find_end(text: str, start: int, longest: int) -> int:
    """Return where the expression that begins at `start` ends: at its `}}`, outside strings and maps.

    Raises Malformed where there is no end, or none within `longest` characters.
    """
    depth = 0
    for found in _TOKEN.finditer(text, start, start + longest + 1):
        token = found.group()
        if found.lastgroup != "sign":
            continue
        if token in "\"'":
            raise Malformed("a string is not closed")
        if token == "{":
            depth += 1
        elif token == "}":
            if depth == 0 and text.startswith("}}", found.start()):
                return found.start()
            depth -= 1
            if depth < 0:
                break
    if len(text) - start > longest:
        raise Malformed(f"no closing }}}} within {longest} characters")
    raise Malformed("{{ without a closing }}")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a CEL expression's tokens say about the work that it can ask for."""

    loops: tuple[int, ...]
    """Of each call of a macro that iterates: the joins among its arguments."""
    nesting: int
    """How many of them stand inside each other."""
    builds: int
    """Calls of `map` and `filter`."""
    joins: int
    """What makes a longer string or list, outside of all loops: `+`, `string()`."""
    indexes: bool
    """Whether it takes an item of a list, which may then be looped over itself."""
    scans: int
    """Calls that read a string from end to end, a pattern counted ten times."""
    literals: int
    """At least as many items as its longest literal list has."""


def shape(expression: str) -> Shape:
    """Count what matters for the bounds on a CEL expression."""
    tokens = _significant(expression)
    loops: list[int] = []
    open_: list[int | None] = []
    nesting = builds = joins = scans = 0
    indexes = False
    padded = ["", *tokens, ""]
    for index, token in enumerate(tokens, 1):
        before, after = padded[index - 1], padded[index + 1]
        called = after == "("
        scans += called * _SCANS.get(token, 0)
        builds += called and token in ("map", "filter")
        if token == "(":
            open_.append(len(loops) if before in _LOOPS else None)
            if before in _LOOPS:
                loops.append(0)
                nesting = max(nesting, sum(loop is not None for loop in open_))
        elif token == ")" and open_:
            open_.pop()
        elif token == "[" and before and _ends_value(before):
            indexes = indexes or not _is_plain(after)
        elif token == "+" or (called and token in ("string", "bytes")):
            inside = [loop for loop in open_ if loop is not None]
            if inside:
                loops[inside[-1]] += 1
            else:
                joins += 1
    return Shape(tuple(loops), nesting, builds, joins, indexes, scans, tokens.count(",") + 1)


def touched(expression: str) -> list[Touched]:
    """Return what a CEL expression may read.

    Raises Malformed where `nodes` is not followed by the id of a node and its `output`.
    """
    tokens = _significant(expression)
    found = []
    for index, token in enumerate(tokens):
        if token not in ("context", "nodes"):
            continue
        if index and tokens[index - 1] == ".":
            if index == 1 or not _ends_value(tokens[index - 2]):
                raise Malformed(f"write {token} without a dot before it")
            continue
        steps = _trail(tokens, index + 1)
        if token == "context":
            found.append(Touched(node=None, steps=tuple(steps)))
        elif len(steps) >= 2 and steps[1] == "output":
            found.append(Touched(node=steps[0], steps=tuple(steps[2:])))
        else:
            hint = 'in CEL an id with a hyphen is written nodes["my-node"].output'
            raise Malformed(f"nodes is followed by the id of a node and .output; {hint}")
    return found


def _significant(expression: str) -> list[str]:
    return [found.group() for found in _TOKEN.finditer(expression) if found.lastgroup != "space"]


def _trail(tokens: list[str], index: int) -> list[str]:
    """Follow `.name` and `["name"]` as far as they go; a name that is called is a function."""
    steps: list[str] = []
    while index + 1 < len(tokens):
        if tokens[index] == "." and _is_word(tokens[index + 1]) and tokens[index + 2 : index + 3] != ["("]:
            steps.append(tokens[index + 1])
            index += 2
        elif tokens[index] == "[" and tokens[index + 2 : index + 3] == ["]"] and _is_plain(tokens[index + 1]):
            steps.append(tokens[index + 1][1:-1])
            index += 3
        else:
            break
    return steps


def _is_word(token: str) -> bool:
    return token[0].isalpha() or token[0] == "_"


def _ends_value(token: str) -> bool:
    return _is_word(token) or token[0] in "])}\"'`" or token[0].isdigit()


def _is_plain(token: str) -> bool:
    """A quoted string that means what it shows: one pair of quotes, no prefix, no escapes."""
    return len(token) > 1 and token[0] in "\"'" and "\\" not in token and token[:3] not in ('"""', "'''")
