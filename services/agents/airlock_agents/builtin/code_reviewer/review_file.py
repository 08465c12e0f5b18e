"""All that is ours on one file, in the child process where hostile files are looked at."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from ..findings.files import Source, read_text, split_lines
from ..findings.finding import Inspected, anchor, printable
from ..findings.severities import is_test
from ..findings.silencing import ANY_BUT_LAYOUT, Silencing
from .functions import Measured, measure_python
from .issue import Issue, Type, issue
from .languages import blanked, language_of
from .measures import FileMeasures, measure_text
from .other_functions import measure_tokens
from .other_languages import other_languages
from .own_rules import PERFORMANCE, QUALITY, RULES, SECURITY
from .performance import performance
from .python_code import Hit, PythonCode, Unparsable
from .quality import quality
from .security import security
from .sieve import Sieve, Wish

_MADE_BY_MACHINE = 500  # characters of a line, on average: nobody writes or reviews that
_LONG = 100  # lines of a function
_DEEP = 5  # levels of blocks
_MANY = 8  # arguments
_OF: Mapping[Type, Mapping[str, object]] = {
    "quality": QUALITY,
    "performance": PERFORMANCE,
    "security": SECURITY,
}


@dataclass(frozen=True, slots=True)
class Reviewed(Inspected):
    """What looking at one file gave, with its measures."""

    measures: FileMeasures | None = None


class Reviewer:
    """Looks at files of one workspace for what was asked for."""

    def __init__(self, root: Path, wish: Wish, *, max_complexity: int) -> None:
        warnings.simplefilter("ignore")  # what the parser would print quotes the code
        sys.setrecursionlimit(3_000)  # the parser says so itself before the stack ends
        self._root = root
        self._wish = wish
        self._max_complexity = max_complexity
        self._rules = frozenset(name for kind in wish.types for name in _OF[kind])

    def review(self, source: Source) -> Reviewed:
        """Look at a file; one that a check cannot take is an answer too, never an exception."""
        shown = printable(source.path)
        try:
            text = read_text(self._root / source.path)
        except OSError as error:
            return Reviewed(shown, skipped=f"cannot be read ({error.strerror})", seen=False)
        language = language_of(source.path, text) if not source.python else language_of("any.py", text)
        if language is not None and language.name != "Python" and _made_by_machine(text):
            return Reviewed(
                shown,
                skipped="made by a machine: its lines are too long to review",
                seen=False,
                measures=FileMeasures(shown, language.name, text.count("\n") + 1),
            )
        code, comments = blanked(text, language) if language is not None else (text, 0)
        measures = measure_text(shown, language.name if language else None, text, code, comments)
        in_tests = is_test(PurePath(source.path))
        hits = list(other_languages(text, code, language, in_tests=in_tests))
        functions, trouble = [], None
        try:
            if language is not None and language.name == "Python":
                parsed = PythonCode(text)
                functions = measure_python(parsed)
                hits += self._python(parsed, in_tests, in_tests or _runs_once(source.path))
            elif language is not None:
                functions = measure_tokens(source.path, text, language)
        except Unparsable as error:
            trouble = str(error)
        except MemoryError:  # this process is spent: the next one goes on
            raise
        except Exception as error:  # the edge to lizard and to what a hostile tree does to our checks
            trouble = f"not wholly reviewed ({type(error).__name__})"
        hits += self._complex(functions)
        sieve = Sieve(self._wish, source.path)
        for one in self._issues(hits, shown, text) if hits else ():
            sieve.add(one)
        return Reviewed(
            shown,
            sieve.loudest,
            trouble,
            counts=sieve.counts,
            measures=replace(measures, functions=tuple(functions)),
        )

    def _python(self, code: PythonCode, in_tests: bool, once: bool) -> Iterator[Hit]:
        if "quality" in self._wish.types:
            yield from quality(code, in_tests=in_tests)
        if "performance" in self._wish.types and not once:
            yield from performance(code)
        if "security" in self._wish.types:
            yield from security(code, in_tests=in_tests)

    def _complex(self, functions: list[Measured]) -> Iterator[Hit]:
        limit = self._max_complexity
        for one in functions:
            too_much = [f"complexity {one.complexity}, over {limit}"] if one.complexity > limit else []
            too_much += [f"{one.length} lines, over {_LONG}"] if one.length > _LONG else []
            too_much += [f"{one.nesting} levels deep, over {_DEEP}"] if (one.nesting or 0) > _DEEP else []
            too_much += [f"{one.arguments} arguments, over {_MANY}"] if one.arguments > _MANY else []
            if too_much:
                loud = one.complexity > 2 * limit or len(too_much) >= 3
                detail = f"`{one.name}` is hard to follow: {'; '.join(too_much)}"
                yield Hit("complex-function", one.line, detail, one.last_line, "MEDIUM" if loud else None)

    def _issues(self, hits: list[Hit], shown: str, text: str) -> Iterator[Issue]:
        lines = split_lines(text)
        silencing = Silencing(lines, ANY_BUT_LAYOUT)
        seen: set[tuple[str, int]] = set()
        for hit in sorted(hits, key=lambda one: one.line):
            if hit.rule not in self._rules or (hit.rule, hit.line) in seen:
                continue
            seen.add((hit.rule, hit.line))
            rule = RULES[hit.rule]
            here = lines[hit.line - 1] if hit.line <= len(lines) else ""
            found = issue(
                hit.rule,
                rule,
                said=(rule.what or "{}").format(hit.detail),
                file=shown,
                line=hit.line,
                tool="airlock",
                anchor=anchor(here),
                suppressed=silencing.covers(hit.line),
                last_line=hit.last_line,
            )
            yield replace(found, severity=hit.severity) if hit.severity else found


def _runs_once(path: str) -> bool:
    """Tell whether a file is a step that a database takes once: how fast it is matters to nobody."""
    return "migrations" in PurePath(path).parts[:-1] or "versions" in PurePath(path).parts[:-1]


def _made_by_machine(text: str) -> bool:
    return len(text) > 5_000 and len(text) / (text.count("\n") + 1) > _MADE_BY_MACHINE
