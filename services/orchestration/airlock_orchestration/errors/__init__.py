"""Why a call went wrong: one class per answer.

    AirlockError
    |- request:     InvalidRequest InvalidDocument BodyTooLarge UnsupportedMediaType
    |               RouteUnknown MethodNotAllowed RateLimited
    |- access:      KeyRequired KeyInvalid Forbidden KeyUnknown
    |- agent:       AgentUnknown AgentInvalid AgentConflict ImageUnusable NoHost
    |- workflow:    WorkflowUnknown WorkflowInvalid WorkflowChanged
    |- run:         RunUnknown NodeUnknown NodeBytesUnknown RunFinal RunNotRetryable
    |               ContextInvalid ContextTooLarge IdempotencyMismatch
    |- decision:    ApprovalUnknown DecisionStale DecisionMade DecisionTooLate
    |               DecisionWithdrawn DecisionByRequester
    |- artifact:    ArtifactUnknown ArtifactMismatch ArtifactTooLarge ArtifactCorrupt
    `- service:     StoreUnavailable Internal

A docstring's first line is the title of the answer; what is particular to one call is its detail. They are
rendered in one place, `api/problems.py`, and each code has a page in docs/errors/.
"""

from .access import Forbidden, KeyInvalid, KeyRequired, KeyUnknown
from .agents import AgentConflict, AgentInvalid, AgentUnknown, ImageUnusable, NoHost
from .approvals import (
    ApprovalUnknown,
    DecisionByRequester,
    DecisionMade,
    DecisionStale,
    DecisionTooLate,
    DecisionWithdrawn,
)
from .artifacts import ArtifactCorrupt, ArtifactMismatch, ArtifactTooLarge, ArtifactUnknown
from .base import MAX_FINDINGS, PAGES, AirlockError, Category, counted
from .requests import (
    BodyTooLarge,
    InvalidDocument,
    InvalidRequest,
    MethodNotAllowed,
    RateLimited,
    RouteUnknown,
    UnsupportedMediaType,
)
from .runs import (
    ContextInvalid,
    ContextTooLarge,
    IdempotencyMismatch,
    NodeBytesUnknown,
    NodeUnknown,
    RunFinal,
    RunNotRetryable,
    RunUnknown,
)
from .service import Internal, StoreUnavailable
from .workflows import WorkflowChanged, WorkflowInvalid, WorkflowUnknown

__all__ = [
    "AgentConflict",
    "AgentInvalid",
    "AgentUnknown",
    "AirlockError",
    "ApprovalUnknown",
    "ArtifactCorrupt",
    "ArtifactMismatch",
    "ArtifactTooLarge",
    "ArtifactUnknown",
    "BodyTooLarge",
    "Category",
    "ContextInvalid",
    "ContextTooLarge",
    "DecisionByRequester",
    "DecisionMade",
    "DecisionStale",
    "DecisionTooLate",
    "DecisionWithdrawn",
    "Forbidden",
    "IdempotencyMismatch",
    "ImageUnusable",
    "Internal",
    "InvalidDocument",
    "InvalidRequest",
    "KeyInvalid",
    "KeyRequired",
    "KeyUnknown",
    "MAX_FINDINGS",
    "MethodNotAllowed",
    "NoHost",
    "NodeBytesUnknown",
    "NodeUnknown",
    "PAGES",
    "RateLimited",
    "RouteUnknown",
    "RunFinal",
    "RunNotRetryable",
    "RunUnknown",
    "StoreUnavailable",
    "UnsupportedMediaType",
    "WorkflowChanged",
    "WorkflowInvalid",
    "WorkflowUnknown",
    "counted",
]
