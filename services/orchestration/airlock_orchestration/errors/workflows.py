"""Workflows that are unknown, cannot run, or were changed by somebody else."""

from .base import AirlockError, Category


class WorkflowUnknown(AirlockError):
    """There is no workflow of this id or name."""

    code = "workflow.unknown"
    status = 404
    category = Category.NOT_FOUND


class WorkflowInvalid(AirlockError):
    """The workflow cannot run as it is written."""

    code = "workflow.invalid"
    status = 422
    category = Category.REQUEST


class WorkflowChanged(AirlockError):
    """The workflow's newest version is not the one that this change builds on."""

    code = "workflow.changed"
    status = 412
    category = Category.CONFLICT
    hint = "Read the newest version again, and apply your change to that with its ETag as If-Match."
