"""The spans of an attempt on this host, and what became of each: done, failed, refused, handed back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from airlock_chassis.bus import Later, ShuttingDown
from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.traces import Attribute, Kind, Span, drop, fail, span
from airlock_contracts.messages import AttemptId

from ..sandbox.outcome import Failed, Outcome
from .capacity import NoRoom

HANDED_BACK = "HANDED_BACK"
"""This host could not, another may."""
CUT_SHORT = "CUT_SHORT"
"""Ended from outside; the span around it says why."""
REFUSED = "REFUSED"
"""Somebody else has it, or it is over."""


@contextmanager
def step(
    name: str,
    *,
    parent: str | None = None,
    kind: Kind = Kind.INTERNAL,
    attributes: Mapping[str, Attribute] | None = None,
    told: bool = False,
) -> Iterator[Span]:
    """Run a block as a span that says what left it; what is nobody's fault is no error there.

    Of an attempt that was handed back before, and `told` of, it is not told that it is handed back once more.
    """
    left: BaseException | None = None
    with span(name, parent=parent, kind=kind, attributes=attributes) as opened:
        try:
            yield opened
        except BaseException as error:  # for the span alone: it passes on, below
            if told and isinstance(error, Later):
                drop(opened)
            _tell(opened, error)
            left = error
    if left is not None:
        try:
            raise left
        finally:
            del left  # its traceback holds this frame


def attempt_ids(attempt: AttemptId) -> dict[str, Attribute]:
    """Which attempt a span is about."""
    return {
        names.ATTR_RUN: attempt.run,
        names.ATTR_NODE: attempt.node,
        names.ATTR_ATTEMPT: attempt.number,
    }


def tell_outcome(opened: Span, outcome: Outcome) -> None:
    """Say on a span how the attempt ended."""
    if isinstance(outcome, Failed):
        opened.set_attribute(names.ATTR_STATUS, "FAILED")
        fail(opened, outcome.failure.code)
    else:
        opened.set_attribute(names.ATTR_STATUS, "SUCCESS")


def _tell(opened: Span, error: BaseException) -> None:
    outcome = getattr(error, "outcome", None)
    if isinstance(outcome, Failed):
        tell_outcome(opened, outcome)
    elif isinstance(error, Later | ShuttingDown):
        opened.set_attribute(names.ATTR_STATUS, HANDED_BACK)
        missing = error.__cause__
        if missing is not None and not isinstance(missing, NoRoom):
            fail(opened, type(missing).__name__)
    elif isinstance(error, Exception):
        fail(opened, type(error).__name__)
    else:
        opened.set_attribute(names.ATTR_STATUS, CUT_SHORT)
