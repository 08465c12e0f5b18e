"""What is wrong with a document: each problem with its place, its line, and the word that was meant."""

import difflib
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar, get_args

from airlock_contracts.problems import Finding
from pydantic import BaseModel, ValidationError

from ..errors import MAX_FINDINGS, AirlockError, counted
from .documents import Document, Path, member_of

_MAX_WEIGHED = 1_000
"""Problems that are looked at together, for which of them are one; those behind them are only counted."""
_MAX_WORD = 64  # characters of a word that is compared with others
Model = TypeVar("Model", bound=BaseModel)


def validate(document: Document, model: type[Model], refusal: type[AirlockError]) -> Model:
    """Make a model of a document, strictly. Raises `refusal` with every problem and its place."""
    try:
        return model.model_validate_json(_json(document.value), strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        meant = _of_the_branch_meant(document, problems[:_MAX_WEIGHED])
        # A megabyte may hold 180,000 problems, and telling one takes a while: no more than are listed.
        findings = [_finding(document, problem, model) for problem in meant[:MAX_FINDINGS]]
        total = len(meant) + max(0, len(problems) - _MAX_WEIGHED)
        raise refusal(counted(findings, total), errors=findings) from error


def with_lines(document: Document, findings: Sequence[Finding]) -> list[Finding]:
    """Add its line to each finding whose place, or the place around it, stands in the document."""
    outwards = {finding.place: list(_outwards(finding.place)) for finding in findings}
    lines = document.lines_at({place for places in outwards.values() for place in places})
    nearest = {
        place: next((lines[one] for one in places if one in lines), None)
        for place, places in outwards.items()
    }
    return [_at_line(finding, nearest[finding.place]) for finding in findings]


def _outwards(place: str) -> Iterator[str]:
    """A place, then those around it, from the nearest on."""
    while place:
        yield place
        place = place[: max(place.rfind("."), place.rfind("/"), place.rfind("["), 0)]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _of_the_branch_meant(document: Document, problems: Sequence[Any]) -> list[Any]:
    """Of a value that fits no branch of a union: what is wrong with it as its own kind, not as another.

    `network: full` is no object, but that is not what is wrong with it: it is the wrong word.
    """
    at: dict[Path, list[Any]] = {}
    for problem in problems:
        at.setdefault(_within(document.value, tuple(problem["loc"])), []).append(problem)
    kept: list[Any] = []
    for found in at.values():
        other_kinds = [problem for problem in found if problem["type"] in _OTHER_KIND]
        kept += found if len(other_kinds) == len(found) else [one for one in found if one not in other_kinds]
    return kept


_OTHER_KIND = frozenset({"model_type", "string_type", "dict_type", "list_type", "model_attributes_type"})


def _finding(document: Document, problem: Any, model: type[BaseModel]) -> Finding:
    kind = problem["type"]
    path: Path = tuple(problem["loc"])
    last = path[-1:] if kind == "missing" else ()
    path = _within(document.value, path[: len(path) - len(last)]) + last
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        message = f"unknown field {path[-1]!r}" + did_you_mean(str(path[-1]), _fields(model, path[:-1]))
    elif kind == "missing":
        message = f"the field {path[-1]!r} is missing"
    elif kind == "string_pattern_mismatch":
        message = f"must match {problem['ctx']['pattern']}"
    finding = Finding(place=document.place(path), code=f"field.{kind}", message=message)
    return _at_line(finding, document.line(path))


def did_you_mean(word: str, known: Collection[str]) -> str:
    """A suggestion where a word is nearly a known one."""
    near = difflib.get_close_matches(word[:_MAX_WORD], sorted(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _fields(model: type[BaseModel], path: Path) -> frozenset[str]:
    """The fields of the model at a path: those of all branches where it is one of several."""
    models = [model]
    for part in path:
        if isinstance(part, int):
            continue  # a member of a list is of the list's own models
        fields = [one.model_fields[part].annotation for one in models if part in one.model_fields]
        models = [inner for annotation in fields for inner in _models(annotation)] or models
    return frozenset(name for one in models for name in one.model_fields)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


def _within(value: Any, path: Path) -> Path:
    """The parts of a path that stand in the document; the names of a union's branches do not."""
    kept: list[str | int] = []
    for part in path:
        if (isinstance(value, dict) and part in value) or (isinstance(value, list) and isinstance(part, int)):
            kept.append(part)
            value = member_of(value, part)
    return tuple(kept)


def _at_line(finding: Finding, line: int | None) -> Finding:
    if line is None:
        return finding
    return finding.model_copy(update={"message": f"{finding.message} (line {line})"})
