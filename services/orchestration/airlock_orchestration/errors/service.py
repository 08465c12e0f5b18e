"""What is wrong on our side of the call."""

from .base import AirlockError, Category


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
