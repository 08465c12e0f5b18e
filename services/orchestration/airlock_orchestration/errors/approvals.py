"""Decisions that do not count."""

from .base import AirlockError, Category


class ApprovalUnknown(AirlockError):
    """There is no approval of this id."""

    code = "approval.unknown"
    status = 404
    category = Category.NOT_FOUND


class DecisionStale(AirlockError):
    """The decision names another payload than the one that waits."""

    code = "decision.stale"
    status = 412
    category = Category.CONFLICT
    hint = "Read the approval again, look at its input, and decide with its payload_sha256."


class DecisionMade(AirlockError):
    """The approval was decided before."""

    code = "decision.made"
    status = 409
    category = Category.CONFLICT


class DecisionTooLate(AirlockError):
    """The approval expired before this decision."""

    code = "decision.too_late"
    status = 409
    category = Category.CONFLICT
    hint = "Retry the run: its gate asks again."


class DecisionWithdrawn(AirlockError):
    """The approval was withdrawn: its run is over or being cancelled."""

    code = "decision.withdrawn"
    status = 409
    category = Category.CONFLICT


class DecisionByRequester(AirlockError):
    """Whoever started the run may not decide about it here."""

    code = "decision.by_requester"
    status = 403
    category = Category.AUTH
    hint = "Ask someone with another key to decide."
