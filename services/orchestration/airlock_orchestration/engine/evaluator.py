"""CEL: compiling an expression and running it on JSON, with every bound and every trap of the evaluator here.

The evaluator (Google's C++ CEL) was measured; this is what a caller of it must know:
- A missing key, a bad index and a division by zero are *returned*, as a value of type ERROR, which is truthy.
- A string that holds U+0000 is cut off there; an integer beyond 64 bits anywhere in the data fails.
- All data handed over is converted for each run, so a program hands over only what its text touches.
- It stops after 10,000 iterations, but not for what one iteration does. `map` and `filter` copy the list
  they build each time: 2,000 items take 0.1 s, 9,000 items 3 s. Joined strings are kept until the end: 20
  times 250 KB in a loop over 2,000 items is 10 GB. Hence MAX_LIST and MAX_WORK, estimated before a run.
- The order of a map's keys differs from one run to the next.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cel_expr_python import cel

from .expressions import Malformed, Shape, Touched, shape, touched

MAX_LIST = 2000
"""Items of a list in the data of a program that uses `map` or `filter`; twice that with what `+` may add."""
MAX_ITERATIONS = 10_000
"""The evaluator's own budget."""
MAX_WORK = 256 * 1024 * 1024
"""Characters that a program may build or read, at worst."""
MAX_RESULT = 512 * 1024
"""Characters of a result's strings, and its number of values."""
MAX_DEPTH = 64
MAX_EXPRESSION = 4096
"""Characters of the source."""
MAX_REASON = 300

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_AROUND = re.compile(r"^[A-Z_]+: (?:ERROR: <input>:[0-9]+:[0-9]+: )?| \[[A-Z_]+\]$")
_ENV = cel.NewEnv(variables={"context": cel.Type.DYN, "nodes": cel.Type.DYN})


class CelFailed(ValueError):
    """The program has no JSON value with this data; the message says why."""


class Program:
    """A compiled CEL expression."""

    __slots__ = ("_compiled", "_length", "_shape", "reads")

    def __init__(self, source: str) -> None:
        """Compile it. Raises Malformed with the first line of what the compiler said."""
        self.reads: tuple[Touched, ...] = tuple(touched(source))
        self._shape = shape(source)
        self._length = len(source)
        try:
            self._compiled = _ENV.compile(source)
        except (RuntimeError, ValueError) as error:
            raise Malformed(_reason(str(error))) from error

    def run(self, values: Mapping[str, Any]) -> Any:
        """Evaluate it. Raises CelFailed; takes bounded time, whatever the values."""
        data = self._gather(values)
        text, items = _measure(data)
        bound(self._shape, max(text, self._length), items)
        try:
            result = self._compiled.eval(data=data)
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            raise CelFailed(_reason(str(error))) from error
        return _Result().convert(result, 1)

    def _gather(self, values: Mapping[str, Any]) -> dict[str, Any]:
        data: dict[str, Any] = {"nodes": {}}
        by_root: dict[str | None, list[tuple[str, ...]]] = {}
        for read in self.reads:
            by_root.setdefault(read.node, []).append(read.steps)
        for node, paths in by_root.items():
            if node is None:
                data["context"] = _prune(values["context"], paths)
            elif node in values["nodes"]:
                data["nodes"][node] = {"output": _prune(values["nodes"][node]["output"], paths)}
        return data


def _prune(value: Any, paths: Iterable[tuple[str, ...]]) -> Any:
    """Keep of an object only what the paths lead to."""
    kept = list(paths)
    if not isinstance(value, dict) or not all(kept):
        return value
    tails: dict[str, list[tuple[str, ...]]] = {}
    for path in kept:
        tails.setdefault(path[0], []).append(path[1:])
    return {key: _prune(value[key], rest) for key, rest in tails.items() if key in value}


def _measure(data: Any) -> tuple[int, int]:
    """Return the length of the longest string and of the longest list or object."""
    text = items = 0
    stack = [data]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            text = max(text, len(value))
            if "\x00" in value:
                raise CelFailed("a string holds U+0000")
        elif isinstance(value, dict):
            items = max(items, len(value))
            stack.extend(value)
            stack.extend(value.values())
        elif isinstance(value, list):
            items = max(items, len(value))
            stack.extend(value)
        elif isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
            raise CelFailed(f"an integer beyond 64 bits ({_SMALLEST} to {_LARGEST})")
    return text, items


def bound(program: Shape, text: int, items: int) -> None:
    """Refuse what could take too long or too much memory with data of this size."""
    items = max(items, program.literals)
    joins = program.joins + sum(program.loops)
    nested = program.nesting > 1 or program.indexes
    longest = items * (1 + (joins if nested else program.joins))
    if program.builds and (items > MAX_LIST or longest > 2 * MAX_LIST):
        raise CelFailed(f"a list of {items} items; with map or filter at most {MAX_LIST}, fewer beside +")
    iterations = min(MAX_ITERATIONS, len(program.loops) * longest**program.nesting) if program.loops else 1
    # A chain of n joins makes strings of 2, 3, .. n+1 parts; the next loop may join those again.
    stages = (program.joins, *program.loops)
    growth = math.prod(max(count + 1, math.comb(count + 1, 2)) for count in stages)
    made = growth * (program.scans + (1 if joins else 0))
    if max(text, 8 * items) * iterations * made > MAX_WORK:
        raise CelFailed(
            f"could take too much work: strings of {text} characters, lists of {items} items, "
            f"{joins} joins, {len(program.loops)} loops"
        )


class _Result:
    """Turns a CEL value into JSON and counts as it goes: a list may hold one long string many times."""

    def __init__(self) -> None:
        self._left = MAX_RESULT

    def convert(self, result: Any, depth: int) -> Any:
        kind = result.type()
        if kind == cel.Type.ERROR or kind == cel.Type.UNKNOWN:
            raise CelFailed(_reason(str(result.value())))
        if depth > MAX_DEPTH:
            raise CelFailed(f"the result is nested deeper than {MAX_DEPTH} levels")
        value = result.value()
        self._spend(1)
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                raise CelFailed(f"the result {value} is not a JSON number")
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self.convert(item, depth + 1) for item in value]
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                raise CelFailed("a key of the result is not a string")
            # Sorted, because the evaluator's own order changes from run to run and the bytes are hashed.
            return {self._text(key): self.convert(value[key], depth + 1) for key in sorted(value)}
        raise CelFailed(f"the result is a {kind.name().lower()}, which is no JSON value: use string()")

    def _text(self, text: str) -> str:
        self._spend(len(text))
        if "\x00" in text:
            raise CelFailed("the result holds U+0000")
        return text

    def _spend(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise CelFailed(f"the result holds more than {MAX_RESULT} characters and values")


def _reason(text: str) -> str:
    """Take the sentence out of `STATUS: ERROR: <input>:1:7: sentence [STATUS]` and the lines behind it."""
    line = _AROUND.sub("", text.strip().partition("\n")[0])
    return line if len(line) <= MAX_REASON else f"{line[:MAX_REASON]}..."
