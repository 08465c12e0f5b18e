"""Runs that are unknown, over, or were never started."""

from .base import AirlockError, Category


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
    hint = "`airlock runs explain RUN` says what the node waits for."


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
