"""The spans that an agent told of its own work, as its run's trace shows them: in their place, in their time.

An agent may say anything, so nothing it says reaches beyond its own attempt. Its ids become others, which
it cannot foresee, or it could give its span the id of another one; its times are moved into the attempt's;
what does not stand below one of its own spans stands below the attempt's.
"""

from datetime import datetime

from airlock_chassis.telemetry import names
from airlock_chassis.telemetry.secrets import mask, mask_text
from airlock_chassis.telemetry.traces import Attribute, child_of, record, span_id

from ..sandbox.spans import AgentSpan, Dropped
from .attempt import Attempt
from .spans import attempt_ids

BY_AGENT = "agent"


class AgentSpans:
    """What one agent told, kept until its end: an inner span comes before the one around it."""

    def __init__(self, attempt: Attempt, *, above: str | None, began: datetime) -> None:
        """`above` is the traceparent of the span in which the agent works, from `began` on."""
        self.dropped = 0
        """Those that could not be read, were too many, or had the id of another one."""
        self._above = above
        self._began = began
        self._told: dict[str, AgentSpan] = {}
        self._prefix = f"{attempt.id}/{attempt.token}"
        """Of the names that ids are made from; an agent does not know its token."""
        self._attributes: dict[str, Attribute] = {
            **attempt_ids(attempt.invocation.attempt),
            names.ATTR_SOURCE: BY_AGENT,
            names.ATTR_AGENT: attempt.invocation.agent,
        }

    @property
    def told(self) -> int:
        """How many there are to be recorded."""
        return len(self._told)

    def add(self, told: AgentSpan | Dropped) -> None:
        """Take one, or count those that were dropped."""
        if isinstance(told, Dropped):
            self.dropped += told.count
        elif told.id in self._told:
            self.dropped += 1
        else:
            self._told[told.id] = told

    def record(self, ended: datetime) -> None:
        """Hand all of them over; whatever the agent said, they lie between the attempt's begin and end."""
        for span in self._told.values():
            left_out = {names.ATTR_ATTRIBUTES_DROPPED: span.left_out} if span.left_out else {}
            record(
                mask_text(span.name),
                id_=span_id(self._named(span.id)),
                parent=self._parent(span),
                start=self._within(span.start, ended),
                end=self._within(span.end, ended),
                attributes={
                    **{key: mask(key, value) for key, value in span.attributes.items()},
                    **left_out,
                    **self._attributes,
                },
                error=self._error(span),
            )

    def _parent(self, span: AgentSpan) -> str | None:
        if span.parent is None or not self._ends_at_the_top(span):
            return self._above
        return child_of(self._above, self._named(span.parent))

    def _ends_at_the_top(self, span: AgentSpan) -> bool:
        """Whether its parent was told, and is not below itself."""
        seen = set()
        above = span.parent
        while above is not None and above in self._told and above not in seen:
            if above == span.id:
                return False
            seen.add(above)
            above = self._told[above].parent
        return span.parent in self._told

    def _within(self, at: datetime, ended: datetime) -> datetime:
        return min(max(at, self._began), ended)

    def _named(self, id_: str) -> str:
        return f"{self._prefix}/{id_}"

    @staticmethod
    def _error(span: AgentSpan) -> str | None:
        said = span.attributes.get(names.ATTR_ERROR)
        return (mask_text(said) if isinstance(said, str) else "error") if span.failed else None
