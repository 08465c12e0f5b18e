"""Changes to workflows, which others change too: replaced is only what was seen. Source: RFC 9110, 13.1."""

import re
from dataclasses import dataclass

import yaml
from airlock_contracts.base import NAME_PATTERN
from airlock_contracts.views import WorkflowView

from .client import AirlockClient
from .errors import ProblemError

MAX_DEPTH = 100
CHANGED = "workflow.changed"
_UNKNOWN = "workflow.unknown"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Seen:
    """A workflow version as it was seen, and the tag by which the service knows that very version."""

    view: WorkflowView
    tag: str


async def look(client: AirlockClient, workflow: str, version: int | None = None) -> Seen | None:
    """See a workflow, in its newest version unless one is numbered; None where there is none."""
    try:
        return Seen(*await client.tagged_workflow(workflow, version))
    except ProblemError as error:
        if error.problem.code != _UNKNOWN:
            raise
        return None


async def apply(client: AirlockClient, document: bytes, seen: Seen | None) -> tuple[WorkflowView, bool]:
    """Apply a workflow in the place of what was seen, of nothing where nothing was.

    Raises ProblemError `workflow.changed` where another version is the newest by now. What says the same as
    the newest changes nothing, whoever made that.
    """
    if seen is None:
        return await client.apply_workflow(document, only_new=True)
    return await client.apply_workflow(document, only_on=seen.tag)


def name_in(document: bytes) -> str | None:
    """The name in a workflow's document, YAML or JSON; None where there is none, for the service to say so.

    Only what stands before it is read: the document may be large, and anything. The service takes
    nothing deeper than MAX_DEPTH.
    """
    depth, key = 0, None
    try:
        for event in yaml.parse(document, Loader=_LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    return None
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
                key = None
            elif depth == 1 and isinstance(event, yaml.ScalarEvent) and key is None:
                key = event.value
            elif depth == 1:
                if key == "name" and isinstance(event, yaml.ScalarEvent):
                    return event.value if re.fullmatch(NAME_PATTERN, event.value) else None
                key = None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return None
