"""CEL: compiling an expression and running it on JSON, with every bound and every trap of the evaluator here.

The evaluator (Google's C++ CEL) was measured; this is what a caller of it must know:
- A missing key, a bad index and a division by zero are *returned*, as a value of type ERROR, which is truthy.
- A string that holds U+0000 is cut off there; an integer beyond 64 bits anywhere in the data fails.
- All data handed over is converted for each run, so a program hands over only what its text touches.
- It stops after 10,000 iterations, but `map` and `filter` copy the list they build at each of them: lists of
  2,000 items take 0.1 s, of 9,000 items 3 s. Hence MAX_LIST.
- The order of a map's keys differs from one run to the next.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cel_expr_python import cel

from .expressions import Malformed, Touched, touched, uses_lists

MAX_LIST = 2000
"""Items of a list in the data of a program that uses `map` or `filter`."""
MAX_RESULT = 512 * 1024
"""Characters of a result's strings, and its number of values."""
MAX_DEPTH = 64
MAX_REASON = 300

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_ENV = cel.NewEnv(variables={"context": cel.Type.DYN, "nodes": cel.Type.DYN})


class CelFailed(ValueError):
    """The program has no JSON value with this data; the message says why."""


class Program:
    """A compiled CEL expression."""

    __slots__ = ("_compiled", "_lists", "reads")

    def __init__(self, source: str) -> None:
        """Compile it. Raises Malformed with the first line of what the compiler said."""
        self.reads: tuple[Touched, ...] = tuple(touched(source))
        self._lists = uses_lists(source)
        try:
            self._compiled = _ENV.compile(source)
        except (RuntimeError, ValueError) as error:
            raise Malformed(_reason(str(error))) from error

    def run(self, values: Mapping[str, Any]) -> Any:
        """Evaluate it. Raises CelFailed; takes bounded time, whatever the values."""
        data = self._gather(values)
        _admit(data, MAX_LIST if self._lists else None)
        try:
            result = self._compiled.eval(data=data)
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            raise CelFailed(_reason(str(error))) from error
        return _Result().convert(result, 1)

    def _gather(self, values: Mapping[str, Any]) -> dict[str, Any]:
        data: dict[str, Any] = {"context": None, "nodes": {}}
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


def _admit(data: Any, longest_list: int | None) -> None:
    stack = [data]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            if "\x00" in value:
                raise CelFailed("a string holds U+0000")
        elif isinstance(value, dict):
            stack.extend(value)
            stack.extend(value.values())
        elif isinstance(value, list):
            if longest_list is not None and len(value) > longest_list:
                raise CelFailed(f"a list of {len(value)} items; with map or filter at most {longest_list}")
            stack.extend(value)
        elif isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
            raise CelFailed(f"an integer beyond 64 bits ({_SMALLEST} to {_LARGEST})")


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
    """Take the sentence out of `STATUS: ERROR: <input>:1:7: sentence` and what follows it."""
    line = (
        text.strip().partition("\n")[0].removesuffix("]").rpartition(" [")[0]
        or text.strip().partition("\n")[0]
    )
    for prefix in (
        "INVALID_ARGUMENT: ",
        "NOT_FOUND: ",
        "UNKNOWN: ",
        "INTERNAL: ",
        "OUT_OF_RANGE: ",
        "ERROR: ",
    ):
        line = line.removeprefix(prefix)
    if line.startswith("<input>:"):
        line = line.split(": ", 1)[-1]
    return line if len(line) <= MAX_REASON else f"{line[:MAX_REASON]}..."
