"""What stands above a diff for the person who decides: what it mends, where, why, and what it leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from airlock_sdk.printable import one_line

from .proposal import Done, notes
from .request import GROUPS, STYLE, About
from .room import first_group

MAX_OVERVIEW = 16 * 1024  # characters
_MAX_RULES = 20
_MAX_REASONS = 5
_MAX_NAME = 120  # characters of a file's name
_MAX_RULE = 60
_MAX_MESSAGE = 110
NOTHING = "Nothing is proposed: the diff is empty, and to apply it changes nothing."

_SORTS = ("finding", "issue", "violation", "replacement", "dependency", "configuration")
_PLURALS = {"dependency": "dependencies", "configuration": "changes of configuration"}


def overview(
    about: Mapping[str, About],
    done: Sequence[Done],
    unfixed: Sequence[tuple[str, str]],
    unread: Mapping[str, int] | None = None,
) -> str:
    """Spell it as lines of plain text: counts first, then each file with what is mended in it, style apart.

    Rules, names and messages may come from hostile places: each stays on its line and is cut. `unread` is how
    many more of each sort the reports list.
    """
    fixed = [one for file in done for one in file.fixed]
    given = Counter(one.sort for one in about.values()) + Counter(unread or {})
    lines = [_head(given, fixed, sum(bool(one.diff) for one in done)), *_groups(about, done)]
    if unfixed:
        lines += ["", *_left(unfixed)]
    if told := notes(done):
        lines += ["", "Whoever runs the result will notice:", *(f"  {one_line(one, 200)}" for one in told)]
    for file in sorted(done, key=lambda one: first_group(about, one)):
        if listed := [one for one in file.fixed if about[one].group != STYLE]:
            lines += ["", one_line(file.file, _MAX_NAME), *_mended(about, listed)]
    return _cut(lines)


def _head(given: Mapping[str, int], fixed: Sequence[str], files: int) -> str:
    """Say the sum of what was handed in, and of what it is the sum."""
    if not fixed:
        return NOTHING
    total = sum(given.values())
    parts = [_of(given[sort], sort) for sort in _SORTS if given.get(sort)]
    sum_of = parts[0] if len(parts) == 1 else f"the {total} that were handed in ({', '.join(parts)})"
    left = total - len(fixed)
    rest = "none is left" if not left else "1 is left" if left == 1 else f"{left} are left"
    return f"Mends {len(fixed)} of {sum_of}, in {_of(files, 'file')}; {rest}."


def _groups(about: Mapping[str, About], done: Sequence[Done]) -> list[str]:
    """Count what is mended by rule, security first; of style, which is listed nowhere else, the files too."""
    lines = []
    for group in GROUPS:
        fixed = [(one, file.file) for file in done for one in file.fixed if about[one].group == group]
        if not fixed:
            continue
        counts = Counter(about[one].rule for one, _ in fixed)
        said = [f"{one_line(rule, _MAX_RULE)} {count}" for rule, count in counts.most_common(_MAX_RULES)]
        if len(counts) > _MAX_RULES:
            said.append(f"and {len(counts) - _MAX_RULES} more rules")
        where = f" (in {_of(len({file for _, file in fixed}), 'file')})" if group == STYLE else ""
        lines.append(f"  {group.capitalize()}: {', '.join(said)}{where}.")
    return lines


def _left(unfixed: Sequence[tuple[str, str]]) -> list[str]:
    """Say how many are left for a person, and the commonest reasons."""
    reasons = Counter(reason for _, reason in unfixed).most_common()
    lines = [f"{len(unfixed)} left for a person:"]
    lines += [f"  {count} x {one_line(reason, 200)}" for reason, count in reasons[:_MAX_REASONS]]
    if (more := sum(count for _, count in reasons[_MAX_REASONS:])) > 0:
        lines.append(f"  {more} for other reasons")
    return lines


def _mended(about: Mapping[str, About], fixed: Sequence[str]) -> list[str]:
    lines = []
    for one in sorted(fixed, key=lambda id_: _place(about[id_])):
        known = about[one]
        where = f"line {known.line}: " if known.line else ""
        message = f" {one_line(known.message, _MAX_MESSAGE)}" if known.message else ""
        lines.append(f"  {where}{one_line(known.rule, _MAX_RULE)}{message} ({one_line(one, 40)})")
    return lines


def _place(known: About) -> tuple[int, int, str]:
    return GROUPS.index(known.group), known.line or 0, known.rule


def _of(count: int, noun: str) -> str:
    return f"{count} " + (noun if count == 1 else _PLURALS.get(noun, f"{noun}s"))


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
