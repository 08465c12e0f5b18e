"""What stands above a diff for the person who decides: what it mends, where, why, and what it leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from airlock_sdk.printable import one_line

from .proposal import Done, notes
from .request import About

MAX_OVERVIEW = 16 * 1024  # characters
_MAX_RULES = 20
_MAX_REASONS = 5
_MAX_NAME = 120  # characters of a file's name
_MAX_RULE = 60
_MAX_MESSAGE = 110
NOTHING = "Nothing is proposed: the diff is empty, and to apply it changes nothing."


def overview(about: Mapping[str, About], done: Sequence[Done], unfixed: Sequence[tuple[str, str]]) -> str:
    """Spell it as lines of plain text: counts first, then each file with what is mended in it.

    Rules, names and messages may come from hostile places: each stays on its line and is cut.
    """
    fixed = [one for file in done for one in file.fixed]
    lines = [_head(about, fixed, sum(bool(one.diff) for one in done))]
    if unfixed:
        lines += ["", *_left(unfixed)]
    if told := notes(done):
        lines += ["", "Whoever runs the result will notice:", *(f"  {one_line(one, 200)}" for one in told)]
    for file in done:
        if file.fixed:
            lines += ["", one_line(file.file, _MAX_NAME), *_mended(about, file.fixed)]
    return _cut(lines)


def _head(about: Mapping[str, About], fixed: Sequence[str], files: int) -> str:
    if not fixed:
        return NOTHING
    counts = Counter(about[one].rule for one in fixed)
    said = [f"{one_line(rule, _MAX_RULE)} {count}" for rule, count in counts.most_common(_MAX_RULES)]
    if len(counts) > _MAX_RULES:
        said.append(f"and {len(counts) - _MAX_RULES} more rules")
    return f"Mends {_of(len(fixed), 'finding')} in {_of(files, 'file')}: {', '.join(said)}."


def _left(unfixed: Sequence[tuple[str, str]]) -> list[str]:
    """Say how many are left for a person, and the commonest reasons."""
    reasons = Counter(reason for _, reason in unfixed).most_common()
    lines = [f"{_of(len(unfixed), 'finding')} left for a person:"]
    lines += [f"  {count} x {one_line(reason, 200)}" for reason, count in reasons[:_MAX_REASONS]]
    if (more := sum(count for _, count in reasons[_MAX_REASONS:])) > 0:
        lines.append(f"  {more} for other reasons")
    return lines


def _mended(about: Mapping[str, About], fixed: Sequence[str]) -> list[str]:
    lines = []
    for one in sorted(fixed, key=lambda id_: (about[id_].line or 0, about[id_].rule)):
        known = about[one]
        where = f"line {known.line}: " if known.line else ""
        message = f" {one_line(known.message, _MAX_MESSAGE)}" if known.message else ""
        lines.append(f"  {where}{one_line(known.rule, _MAX_RULE)}{message} ({one_line(one, 40)})")
    return lines


def _of(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _cut(lines: Sequence[str]) -> str:
    size, kept = 0, []
    for line in lines:
        size += len(line) + 1
        if size > MAX_OVERVIEW:
            break
        kept.append(line)
    if len(kept) < len(lines):
        kept.append(f"and {len(lines) - len(kept)} more lines: the output `mended` names what the diff does")
    return "\n".join(kept) + "\n"
