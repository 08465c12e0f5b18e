"""Why a call went wrong: one class per answer.

    AirlockError
    |- request:     InvalidRequest InvalidDocument BodyTooLarge UnsupportedMediaType
    |               RouteUnknown MethodNotAllowed RateLimited
    |- auth:        KeyRequired KeyInvalid Forbidden KeyUnknown
    |- agent:       AgentUnknown AgentInvalid AgentConflict ImageUnusable NoHost
    |- workflow:    WorkflowUnknown WorkflowInvalid
    |- run:         RunUnknown NodeUnknown NodeBytesUnknown RunFinal RunNotRetryable
    |               ContextInvalid ContextTooLarge IdempotencyMismatch
    |- decision:    ApprovalUnknown DecisionStale DecisionMade DecisionTooLate
    |               DecisionWithdrawn DecisionByRequester
    |- artifact:    ArtifactUnknown ArtifactMismatch ArtifactTooLarge ArtifactCorrupt
    `- service:     Unavailable (StoreUnavailable) Internal

A docstring's first line is the title of the answer; what is particular to one call is its detail. They are
rendered in one place, `api/problems.py`, and each code has a page in docs/errors/.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from airlock_contracts.problems import Finding

MAX_FINDINGS = 100  # that one answer lists; its detail says how many there were


class Category(StrEnum):
    """What kind of thing the caller can do about it."""

    REQUEST = "request"  # send something else
    AUTH = "auth"  # bring another key
    NOT_FOUND = "not_found"  # name something that is there
    CONFLICT = "conflict"  # look at how things stand, then decide anew
    LIMIT = "limit"  # send less, or later
    UNAVAILABLE = "unavailable"  # try again later
    INTERNAL = "internal"  # tell whoever runs Airlock


class AirlockError(Exception):
    """A call went wrong."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    category: ClassVar[Category] = Category.INTERNAL
    retryable: ClassVar[bool] = False
    hint: ClassVar[str | None] = None

    def __init__(
        self,
        detail: str,
        *,
        hint: str | None = None,
        errors: Sequence[Finding] = (),
        headers: Mapping[str, str] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.advice = hint or self.hint
        self.errors = tuple(errors[:MAX_FINDINGS])
        self.headers = dict(headers or {})
        self.details = details

    @classmethod
    def title(cls) -> str:
        """The docstring's first line."""
        return (cls.__doc__ or "").strip().splitlines()[0]


def counted(findings: Sequence[Finding]) -> str:
    """Say how many problems there are, and how many of them are listed."""
    total = len(findings)
    if total == 1:
        return f"{findings[0].place}: {findings[0].message}"
    shown = f", the first {MAX_FINDINGS} are listed" if total > MAX_FINDINGS else ""
    return f"{total} problems{shown}"


class InvalidRequest(AirlockError):
    """What was sent does not have the form that is expected here."""

    code = "request.invalid"
    status = 422
    category = Category.REQUEST


class InvalidDocument(AirlockError):
    """The body is not a document that can be read."""

    code = "document.invalid"
    status = 422
    category = Category.REQUEST


class BodyTooLarge(AirlockError):
    """The body is larger than this call takes."""

    code = "request.too_large"
    status = 413
    category = Category.LIMIT


class UnsupportedMediaType(AirlockError):
    """The body is of a media type that this call does not read."""

    code = "request.media_type"
    status = 415
    category = Category.REQUEST


class RouteUnknown(AirlockError):
    """There is nothing at this path."""

    code = "route.unknown"
    status = 404
    category = Category.NOT_FOUND
    hint = "All paths are listed at /docs."


class MethodNotAllowed(AirlockError):
    """This path does not take this method."""

    code = "route.method"
    status = 405
    category = Category.REQUEST


class RateLimited(AirlockError):
    """Too many requests of this class within a minute."""

    code = "rate.limited"
    status = 429
    category = Category.LIMIT
    retryable = True
    hint = "Wait as many seconds as Retry-After says."


class KeyRequired(AirlockError):
    """This call needs a key."""

    code = "key.required"
    status = 401
    category = Category.AUTH
    hint = "Send `Authorization: Bearer <key>` or `X-API-Key: <key>`; `airlock keys create` makes a key."


class KeyInvalid(AirlockError):
    """The key is not one that is valid here."""

    code = "key.invalid"
    status = 401
    category = Category.AUTH
    hint = "It may have been revoked; `airlock keys list` shows the keys that there are."


class Forbidden(AirlockError):
    """The key's role does not allow this call."""

    code = "key.forbidden"
    status = 403
    category = Category.AUTH


class KeyUnknown(AirlockError):
    """There is no key of this id."""

    code = "key.unknown"
    status = 404
    category = Category.NOT_FOUND


class AgentUnknown(AirlockError):
    """There is no agent of this name or version."""

    code = "agent.unknown"
    status = 404
    category = Category.NOT_FOUND


class AgentInvalid(AirlockError):
    """The manifest cannot be registered as it is."""

    code = "agent.invalid"
    status = 422
    category = Category.REQUEST


class AgentConflict(AirlockError):
    """This agent version is registered with other content."""

    code = "agent.conflict"
    status = 409
    category = Category.CONFLICT
    hint = "A version never changes: raise the version in the manifest and register that."


class ImageUnusable(AirlockError):
    """No host of the pool can use the agent's image."""

    code = "agent.image"
    status = 422
    category = Category.REQUEST
    hint = "Build or pull the image on the pool's hosts, then register again."


class NoHost(AirlockError):
    """No agent host of the pool answers."""

    code = "host.none"
    status = 503
    category = Category.UNAVAILABLE
    retryable = True
    hint = "Start an agent host of this pool; `airlock hosts` lists those that there are."


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


class RunUnknown(AirlockError):
    """There is no run of this id."""

    code = "run.unknown"
    status = 404
    category = Category.NOT_FOUND


class NodeUnknown(AirlockError):
    """The run has no node of this id."""

    code = "node.unknown"
    status = 404
    category = Category.NOT_FOUND


class NodeBytesUnknown(AirlockError):
    """The node has no such bytes, or not yet."""

    code = "node.no_bytes"
    status = 404
    category = Category.NOT_FOUND


class RunFinal(AirlockError):
    """The run is over."""

    code = "run.final"
    status = 409
    category = Category.CONFLICT
    hint = "A run that ended never moves again; start another."


class RunNotRetryable(AirlockError):
    """This run cannot be retried."""

    code = "run.not_retryable"
    status = 409
    category = Category.CONFLICT


class ContextInvalid(AirlockError):
    """The context does not fit the workflow; no run was started."""

    code = "context.invalid"
    status = 422
    category = Category.REQUEST


class ContextTooLarge(AirlockError):
    """The context is larger than 256 KiB; no run was started."""

    code = "context.too_large"
    status = 413
    category = Category.LIMIT
    hint = "Put large things as artifacts and name them in the context."


class IdempotencyMismatch(AirlockError):
    """This idempotency key was used for another request."""

    code = "idempotency.mismatch"
    status = 422
    category = Category.REQUEST
    hint = "Use a new key for a new request; repeat the same body with the same key."


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


class ArtifactUnknown(AirlockError):
    """There is no artifact of this digest."""

    code = "artifact.unknown"
    status = 404
    category = Category.NOT_FOUND


class ArtifactMismatch(AirlockError):
    """The bytes that came do not have the digest that was named; nothing was kept."""

    code = "artifact.mismatch"
    status = 422
    category = Category.REQUEST


class ArtifactTooLarge(AirlockError):
    """The artifact is larger than 256 MiB; nothing was kept."""

    code = "artifact.too_large"
    status = 413
    category = Category.LIMIT


class ArtifactCorrupt(AirlockError):
    """The stored bytes no longer have their digest; they are not given out."""

    code = "artifact.corrupt"
    status = 500
    category = Category.INTERNAL


class StoreUnavailable(AirlockError):
    """Postgres does not answer right now."""

    code = "store.unavailable"
    status = 503
    category = Category.UNAVAILABLE
    retryable = True
    hint = "Try again in a few seconds; /health/detailed says what does not answer."


class Internal(AirlockError):
    """Something went wrong inside Airlock."""

    code = "internal"
    status = 500
    category = Category.INTERNAL
    hint = "The log has it whole, under the trace id of this answer."
